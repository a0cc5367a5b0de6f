// `claviger import botmaker`: keys and bots of BotMaker's keyring proxy. Bots keep their tokens: of these it kept the hashes.
import type { GatewayClient } from '../client.ts'
import { cliProblem } from '../problems.ts'
import { readGivenFile } from '../text-file.ts'
import type { Invocation, Result, Verb } from '../verb.ts'
import { type Asked, askGateway } from './ask-gateway.ts'
import { type BotMakerBot, type BotMakerDatabase, type BotMakerKey, readBotMaker } from './botmaker-store.ts'
import { carryOver, result } from './bring-over.ts'
import { type Item, leave } from './item.ts'
import { KnownSecrets } from './known-secrets.ts'

export const importBotMaker: Verb = {
  signature: 'botmaker <database>',
  summary: 'bring the keys and bots of BotMaker’s proxy over; bots keep their tokens, the database stays as it is',
  options: [
    { flags: '--write', about: 'bring it over; without it nothing is touched' },
    {
      flags: '--master-key-file <file>',
      about: 'its master key, 64 hex digits; else MASTER_KEY_FILE or MASTER_KEY of the environment',
    },
  ],
  examples: [
    'claviger import botmaker ./proxy.db',
    'claviger import botmaker ./proxy.db --master-key-file ./master.key --write',
  ],
  run: bringOver,
}

interface Present {
  readonly vendors: ReadonlySet<string> | undefined
  readonly keys: ReadonlySet<string>
  readonly bots: ReadonlySet<string>
  readonly client?: GatewayClient
  readonly known?: KnownSecrets | undefined
}

const nothing: Present = { vendors: undefined, keys: new Set(), bots: new Set() }

async function bringOver(invocation: Invocation): Promise<Result> {
  const { args, options, terminal } = invocation
  const write = options.write === true
  const from = args[0] ?? ''
  const masterKey = masterKeyOf(options.masterKeyFile as string | undefined, terminal.env)
  const { learnt, unasked } = await ask(invocation, write)
  const database = readBotMaker(from, masterKey)
  masterKey.fill(0)
  const items = planOf(database, learnt)
  const due = items.some(({ action }) => action === 'bring')
  const { client, known } = learnt
  if (!write || !due || client === undefined || known === undefined) {
    const next = due ? 'Nothing was changed. The same with --write brings it over.' : 'Nothing to do.'
    return result({ from, items, next: [next], unasked })
  }
  const around = { what: 'botmaker', from, client, known, home: invocation.settings().home }
  const { journal, items: done } = await carryOver(items, around)
  const next = ['Bots go on with their tokens: their base URL is /v1/<vendor> here (docs/guides/llm.md).']
  return result({ from, items: done, next, journal })
}

function ask(invocation: Invocation, write: boolean): Promise<Asked<Present>> {
  const look = async (client: GatewayClient, home: string): Promise<Present> => {
    const list = async (path: string, name: string) => {
      const { items } = (await client.ask({ method: 'GET', path })) as unknown as { items: Record<string, string>[] }
      return new Set(items.map((item) => item[name] as string))
    }
    const known = await KnownSecrets.open(home, client, write)
    const [vendors, keys] = [await list('/llm/vendors', 'id'), await list('/llm/keys', 'handle')]
    return { vendors, keys, bots: await list('/llm/bots', 'name'), client, known }
  }
  return askGateway<Present>(invocation, write, look, () => nothing)
}

/** Throws Problem `secret_source_missing`, `secret_source_invalid`. */
function masterKeyOf(file: string | undefined, env: Readonly<Record<string, string | undefined>>): Buffer {
  const path = file ?? env.MASTER_KEY_FILE
  const text = (path === undefined || path === '' ? env.MASTER_KEY : readGivenFile(path))?.trim()
  if (text === undefined || text === '') {
    throw cliProblem('secret_source_missing', {
      hint: 'Name its file: --master-key-file, or MASTER_KEY_FILE or MASTER_KEY.',
    })
  }
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw cliProblem('secret_source_invalid', { detail: 'The master key is 64 hex digits.' })
  }
  return Buffer.from(text, 'hex')
}

function planOf({ keys, bots, usageRows }: BotMakerDatabase, present: Present): Item[] {
  const rest =
    usageRows === 0 ? [] : [leave('log', 'usage_log', `${usageRows} rows stay there: they say nothing of tokens`)]
  return [...keys.map((key) => keyItem(key, present)), ...bots.map((bot) => botItem(bot, present)), ...rest]
}

function keyItem({ id, vendor, label, tag, secret }: BotMakerKey, { vendors, keys }: Present): Item {
  const what = 'credential'
  const facts = { vendor, ...(tag !== undefined && { tag }) }
  if (keys.has(id)) return { what, name: id, action: 'known', facts }
  if (secret === undefined) return leave(what, id, 'the master key does not open it', { failed: true, facts })
  if (vendors?.has(vendor) === false)
    return leave(what, id, `there is no vendor '${vendor}' here`, { failed: true, facts })
  const body = { vendor, secret, handle: id, label, tag }
  return { what, name: id, action: 'bring', facts, bring: async ({ client }) => bring(client, '/llm/keys', body) }
}

function botItem({ id, hostname, tokenHash, tags }: BotMakerBot, { bots }: Present): Item {
  const what = 'agent'
  if (bots.has(id)) return { what, name: id, action: 'known' }
  if (!/^[0-9a-f]{64}$/.test(tokenHash)) return leave(what, id, 'the hash of its token is none', { failed: true })
  const body = { name: id, hostname, tagsText: tags, tokenHash }
  return { what, name: id, action: 'bring', bring: async ({ client }) => bring(client, '/llm/bots', body) }
}

async function bring(client: GatewayClient, path: string, body: object) {
  await client.ask({ method: 'POST', path, body })
  return {}
}
