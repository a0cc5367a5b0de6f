// `claviger import clauth`: vault, scopes, skill tokens, OAuth sets and configuration of an installation of Clauth.
import { systemClock } from '../../ground/clock.ts'
import { Problem } from '../../ground/problem.ts'
import { clauthPassphrase } from '../clauth-passphrase.ts'
import type { GatewayClient } from '../client.ts'
import { type ExitCode, exitCode } from '../exit-codes.ts'
import { table } from '../render.ts'
import type { Invocation, Result, Verb } from '../verb.ts'
import { readClauthHome } from './clauth-home.ts'
import type { Item } from './clauth-item.ts'
import { planClauth } from './clauth-plan.ts'
import { askClauthPresent, type ClauthPresent, nothingHere } from './clauth-present.ts'
import { Journal, newJournalId } from './journal.ts'
import { KnownSecrets, newKey } from './known-secrets.ts'

export const importClauth: Verb = {
  signature: 'clauth <folder>',
  summary: 'bring an installation of Clauth over: vault, grants, skill tokens, OAuth sets, settings; it stays as it is',
  options: [
    { flags: '--write', about: 'bring it over; without it nothing is touched' },
    {
      flags: '--passphrase-file <file>',
      about: 'the passphrase of its vault; else CLAUTH_PASSPHRASE, CLAUTH_PASSPHRASE_FILE, or a prompt',
    },
  ],
  examples: ['claviger import clauth ~/.clauth', 'claviger import clauth ~/.clauth --write'],
  run: bringOver,
}

async function bringOver(invocation: Invocation): Promise<Result> {
  const { args, options, terminal } = invocation
  const write = options.write === true
  const { present, client } = await ask(invocation, write)
  const passphrase = () => clauthPassphrase(terminal, options.passphraseFile, 'Passphrase of Clauth’s vault')
  const home = await readClauthHome(args[0] ?? '', passphrase)
  const items = planClauth(home, present, systemClock.now())
  const due = items.some(({ action }) => action === 'bring')
  if (!write || !due || client === undefined) {
    const next = due ? 'Nothing was changed. The same with --write brings it over.' : 'Nothing to do.'
    return result({ from: home.folder, items, next: [next], offline: present === nothingHere })
  }
  const { journal, items: done } = await carryOver(items, home.folder, present, client, invocation.settings().home)
  const next = [`Credentials can be taken out again: claviger import undo ${journal} --remove`]
  return result({ from: home.folder, items: done, next, journal })
}

/** A dry run does without the gateway; it then cannot say what is there already. */
async function ask(
  invocation: Invocation,
  write: boolean,
): Promise<{ present: ClauthPresent; client?: GatewayClient | undefined }> {
  try {
    const client = invocation.operator()
    const { home } = invocation.settings()
    const known = await KnownSecrets.open(home, client, write)
    return { present: await askClauthPresent(client, known, home), client }
  } catch (error) {
    const absent = error instanceof Problem && ['gateway_not_running', 'operator_token_missing'].includes(error.code)
    if (write || !absent) throw error
    return { present: nothingHere }
  }
}

async function carryOver(
  items: readonly Item[],
  from: string,
  { known }: ClauthPresent,
  client: GatewayClient,
  home: string,
): Promise<{ journal: string; items: Item[] }> {
  const at = systemClock.now()
  const id = newJournalId(at)
  const journal = Journal.create(home, { journal: id, at, what: 'clauth', from: [from] }, await newKey(client, id))
  try {
    const done: Item[] = []
    for (const item of items) done.push(await bring(item, { client, journal, known: known as KnownSecrets, home }))
    journal.append({ finished: systemClock.now() })
    return { journal: id, items: done }
  } finally {
    journal.close()
  }
}

/** What fails for one is said, and the rest goes on. */
async function bring(item: Item, bringing: Parameters<NonNullable<Item['bring']>>[0]): Promise<Item> {
  if (item.bring === undefined) return item
  try {
    return { ...item, ...(await item.bring(bringing)) }
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'gateway_not_running') throw error
    const why = [`${error.title} [${error.code}]`, error.detail, error.hint].filter((part) => part !== undefined)
    return { ...item, action: 'leave', why: why.join('. '), failed: true }
  }
}

interface Told {
  readonly from: string
  readonly items: readonly Item[]
  readonly next: readonly string[]
  readonly journal?: string
  readonly offline?: boolean
}

function result({ from, items, next, journal, offline }: Told): Result {
  const said = {
    bring: journal === undefined ? 'would come over' : 'came over',
    known: 'is here already',
    leave: 'stays',
  }
  const shown = items.map(({ what, name, action, why, facts }) => ({ what, name, action: said[action], why, ...facts }))
  const code: ExitCode = items.some(({ failed }) => failed) ? exitCode.partly : exitCode.ok
  const rows = table(shown, ['what', 'name', 'action', 'why'], 'it is empty')
  const json = {
    dryRun: journal === undefined,
    from,
    ...(offline && { gateway: 'not running' }),
    journal,
    items: shown,
    next,
  }
  return { json, text: [rows, next.join('\n')].join('\n\n'), code }
}
