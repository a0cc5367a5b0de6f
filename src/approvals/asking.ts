/** Whether a new approval is opened for what an agent asks, and which one counts already. */
import type { Clock } from '../ground/clock.ts'
import { type AgentId, newOrderedId } from '../ground/ids.ts'
import { type Action, actionDigest } from './action.ts'
import { type Approval, type ApprovalId, approvalProblem } from './contract.ts'
import { DENIED_MS, type Flood, floodOf } from './floods.ts'
import { openedUnder, readIdempotencyKey } from './idempotency.ts'

/** What an agent wants a yes for. */
export interface Ask {
  readonly action: Action
  /** Of the agent, which the call came with. */
  readonly token: string
  readonly body?: Buffer | undefined
  readonly contentType?: string | undefined
  /** As it came. */
  readonly idempotencyKey?: string | undefined
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
    const { clock, of, open } = this.#needs
    const idempotencyKey = readIdempotencyKey(asked.idempotencyKey)
    const { action } = asked
    const digest = actionDigest(action)
    const agent = action.agent.id
    const now = clock.now()
    const own = of(agent)
    const opening = [...this.#opening.values()].flatMap(({ approval }) =>
      isNew(approval, agent, own) ? [approval] : [],
    )
    const all = [...own, ...opening]
    const known = openedUnder(idempotencyKey, all, { action, digest }, now) ?? countsFor(all, digest, now)
    if (known !== undefined) return own.includes(known) ? known : (this.#opening.get(known.id)?.done ?? known)
    refuseFlood(floodOf(all, now))
    const approval = newApproval({ ...asked, idempotencyKey }, digest, now)
    const done = open(approval, asked.body).finally(() => this.#opening.delete(approval.id))
    this.#opening.set(approval.id, { approval, done })
    return done
  }
}

/** Whether it is the agent's, and not among those that are open. */
function isNew(approval: Approval, agent: AgentId, open: readonly Approval[]): boolean {
  return approval.agent === agent && !open.some(({ id }) => id === approval.id)
}

/** Of an agent's own: one that waits for this digest, a yes that is good, or a no of the last day. */
function countsFor(own: readonly Approval[], digest: string, now: number): Approval | undefined {
  const same = own.filter((one) => one.digest === digest)
  return (
    same.findLast(({ status }) => status === 'approved' || status === 'pending') ??
    same.findLast(({ status, verdicts }) => status === 'denied' && now - (verdicts.at(-1)?.at ?? 0) < DENIED_MS)
  )
}

function newApproval({ action, token, contentType, idempotencyKey }: Ask, digest: string, now: number): Approval {
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
  }
}

function refuseFlood(flood: Flood): void {
  if (flood === undefined) return
  const facts = { retryAfterSeconds: Math.ceil(flood.waitMs / 1_000) }
  throw approvalProblem(flood.why === 'crowded' ? 'approvals_crowded' : 'approvals_cooling_down', { facts })
}
