/** Whether a new approval is opened for what an agent asks, and which one counts already. */
import type { Clock } from '../ground/clock.ts'
import { type AgentId, newOrderedId } from '../ground/ids.ts'
import { type Action, actionDigest } from './action.ts'
import { type Approval, approvalProblem } from './contract.ts'
import { DENIED_MS, type Flood, floodOf } from './floods.ts'

/** What an agent wants a yes for. */
export interface Ask {
  readonly action: Action
  /** Of the agent, which the call came with. */
  readonly token: string
  readonly body?: Buffer | undefined
  readonly contentType?: string | undefined
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
  readonly #opening = new Map<string, { readonly approval: Approval; readonly done: Promise<Approval> }>()

  constructor(needs: AskingNeeds) {
    this.#needs = needs
  }

  async ask(asked: Ask): Promise<Approval> {
    const { clock, of, open } = this.#needs
    const digest = actionDigest(asked.action)
    const agent = asked.action.agent.id
    const [now, own] = [clock.now(), of(agent)]
    const known = sameKey(own, asked, digest, now) ?? countsFor(own, digest, now)
    if (known !== undefined) return known
    const key = `${agent} ${digest}`
    const opening = this.#opening.get(key)
    if (opening !== undefined) return opening.done
    const others = [...this.#opening.values()].flatMap(({ approval }) => (approval.agent === agent ? [approval] : []))
    refuseFlood(floodOf([...own, ...others], now))
    const approval = newApproval(asked, digest, now)
    const done = open(approval, asked.body).finally(() => this.#opening.delete(key))
    this.#opening.set(key, { approval, done })
    return done
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

/** The one that was opened under the same idempotency key within a day. */
function sameKey(own: readonly Approval[], { idempotencyKey }: Ask, digest: string, now: number): Approval | undefined {
  if (idempotencyKey === undefined) return undefined
  const same = own.findLast((one) => one.idempotencyKey === idempotencyKey)
  if (same === undefined || now - same.openedAt > DENIED_MS) return undefined
  if (same.digest !== digest) throw approvalProblem('idempotency_conflict')
  return same
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
