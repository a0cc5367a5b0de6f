export interface ErrorFacts {
  /** HTTP status of the answer, where there was one. */
  readonly status?: number | undefined
  /** What happened in this case. */
  readonly detail?: string | undefined
  /** What would make it pass. */
  readonly hint?: string | undefined
  readonly requestId?: string | undefined
  readonly retryAfterSeconds?: number | undefined
  readonly cause?: unknown
}

/** A failure with a permanent code: the gateway's own (RFC 9457 problems, the ClawAuth door's errors), or one of this package. */
export class ClavigerError extends Error {
  readonly code: string
  readonly status: number | undefined
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly requestId: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: string, title: string, facts: ErrorFacts = {}) {
    const { cause, detail } = facts
    super(detail === undefined ? title : `${title}: ${detail}`, cause === undefined ? {} : { cause })
    this.name = 'ClavigerError'
    this.code = code
    this.status = facts.status
    this.detail = detail
    this.hint = facts.hint
    this.requestId = facts.requestId
    this.retryAfterSeconds = facts.retryAfterSeconds
  }
}

export function hasCode(error: unknown, ...codes: readonly string[]): error is ClavigerError {
  return error instanceof ClavigerError && codes.includes(error.code)
}
