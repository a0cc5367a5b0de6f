import type { ErrorCode } from './errors/codes.ts'

export interface ErrorFacts {
  /** HTTP status of the answer, where there was one. */
  readonly status?: number | undefined
  /** What happened in this case. */
  readonly detail?: string | undefined
  /** What would make it pass. */
  readonly hint?: string | undefined
  readonly requestId?: string | undefined
  readonly retryAfterSeconds?: number | undefined
  /** What else the gateway's problem says, e.g. which scopes are wanted. */
  readonly facts?: Readonly<Record<string, string | number>>
  readonly cause?: unknown
}

/** A failure with a permanent code: the gateway's own (RFC 9457 problems, its doors' errors), or one of this package. */
export class ClavigerError extends Error {
  /** As of this version of the package; a newer gateway may send others. */
  readonly code: ErrorCode
  readonly status: number | undefined
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly requestId: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly facts: Readonly<Record<string, string | number>>

  constructor(code: ErrorCode, title: string, facts: ErrorFacts = {}) {
    const { cause, detail } = facts
    super(detail === undefined ? title : `${title}: ${detail}`, cause === undefined ? {} : { cause })
    this.name = 'ClavigerError'
    this.code = code
    this.status = facts.status
    this.detail = detail
    this.hint = facts.hint
    this.requestId = facts.requestId
    this.retryAfterSeconds = facts.retryAfterSeconds
    this.facts = facts.facts ?? {}
  }
}

export function hasCode(error: unknown, ...codes: readonly string[]): error is ClavigerError {
  return error instanceof ClavigerError && codes.includes(error.code)
}
