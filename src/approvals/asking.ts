/** Whether a new approval is opened for what an agent asks, and which one counts already. */
import type { Clock } from '../ground/clock.ts'
import { type AgentId, newOrderedId } from '../ground/ids.ts'
import { type Action, actionDigest } from './action.ts'
import { type Approval, type ApprovalId, approvalProblem } from './contract.ts'
import { DENIED_MS, type Flood, floodOf } from './floods.ts'
import { openedUnder, readIdempotencyKey } from './idempotency.ts'
import { offeredWindow, type WindowBounds } from './windows/offer.ts'

/** What an agent wants a yes for. */
export interface Ask {
  readonly action: Action
  /** Of the agent, which the call came with. */
  readonly token: string
  readonly body?: Buffer | undefined
  readonly contentType?: string | undefined
  /** As it came. */
  readonly idempotencyKey?: string | undefined
  /** Of a call: how much more of the same the human may allow at once. */
  readonly window?: WindowBounds | undefined
}

export interface AskingNeeds {
  readonly clock: Clock
  /** All of an agent's, the oldest first, as they stand. */
  of(agent: AgentId): readonly Approval[]
  /** Makes it durable and recorded. */
  open(approval: Approval, body: Buffer | undefined): Promise<Approval>
}

export class Asking {
  readonly #needs: AskingNeeds
  /** Those that are being opened, so that a thousand at once are counted like a thousand one by one. */
  readonly #opening = new Map<ApprovalId, { readonly approval: Approval; readonly done: Promise<Approval> }>()

  constructor(needs: AskingNeeds) {
    this.#needs = needs
  }

  async ask(asked: Ask): Promise<Approval> {
    const { clock, open } = this.#needs
    const now = clock.now()
    const { known, digest, idempotencyKey, all } = this.#look(asked, now)
    if (known !== undefined) return this.#opening.get(known.id)?.done ?? known
    refuseFlood(floodOf(all, now))
    const approval = newApproval({ ...asked, idempotencyKey }, digest, now)
    const done = open(approval, asked.body).finally(() => this.#opening.delete(approval.id))
    this.#opening.set(approval.id, { approval, done })
    return done
  }

  /** What counts for it already; undefined where ask() would open another. Throws Problems as that does. */
  known(asked: Pick<Ask, 'action' | 'idempotencyKey'>): Approval | undefined {
    return this.#look(asked, this.#needs.clock.now()).known
  }

  #look({ action, idempotencyKey: given }: Pick<Ask, 'action' | 'idempotencyKey'>, now: number) {
    const idempotencyKey = readIdempotencyKey(given)
    const [digest, agent] = [actionDigest(action), action.agent.id]
    const own = this.#needs.of(agent)
    const all = [...own, ...this.#ofOpening(agent, own)]
    const known = openedUnder(idempotencyKey, all, { action, digest }, now) ?? countsFor(all, digest, now)
    return { known, digest, idempotencyKey, all }
  }

  /** Of an agent's that are being opened: those that are not in the book yet. */
  #ofOpening(agent: AgentId, own: readonly Approval[]): Approval[] {
    const opening = [...this.#opening.values()].map(({ approval }) => approval)
    return opening.filter((one) => one.agent === agent && !own.some(({ id }) => id === one.id))
  }
}

/** Of an agent's own: one that waits for this digest, a yes that is good, or a no of the last day. */
function countsFor(own: readonly Approval[], digest: string, now: number): Approval | undefined {
  const same = own.filter((one) => one.digest === digest)
  return (
    same.findLast(({ status }) => status === 'approved' || status === 'pending') ??
    same.findLast(({ status, verdicts }) => status === 'denied' && now - (verdicts.at(-1)?.at ?? 0) < DENIED_MS)
  )
}

function newApproval(asked: Ask, digest: string, now: number): Approval {
  const { action, token, contentType, idempotencyKey, window } = asked
  const isOffered = window !== undefined && action.kind === 'call'
  return {
    id: newOrderedId('apr', now),
    agent: action.agent.id,
    action,
    digest,
    status: 'pending',
    openedAt: now,
    expiresAt: now + action.terms.lifeSeconds * 1_000,
    verdicts: [],
    used: 0,
    token,
    contentType,
    idempotencyKey,
    offer: isOffered ? offeredWindow(action, digest, window) : undefined,
  }
}

function refuseFlood(flood: Flood): void {
  if (flood === undefined) return
  const facts = { retryAfterSeconds: Math.ceil(flood.waitMs / 1_000) }
  throw approvalProblem(flood.why === 'crowded' ? 'approvals_crowded' : 'approvals_cooling_down', { facts })
}
