// Sends for agents that left what humans said yes to: through the one gate, where everything is looked at again, and once.

import type { CallAction } from '../approvals/action.ts'
import type { Approval } from '../approvals/contract.ts'
import { MOST_ANSWER } from '../approvals/later/contract.ts'
import { denialProblem } from '../gate/denials.ts'
import type { AgentPrincipal } from '../gate/rooms.ts'
import { parseOrigin } from '../ground/origin.ts'
import { Problem } from '../ground/problem.ts'
import { canonicalTarget } from '../ground/target.ts'
import { asProblem } from '../http/send-problem.ts'
import type { Collect } from '../proxy/collect.ts'
import type { Rooms } from '../rooms.ts'

const LOOK_MS = 1_000
/** Sent at once, of all agents, and of one: a service that drips holds up its own agent alone. */
const MOST_AT_ONCE = 16
const MOST_OF_AGENT = 2
/** After a refusal that may be another one soon. */
const RETRY_MS = 5_000
/** Refusals that say nothing of the call. */
const PASSING: ReadonlySet<string> = new Set(['audit_unavailable', 'storage_full', 'storage_failed', 'vault_sealed'])
/** Nobody waits on a connection. */
const NOBODY = { destroyed: false, on: () => {} }

export class SendForAgents {
  readonly #rooms: Rooms
  readonly #collect: Collect
  readonly #onBug: (error: unknown, id: string) => void
  readonly #running = new Map<string, { readonly agent: string; readonly done: Promise<void> }>()
  /** When those that were refused for a while are tried again, milliseconds since 1970. */
  readonly #notBefore = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(rooms: Rooms, collect: Collect, onBug: (error: unknown, id: string) => void) {
    this.#rooms = rooms
    this.#collect = collect
    this.#onBug = onBug
    rooms.approvals.follow((_, what) => {
      if (what === 'approved' || what === 'send_asked') setImmediate(() => this.#look())
    })
  }

  /** Sends what there is now, and what comes, until close(). */
  start(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
    this.#look()
  }

  /** Sends no more. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** The same; resolves when what was sent is over and on record. */
  async close(): Promise<void> {
    this.stop()
    await Promise.all(Array.from(this.#running.values(), ({ done }) => done))
  }

  #look(): void {
    const { approvals, clock, vault } = this.#rooms
    if (this.#timer === undefined || vault.state().state !== 'unsealed') return
    const now = clock.now()
    const due = approvals.later.due()
    for (const id of this.#notBefore.keys()) if (!due.some((one) => one.id === id)) this.#notBefore.delete(id)
    for (const approval of due) {
      if (this.#running.size >= MOST_AT_ONCE) return
      const { id, agent } = approval
      if (this.#running.has(id) || this.#runningOf(agent) >= MOST_OF_AGENT) continue
      if (now < (this.#notBefore.get(id) ?? 0)) continue
      const done = this.#send(approval)
        .catch((error) => this.#onBug(error, id))
        .finally(() => this.#running.delete(id))
      this.#running.set(id, { agent, done })
    }
  }

  #runningOf(agent: string): number {
    let count = 0
    for (const one of this.#running.values()) if (one.agent === agent) count += 1
    return count
  }

  async #send(approval: Approval): Promise<void> {
    const { id, digest, action, later } = approval
    const { approvals, nextRid } = this.#rooms
    try {
      if (action.kind !== 'call' || later === undefined) throw new TypeError('only calls are sent')
      const principal = this.#principalOf(later.token)
      const body = await approvals.bodyOf(id)
      const answered = { id, digest }
      const call = { rid: nextRid(), principal, presented: undefined, answered, body, ...asAsked(action) }
      const answer = await this.#collect(call, NOBODY, MOST_ANSWER)
      await approvals.later.keep(id, answer)
    } catch (error) {
      await this.#failed(id, error)
    }
  }

  async #failed(id: Approval['id'], error: unknown): Promise<void> {
    const { approvals, clock } = this.#rooms
    if (!(error instanceof Problem)) this.#onBug(error, id)
    const { code, facts } = asProblem(error)
    const untouched = approvals.find(id).later?.state === 'waits'
    const { retryAfterSeconds } = facts
    if (untouched && (retryAfterSeconds !== undefined || PASSING.has(code))) {
      this.#notBefore.set(id, clock.now() + Math.max(RETRY_MS, Number(retryAfterSeconds ?? 0) * 1_000))
      return
    }
    this.#notBefore.delete(id)
    await approvals.later.over(id, code)
  }

  /** Who asked, by the token of then as it is now. Throws Problem `token_not_live`. */
  #principalOf(token: string): AgentPrincipal {
    const principal = this.#rooms.identity.room.directory.token(token)?.principal
    if (principal?.kind !== 'agent') throw denialProblem('token_not_live')
    return principal
  }
}

/** The call as it was shown. */
function asAsked({ service, method, origin, path, query, headers }: CallAction) {
  return {
    serviceName: service.name,
    method,
    target: canonicalTarget(query === '' ? path : `${path}?${query}`),
    origin: parseOrigin(origin, { anyPort: true }),
    rawHeaders: headers.flat(),
  }
}
