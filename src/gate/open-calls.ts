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
  #abort: ((reason: string) => void) | undefined
  #leave: (() => void) | undefined

  constructor(footing: CallFooting, leave: () => void) {
    this.footing = footing
    this.#leave = leave
  }

  /** Says how to stop the call. Called at once if it was aborted already. */
  onAbort(abort: (reason: string) => void): void {
    this.#abort = abort
    if (this.aborted !== undefined) abort(this.aborted)
  }

  abort(reason: string): void {
    if (this.aborted !== undefined || this.#leave === undefined) return
    this.aborted = reason
    this.#abort?.(reason)
  }

  /** The call is over; leaving twice does nothing. */
  leave(): void {
    this.#leave?.()
    this.#leave = undefined
    this.#abort = undefined
  }
}

/**
 * Every call between its admission and its end: the one place that a revocation looks to stop what already runs, and
 * that limits look to count it. A call is entered before its intent is written, so a revocation that is acknowledged
 * while the intent waits stops the call before its first upstream byte.
 */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>()
  readonly #perAgent = new Map<AgentId, number>()
  #empty: (() => void)[] = []

  get total(): number {
    return this.#calls.size
  }

  ofAgent(agent: AgentId): number {
    return this.#perAgent.get(agent) ?? 0
  }

  enter(footing: CallFooting): OpenCall {
    const call: OpenCall = new OpenCall(footing, () => this.#left(call))
    this.#calls.add(call)
    this.#perAgent.set(footing.agent, this.ofAgent(footing.agent) + 1)
    return call
  }

  /** Aborts every call whose footing matches; returns how many. */
  kill(matches: (footing: CallFooting) => boolean, reason: string): number {
    let killed = 0
    for (const call of this.#calls) {
      if (call.aborted !== undefined || !matches(call.footing)) continue
      call.abort(reason)
      killed += 1
    }
    return killed
  }

  /** Resolves when no call runs, or after `ms`. */
  drained(ms: number): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#empty.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #left(call: OpenCall): void {
    this.#calls.delete(call)
    const left = this.ofAgent(call.footing.agent) - 1
    if (left > 0) this.#perAgent.set(call.footing.agent, left)
    else this.#perAgent.delete(call.footing.agent)
    if (this.#calls.size > 0) return
    for (const resolve of this.#empty) resolve()
    this.#empty = []
  }
}
