import type { AgentId, CallId, CredentialId, GrantId, ServiceId, TokenId } from '../ground/ids.ts'

/** What a running call stands on: when any of it is taken away, the call ends. */
export interface CallFooting {
  readonly rid: CallId
  readonly agent: AgentId
  readonly token: TokenId
  readonly service: ServiceId
  readonly grant: GrantId
  readonly credential: CredentialId | undefined
}

/** One running call in the registry. */
export class OpenCall {
  readonly footing: CallFooting
  /** Why the call was ended from outside; undefined while it may run. */
  aborted: string | undefined
  /** Where the registry keeps it, -1 once it left; the registry's own business. */
  place = -1
  readonly #registry: OpenCalls
  #abort: ((reason: string) => void) | undefined
  #over: (() => void) | undefined

  constructor(footing: CallFooting, registry: OpenCalls) {
    this.footing = footing
    this.#registry = registry
  }

  /** Says how to stop the call. Called at once if it was aborted already. */
  onAbort(abort: (reason: string) => void): void {
    this.#abort = abort
    if (this.aborted !== undefined) abort(this.aborted)
  }

  /** Says what is to be let go of when the call is over. */
  onOver(over: () => void): void {
    this.#over = over
  }

  abort(reason: string): void {
    if (this.aborted !== undefined || this.place < 0) return
    this.aborted = reason
    this.#abort?.(reason)
  }

  /** The call is over; leaving twice does nothing. */
  leave(): void {
    this.#registry.left(this)
    this.#abort = undefined
    this.#over?.()
    this.#over = undefined
  }
}

/** So many agents keep their count of zero: an agent that calls again and again is not taken out and put in each time. */
const MAX_RESTING = 1_024

/**
 * Every call between its admission and its end: the one place that a revocation looks to stop what already runs, and
 * that limits look to count it. A call is entered before its intent is written, so a revocation that is acknowledged
 * while the intent waits stops the call before its first upstream byte.
 */
export class OpenCalls {
  /** An array, not a Set: of a Set that is added to all the time, dead tables keep dead calls alive for long. */
  readonly #calls: OpenCall[] = []
  readonly #perAgent = new Map<AgentId, number>()
  #empty: (() => void)[] = []

  get total(): number {
    return this.#calls.length
  }

  ofAgent(agent: AgentId): number {
    return this.#perAgent.get(agent) ?? 0
  }

  enter(footing: CallFooting): OpenCall {
    const call = new OpenCall(footing, this)
    call.place = this.#calls.length
    this.#calls.push(call)
    this.#perAgent.set(footing.agent, this.ofAgent(footing.agent) + 1)
    return call
  }

  /** Aborts every call whose footing matches; returns how many. */
  kill(matches: (footing: CallFooting) => boolean, reason: string): number {
    let killed = 0
    for (const call of [...this.#calls]) {
      if (call.aborted !== undefined || !matches(call.footing)) continue
      call.abort(reason)
      killed += 1
    }
    return killed
  }

  /** Resolves when no call runs, after `ms`, or when `hurry` is told. */
  drained(ms: number, hurry?: AbortSignal): Promise<void> {
    if (this.#calls.length === 0 || hurry?.aborted === true) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#empty.push(done)
      hurry?.addEventListener('abort', done, { once: true })
    })
  }

  /** What `OpenCall.leave` calls. */
  left(call: OpenCall): void {
    const last = this.#calls.at(-1)
    if (last === undefined || this.#calls[call.place] !== call) return
    this.#calls[call.place] = last
    last.place = call.place
    call.place = -1
    this.#calls.pop()
    this.#uncount(call.footing.agent)
    if (this.#calls.length > 0) return
    for (const resolve of this.#empty) resolve()
    this.#empty = []
  }

  #uncount(agent: AgentId): void {
    const left = this.ofAgent(agent) - 1
    if (left > 0 || this.#perAgent.size <= MAX_RESTING) this.#perAgent.set(agent, left)
    else this.#perAgent.delete(agent)
  }
}
