/** What a promised failure looks like before it happens: its status, its sentence and what would make the call pass. */
export interface ProblemType {
  readonly status: number
  readonly title: string
  readonly hint?: string
}

/** Facts a problem may carry to the caller: strings and numbers only, so that no object with a secret rides along. */
export type ProblemFacts = Readonly<Record<string, string | number>>

export interface ProblemOptions {
  /** This occurrence, in one sentence. Never contains a secret. */
  readonly detail?: string
  /** Replaces the type's hint where this occurrence knows better. */
  readonly hint?: string
  readonly facts?: ProblemFacts
  readonly cause?: unknown
}

/**
 * A promised failure with a permanent code, sent as RFC 9457 `application/problem+json`.
 * Anything thrown that is not a Problem is a bug, and the caller learns only a request id.
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: string
  readonly status: number
  readonly title: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly facts: ProblemFacts

  constructor(code: string, type: ProblemType, options: ProblemOptions = {}) {
    super(options.detail ?? type.title, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = type.status
    this.title = type.title
    this.detail = options.detail
    this.hint = options.hint ?? type.hint
    this.facts = options.facts ?? {}
  }

  /** The RFC 9457 body. `type` is a URN made of the permanent code. */
  toBody(requestId?: string): Record<string, string | number> {
    const body: Record<string, string | number> = { ...this.facts }
    body.type = `urn:claviger:problem:${this.code}`
    body.title = this.title
    body.status = this.status
    body.code = this.code
    if (this.detail !== undefined) body.detail = this.detail
    if (this.hint !== undefined) body.hint = this.hint
    if (requestId !== undefined) body.requestId = requestId
    return body
  }
}

export type ProblemCatalogue = Readonly<Record<string, ProblemType>>

/** Turns a room's catalogue into a function that makes its problems and refuses a code that is not promised. */
export function problemsOf<C extends ProblemCatalogue>(catalogue: C) {
  return (code: keyof C & string, options?: ProblemOptions): Problem => {
    const type = catalogue[code]
    if (type === undefined) throw new TypeError(`no problem type '${code}'`)
    return new Problem(code, type, options)
  }
}
