import type { Command } from 'commander'
import { Problem } from '../ground/problem.ts'
import type { GatewayClient } from './client.ts'
import { openNewFile } from './new-file.ts'
import { cliProblem } from './problems.ts'
import { facts, table } from './render.ts'
import { addVerb, type Options, type Session, type Verb } from './verb.ts'

const COLUMNS = ['id', 'agent', 'says', 'assurance', 'status', 'openedAt', 'expiresAt', 'decidedBy']
const ANSWERS = ['name', 'verdict', 'assurance', 'channel', 'at', 'comment']
type Item = Readonly<Record<string, unknown>>

/** An agent by its name. */
const shown = (item: Item): Item => ({ ...item, agent: (item.agent as { name: string }).name })

const pending: Verb = {
  signature: 'pending',
  summary: 'what waits for a yes or a no',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/approvals?status=pending' })
    const items = (json as { items: Item[] }).items.map(shown)
    return { json, text: table(items, COLUMNS, 'nothing waits') }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'approvals, the newest first',
  options: [
    { flags: '--status <status>', about: 'pending, approved, denied, expired, cancelled or consumed' },
    { flags: '--agent <name>', about: 'of this agent' },
  ],
  async run({ options, operator }) {
    const asked = new URLSearchParams()
    for (const name of ['status', 'agent']) if (options[name] !== undefined) asked.set(name, options[name])
    const json = await operator().ask({ method: 'GET', path: `/approvals${asked.size > 0 ? `?${asked}` : ''}` })
    return { json, text: table((json as { items: Item[] }).items.map(shown), COLUMNS, 'none') }
  },
}

/** What became of a call that the gateway sends for an agent. */
function sendingOf({ sending }: Item): Item {
  if (sending === undefined) return {}
  const { state, code } = sending as { readonly state: string; readonly code?: string }
  return { sending: code === undefined ? state : `${state} (${code})` }
}

const show: Verb = {
  signature: 'show <id>',
  summary: 'one approval: what would be sent, by whom, with which credential, and who answered what',
  async run({ args: [id = ''], operator }) {
    const json = await operator().ask({ method: 'GET', path: `/approvals/${encodeURIComponent(id)}` })
    // The text has the rest, all of it.
    const { id: name, status, openedAt, expiresAt, decidedAt, decidedBy, reason, uses, answers, text } = json as Item
    const offer = offerText(json.window as Offer | undefined)
    const used = (uses as { used: number }).used
    const about = {
      id: name,
      status,
      ...sendingOf(json as Item),
      openedAt,
      expiresAt,
      decidedAt,
      decidedBy,
      reason,
      ...(used > 0 && { used }),
    }
    const who = table((answers as Item[]) ?? [], ANSWERS, '')
    return { json, text: [facts(about), who, text, offer].filter((part) => part !== '').join('\n\n') }
  },
}

const body: Verb = {
  signature: 'body <id>',
  summary: 'the whole body that waits to be sent, into a new file',
  options: [{ flags: '--out <file>', about: 'the file; it must not be there', required: true }],
  async run({ args: [id = ''], options: { out = '' }, operator }) {
    const file = openNewFile(out)
    const path = `/approvals/${encodeURIComponent(id)}/body`
    const json = await operator().ask({ method: 'GET', path }).catch(file.drop)
    const { bytes, base64 } = json as { bytes: number; base64: string }
    file.write(Buffer.from(base64, 'base64'))
    return { json: { bytes, out }, text: `${bytes} bytes in ${out}` }
  },
}

interface Offer {
  readonly digest: string
  readonly text: string
}

/** Throws Problem `window_not_offered`. */
async function offerIn({ window }: { readonly window?: Offer }): Promise<Offer> {
  if (window !== undefined) return window
  const { approvalProblem } = await import('../approvals/contract.ts')
  throw approvalProblem('window_not_offered')
}

function offerText(offer: Offer | undefined): string {
  return offer === undefined ? '' : `It offers a trust window (claviger approve --window):\n\n${offer.text}`
}

const comment = { flags: '--comment <text>', about: 'said on the record, and to the agent' }

/** An approval never becomes another action's, so its id says as much as its digest. */
async function answered(operator: GatewayClient, id: string, verdict: 'approved' | 'denied', options: Options) {
  const path = `/approvals/${encodeURIComponent(id)}`
  const asked = (await operator.ask({ method: 'GET', path })) as { digest: string; window?: Offer }
  const { digest } = options.window === true ? await offerIn(asked) : asked
  const body = { verdict, digest, ...(options.comment !== undefined && { comment: options.comment }) }
  return (await operator.ask({ method: 'POST', path: `${path}/verdict`, body })) as Item
}

const approve: Verb = {
  signature: 'approve <id>',
  summary: 'say yes, where a tap is enough; a passkey answers the rest',
  options: [comment, { flags: '--window', about: 'and open the trust window that it offers' }],
  async run({ args: [id = ''], options, operator }) {
    const json = await answered(operator(), id, 'approved', options)
    return { json, text: facts(shown(json)) }
  },
}

const deny: Verb = {
  signature: 'deny [id]',
  summary: 'say no, to one or to all that waits',
  options: [
    comment,
    { flags: '--window', about: 'refuse the trust window alone' },
    { flags: '--all', about: 'to all that waits' },
    { flags: '--agent <name>', about: 'to all of this agent that waits' },
  ],
  examples: ["claviger deny apr_… --comment 'not today'", 'claviger deny --agent coder'],
  async run({ args: [id], options, operator }) {
    const { all, agent, window } = options
    const several = all === true || agent !== undefined
    if ((id !== undefined) === several || (several && window === true)) {
      throw cliProblem('usage', { detail: 'Name one approval, or say --all or --agent.' })
    }
    const client = operator()
    if (id !== undefined) {
      const json = await answered(client, id, 'denied', options)
      return { json, text: facts(shown(json)) }
    }
    const asked = new URLSearchParams({ status: 'pending', ...(agent !== undefined && { agent }) })
    const { items } = (await client.ask({ method: 'GET', path: `/approvals?${asked}` })) as { items: { id: string }[] }
    const answers: Item[] = []
    for (const one of items) answers.push(await answered(client, one.id, 'denied', options).catch(overMeanwhile))
    const denied = answers.filter(({ status }) => status === 'denied')
    return { json: { items: denied }, text: table(denied.map(shown), COLUMNS, 'nothing waits') }
  },
}

/** Somebody else was faster, or its time was over: no yes of ours. */
function overMeanwhile(error: unknown): Item {
  if (error instanceof Problem && /^approval_/.test(error.code)) return {}
  throw error
}

const withdraw: Verb = {
  signature: 'withdraw <id>',
  summary: 'take back a yes that is not used up',
  async run({ args: [id = ''], operator }) {
    const json = await operator().ask({ method: 'POST', path: `/approvals/${encodeURIComponent(id)}/withdraw` })
    return { json, text: facts(shown(json as Item)) }
  },
}

export function approvalCommands(program: Command, session: Session): void {
  addVerb(program, session, pending)
  addVerb(program, session, approve)
  addVerb(program, session, deny)
  const approval = program.command('approval').description('what humans were asked')
  for (const verb of [list, show, body, withdraw]) addVerb(approval, session, verb)
}
