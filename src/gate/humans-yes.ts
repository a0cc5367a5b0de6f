/**
 * A human's yes for a call: asked for, waited for, and taken. What is shown is made here, once, of what would be sent; what
 * is sent afterwards is compared with it, by digest, in the transaction that takes the yes.
 */
import { createHash } from 'node:crypto'
import { type AskingRule, actionDigest, type CallAction, type Terms } from '../approvals/action.ts'
import type { WindowBounds } from '../approvals/windows/offer.ts'
import { strongest } from '../policy/assurance.ts'
import type { Actor } from '../storage/storage.ts'
import type { AskingRoom } from './asking-room.ts'
import { denialProblem } from './denials.ts'
import type { Gathered } from './gather-facts.ts'
import type {
  Answered,
  ApprovalStanding,
  CallContents,
  Caller,
  CallRequest,
  GateApprovals,
  GateRooms,
} from './rooms.ts'
import { SentLater } from './sent-later.ts'

/** A yes that was given. */
export interface Yes {
  readonly id: string
  readonly digest: string
  readonly contents: CallContents
  /** One use is taken already: that of a trust window is by comparing the call. */
  readonly taken: boolean
  /** Whether it is good for what would be sent now. */
  fits(action: CallAction): boolean
  /** The gateway sends it for an agent that left. */
  readonly forAgent?: boolean
}

/** Where a service's own action wants a human, and no rule says how sure the answer must be. */
const USUAL: Terms = Object.freeze({ assurance: 'passkey', lifeSeconds: 900, uses: 1 })

/**
 * Asks, and waits as long as the caller does. Rejects with Problem `approval_required` (`approval`: its id) where the answer
 * is not there yet, `approval_denied` where it is no.
 */
export async function humansYes(
  call: CallRequest,
  gathered: Gathered,
  rooms: GateRooms,
  approvals: GateApprovals,
  room: AskingRoom,
  caller: Caller,
  contents: CallContents,
): Promise<Yes> {
  if (caller.leaves === true && call.principal.token.kind !== 'ak') throw denialProblem('async_refused')
  const { action, window } = actionOf(call, gathered, contents, rooms, approvals)
  const underWindow = () => windowsYes(call, gathered, action, contents, approvals)
  const allowed = await underWindow()
  if (allowed !== undefined) return allowed
  const { body, headers, idempotencyKey } = contents
  const contentType = headers.find(([name]) => name === 'content-type')?.[1]
  const token = call.principal.token.id
  const opened = await approvals.ask({ action, token, body, contentType, idempotencyKey, window })
  const standing = await waited(opened, call.principal.agent.id, caller, approvals, room)
  const { id, digest, status } = standing
  if (status === 'approved') return onceYes({ id, digest }, contents)
  // Somebody may have allowed it among others meanwhile. Of a caller that left, no use is taken.
  const isOpen = (status === 'pending' || status === 'cancelled') && !caller.gone
  const later = isOpen ? await underWindow() : undefined
  if (later !== undefined) return later
  throw caller.leaves === true && !caller.gone ? await leftWith(standing, call, approvals) : unanswered(standing)
}

/** A yes to exactly this. */
export function onceYes({ id, digest }: Answered, contents: CallContents): Yes {
  return { id, digest, contents, taken: false, fits: (now) => actionDigest(now) === digest }
}

/** The call is sent for its agent, unless there was an answer meanwhile. */
async function leftWith(standing: ApprovalStanding, call: CallRequest, approvals: GateApprovals): Promise<Error> {
  const left = standing.status === 'pending' ? await approvals.sendLater(standing.id, asActor(call)) : standing
  const { later, status } = left
  const isOver = status === 'denied' || status === 'expired' || status === 'cancelled'
  return later === undefined || isOver ? unanswered(left) : new SentLater(left)
}

/** One use of a trust window, taken. What the guard noticed of this call no window foresaw. */
async function windowsYes(
  call: CallRequest,
  { question }: Gathered,
  action: CallAction,
  contents: CallContents,
  approvals: GateApprovals,
): Promise<Yes | undefined> {
  if (question.findings.some(({ effect }) => effect === 'ask')) return undefined
  const { rid } = call
  const { idempotencyKey } = contents
  const taken = await approvals.takeWindow(action, { rid, by: asActor(call), idempotencyKey })
  return taken && { id: taken.id, digest: taken.digest, contents, taken: true, fits: (now) => taken.covers(now) }
}

/** What would be sent now. */
export function actionNow(
  call: CallRequest,
  gathered: Gathered,
  contents: CallContents,
  rooms: GateRooms,
  approvals: GateApprovals,
): CallAction {
  return actionOf(call, gathered, contents, rooms, approvals).action
}

export const asActor = ({ principal }: CallRequest): Actor => ({
  kind: 'agent',
  id: principal.agent.id,
  key: principal.token.id,
})

async function waited(
  opened: ApprovalStanding,
  agent: string,
  caller: Caller,
  approvals: GateApprovals,
  room: AskingRoom,
): Promise<ApprovalStanding> {
  const patience = opened.status === 'pending' ? caller.patience() : undefined
  if (patience === undefined || patience.waitMs === 0) return opened
  const { waitMs, signal } = patience
  return (await room.waiting(agent, () => approvals.settled(opened.id, waitMs, signal))) ?? opened
}

function unanswered({ id, status, expiresAt }: ApprovalStanding) {
  const facts = { approval: id, expiresAt: new Date(expiresAt).toISOString() }
  if (status === 'pending') return denialProblem('approval_required', { facts: { ...facts, retryAfterSeconds: 2 } })
  if (status === 'denied') return denialProblem('approval_denied', { facts })
  return denialProblem('approval_not_given', { facts: { ...facts, became: status } })
}

function actionOf(
  call: CallRequest,
  { service, origin, resolution, credential, rules: judged }: Gathered,
  { body, headers }: CallContents,
  rooms: GateRooms,
  { install }: GateApprovals,
): { readonly action: CallAction; readonly window: WindowBounds | undefined } {
  if (service === undefined || origin === undefined) throw denialProblem('target_not_allowed')
  const { agent } = call.principal
  const handle = credential === undefined ? undefined : rooms.credentials.aboutOf(credential)?.handle
  const { terms, rules, window } = whoAsks({ resolution, rules: judged }, service)
  const action: CallAction = {
    kind: 'call',
    install,
    agent: { id: agent.id, name: agent.name ?? agent.id },
    service: { id: service.id, name: service.name, version: String(service.epoch) },
    action: resolution?.action,
    risk: resolution?.risk ?? 'high',
    method: call.method,
    origin: origin.href,
    path: call.target.path,
    query: call.target.query,
    headers,
    body: body === undefined || body.length === 0 ? undefined : { bytes: body.length, sha256: sha256(body) },
    credential: credential === undefined ? undefined : { id: credential, handle: handle ?? credential },
    rules,
    terms,
  }
  return { action, window }
}

/** The rules that ask, the service's own action among them: the strongest assurance, the least of everything else, and a window only where all give one. */
function whoAsks(
  { resolution, rules }: Pick<Gathered, 'resolution' | 'rules'>,
  service: { readonly id: string; readonly name: string; readonly epoch: number },
): { terms: Terms; rules: readonly AskingRule[]; window?: WindowBounds | undefined } {
  const name = `${service.name}:${resolution?.action ?? '*'}`
  const own: AskingRule = { id: service.id, name, version: service.epoch }
  const usual = { ...USUAL, assurance: resolution?.ask ?? USUAL.assurance }
  if (rules === 'needs_body' || rules.effect !== 'ask' || rules.terms === undefined)
    return { terms: usual, rules: [own] }
  const { assurance, lifeSeconds, uses, window } = rules.terms
  const asking = rules.rules.length === 0 ? [BY_DEFAULT] : rules.rules
  if (resolution?.ask === undefined) return { terms: { assurance, lifeSeconds, uses }, rules: asking, window }
  const terms = {
    assurance: strongest(assurance, resolution.ask) ?? assurance,
    lifeSeconds: Math.min(lifeSeconds, usual.lifeSeconds),
    uses: Math.min(uses, usual.uses),
  }
  return { terms, rules: [...asking, own].sort((one, other) => (one.id < other.id ? -1 : 1)) }
}

/** What asks where no rule is about a call. */
const BY_DEFAULT: AskingRule = Object.freeze({ id: 'default', name: 'default', version: 0 })

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
