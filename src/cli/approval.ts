import type { Command } from 'commander'
import { openNewFile } from './new-file.ts'
import { facts, table } from './render.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

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

const show: Verb = {
  signature: 'show <id>',
  summary: 'one approval: what would be sent, by whom, with which credential, and who answered what',
  async run({ args: [id = ''], operator }) {
    const json = await operator().ask({ method: 'GET', path: `/approvals/${encodeURIComponent(id)}` })
    // The text has the rest, all of it.
    const { id: name, status, openedAt, expiresAt, decidedAt, decidedBy, reason, uses, answers, text } = json as Item
    const offer = offerText(json.window as Offer | undefined)
    const used = (uses as { used: number }).used
    const about = { id: name, status, openedAt, expiresAt, decidedAt, decidedBy, reason, ...(used > 0 && { used }) }
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

function answer(name: 'approve' | 'deny', verdict: 'approved' | 'denied', summary: string): Verb {
  const about = name === 'approve' ? 'and open the trust window that it offers' : 'refuse the trust window alone'
  return {
    signature: `${name} <id>`,
    summary,
    options: [
      { flags: '--comment <text>', about: 'said on the record, and to the agent' },
      { flags: '--window', about },
    ],
    async run({ args: [id = ''], options, operator }) {
      const path = `/approvals/${encodeURIComponent(id)}`
      // An approval never becomes another action's, so its id says as much as its digest.
      const asked = (await operator().ask({ method: 'GET', path })) as { digest: string; window?: Offer }
      const { digest } = options.window === true ? await offerIn(asked) : asked
      const body = { verdict, digest, ...(options.comment !== undefined && { comment: options.comment }) }
      const json = await operator().ask({ method: 'POST', path: `${path}/verdict`, body })
      return { json, text: facts(shown(json as Item)) }
    },
  }
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
  addVerb(program, session, answer('approve', 'approved', 'say yes, where a tap is enough; a passkey answers the rest'))
  addVerb(program, session, answer('deny', 'denied', 'say no'))
  const approval = program.command('approval').description('what humans were asked')
  for (const verb of [list, show, body, withdraw]) addVerb(approval, session, verb)
}
