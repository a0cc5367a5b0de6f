// Asking a human: about what the agent does itself, and waiting for the answer to that or to a call.
import type { Assurance, Risk, StatedAction } from '../approval/digest.ts'
import { randomId } from '../bytes.ts'
import { ClavigerError, hasCode } from '../claviger-error.ts'
import { BusyError, ConnectionError, UnavailableError } from '../errors/families.ts'
import { pause } from '../pause.ts'
import { isObject, type JsonObject } from '../strict-json.ts'
import { type Answered, type Asked, invalidAnswer, stringIn, Wire } from '../wire.ts'
import { type Caller, is401 } from './call.ts'

export interface ApprovalRequest {
  /** What you call it, e.g. `shell.exec`. */
  readonly action: string
  /** Tool, parameters, directory …: shown whole. */
  readonly context?: Readonly<Record<string, unknown>>
  /** What its doer compares, where that is more than the context: shown whole too. */
  readonly payload?: unknown
  /** Hex SHA-256 instead; people are told that they do not see what it is of. */
  readonly payloadHash?: string
  /** Your own words. */
  readonly description?: string
  /** `high` if left out; the gateway may raise it. */
  readonly risk?: Risk
  /** More than the gateway wants; less counts for nothing. */
  readonly assurance?: Assurance
  /** How long an answer is waited for: 900 if left out. */
  readonly lifeSeconds?: number
  /** How long a yes is good for: 300 if left out. */
  readonly goodSeconds?: number
  /** Your own name for it: what has the same name and content is one. */
  readonly requestId?: string
  /** One for each thing to be done: asked again with it, nobody is asked twice. A new one if left out. */
  readonly idempotencyKey?: string
}

export type ApprovalStatus = 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled' | 'consumed'

export interface Approval {
  readonly id: string
  readonly status: ApprovalStatus
  readonly digest: string
  readonly assurance: Assurance
  /** ISO 8601. While pending: until when it is waited for; then: until when the yes is good. */
  readonly expiresAt: string
  readonly decidedBy?: string
  /** What they said to it. */
  readonly reason?: string
  readonly [member: string]: unknown
}

export interface StatedApproval extends Approval {
  readonly payloadHash: string
  /** All that the digest covers: hand it on with the receipt. */
  readonly action: StatedAction
}

export interface AnsweredApproval extends Approval {
  /** The proof, where somebody said yes or no. */
  readonly receipt?: string
}

export interface WaitOptions {
  /** Ends the waiting: it throws the signal's reason. The approval stays as it is. */
  readonly signal?: AbortSignal
  /** Ends the waiting too: `verdict_timeout`. As long as the approval waits if left out. */
  readonly timeoutMs?: number
}

const PATH = '/claviger/v1/agents/self/approvals'
const TRIES = 3
/** Of one question; an answer takes longer than people like to be kept on one connection. */
const POLL_SECONDS = 20
/** How many questions in a row may fail: about four minutes. */
const MOST_FAILURES = 30
const LONGEST_PAUSE_MS = 10_000

/** How long to leave a gateway alone that failed so many times in a row. */
export const pauseAfter = (failures: number): number => Math.min(LONGEST_PAUSE_MS, 250 * 2 ** failures)

/** Undefined where it cannot be known now, and may be known later. */
export async function mayPass<T>(
  ask: () => Promise<T>,
  signal: AbortSignal | undefined,
  failures: number,
): Promise<T | undefined> {
  signal?.throwIfAborted()
  try {
    return await ask()
  } catch (error) {
    signal?.throwIfAborted()
    const passes = [ConnectionError, BusyError, UnavailableError].some((family) => error instanceof family)
    if (!passes || failures >= MOST_FAILURES) throw error
    return undefined
  }
}

export class Approvals {
  readonly #wire: Wire

  constructor({ baseUrl }: Wire, caller: Caller) {
    this.#wire = new Wire({ baseUrl, fetch: (url, init) => caller.send(url, init, is401) })
  }

  /** Asked again by itself where the connection broke: under one key that is one. */
  async request({ idempotencyKey = randomId(), ...body }: ApprovalRequest): Promise<StatedApproval> {
    const headers = { 'idempotency-key': idempotencyKey }
    for (let left = TRIES - 1; ; left -= 1) {
      try {
        const answer = await this.#wire.ask({ method: 'POST', path: PATH, headers, body })
        if (!isObject(answer.json.action)) throw invalidAnswer(answer.status, 'action is missing')
        stringIn(answer, 'payloadHash')
        return approvalIn(answer) as StatedApproval
      } catch (error) {
        if (!(error instanceof ConnectionError) || left === 0) throw error
      }
    }
  }

  async get(id: string, more: Pick<Asked, 'signal'> & { readonly waitSeconds?: number } = {}): Promise<Approval> {
    const { waitSeconds = 0, signal } = more
    const path = `${PATH}/${encodeURIComponent(id)}${waitSeconds > 0 ? `?wait=${waitSeconds}` : ''}`
    return approvalIn(await this.#wire.ask({ method: 'GET', path, signal }))
  }

  async cancel(id: string): Promise<Approval> {
    return approvalIn(await this.#wire.ask({ method: 'DELETE', path: `${PATH}/${encodeURIComponent(id)}` }))
  }

  async wait(id: string, options: WaitOptions): Promise<AnsweredApproval> {
    return this.#withReceipt(await this.settled(id, options), options.signal)
  }

  /** The same without the receipt. */
  async settled(id: string, { signal, timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions): Promise<Approval> {
    const end = Date.now() + timeoutMs
    for (let failures = 0; ; ) {
      const startedAt = Date.now()
      const waitSeconds = Math.max(0, Math.min(POLL_SECONDS, Math.ceil((end - startedAt) / 1_000)))
      const found = await mayPass(() => this.get(id, { waitSeconds, signal }), signal, failures)
      failures = found === undefined ? failures + 1 : 0
      if (found !== undefined && found.status !== 'pending') return found
      const left = end - Date.now()
      if (left <= 0) throw new ClavigerError('verdict_timeout', 'Nobody answered in time', { facts: { approval: id } })
      // A gateway that stops answers at once.
      const least = failures > 0 ? pauseAfter(failures) : startedAt + 1_000 - Date.now()
      await pause(Math.min(left, least), signal)
    }
  }

  async #withReceipt(found: Approval, signal: AbortSignal | undefined): Promise<AnsweredApproval> {
    try {
      const path = `${PATH}/${encodeURIComponent(found.id)}/receipt`
      const receipt = stringIn(await this.#wire.ask({ method: 'GET', path, signal }), 'receipt')
      return { ...found, receipt }
    } catch (error) {
      signal?.throwIfAborted()
      if (hasCode(error, 'receipt_missing')) return found
      throw error
    }
  }
}

function approvalIn(answer: Answered): Approval {
  for (const name of ['id', 'status', 'digest', 'expiresAt']) stringIn(answer, name)
  return answer.json as JsonObject as Approval
}
