// What a declared signature is made over: pieces of the request as it goes out, in the order in which the service wants them.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { comparableName } from '../ground/header-names.ts'
import { piecesOf } from '../ground/placeholders.ts'
import { hostOf } from './host-of.ts'
import type { OutgoingHead } from './request-head.ts'

/** The request, and what was made for it alone. */
export interface Signed {
  readonly head: OutgoingHead
  /** The query as it is sent, but for the signature. */
  readonly query: string
  readonly body: Buffer
  readonly timestamp: string
  readonly nonce: string
  readonly keyId: string
  /** Once it is made; nothing that is signed names it. */
  readonly signature?: string
}

type Value = (signed: Signed, argument: string) => string | Buffer

const digest = (algorithm: string, encoding: 'hex' | 'base64') => (signed: Signed) =>
  createHash(algorithm).update(signed.body).digest(encoding)

const values: Readonly<Record<string, Value>> = {
  method: ({ head }) => head.method,
  path: ({ head }) => head.matched.path,
  query: ({ query }) => query,
  target: ({ head, query }) => targetOf(head, query),
  host: ({ head }) => hostOf(head.origin),
  header: ({ head }, name) => headerOf(head, name),
  timestamp: ({ timestamp }) => timestamp,
  nonce: ({ nonce }) => nonce,
  key_id: ({ keyId }) => keyId,
  signature: ({ signature = '' }) => signature,
  body: ({ body }) => body,
  body_sha256: digest('sha256', 'hex'),
  body_sha256_base64: digest('sha256', 'base64'),
  body_sha512: digest('sha512', 'hex'),
  body_sha512_base64: digest('sha512', 'base64'),
}

/** A text with placeholders, read once. */
export class SignedText {
  readonly #pieces: readonly (string | readonly [Value, string])[]

  constructor(text: string) {
    this.#pieces = piecesOf(text).map((piece) => {
      if (typeof piece === 'string') return piece
      const value = Object.hasOwn(values, piece.name) ? values[piece.name] : undefined
      return value === undefined ? piece.whole : ([value, piece.argument] as const)
    })
  }

  /** For what is sent; bodies are not. */
  text(signed: Signed): string {
    let text = ''
    this.feed(signed, (piece) => {
      text += typeof piece === 'string' ? piece : piece.toString('latin1')
    })
    return text
  }

  /** Each piece once, in order: what a value holds is not read again. */
  feed(signed: Signed, take: (piece: string | Buffer) => void): void {
    for (const piece of this.#pieces) take(typeof piece === 'string' ? piece : piece[0](signed, piece[1]))
  }
}

/** Path and query, as they stand in the request line. */
export function targetOf({ matched: { path, hasQuery } }: OutgoingHead, query: string): string {
  return query === '' && !hasQuery ? path : `${path}?${query}`
}

/** The values of all headers of that name as they are sent, by commas (RFC 9110 §5.3); empty where there is none. */
function headerOf({ headers }: OutgoingHead, name: string): string {
  const found: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    if (comparableName(headers[at]!) === name) found.push(headers[at + 1]!.trim())
  }
  return found.join(', ')
}

/** Never the same twice: 122 random bits or more. */
export function newNonce(form: 'hex' | 'uuid' | undefined): string {
  return form === 'uuid' ? randomUUID() : randomBytes(16).toString('hex')
}

export function timeOf(now: number, form: 'seconds' | 'milliseconds' | 'iso8601' | 'http-date' | undefined): string {
  if (form === 'iso8601') return new Date(now).toISOString()
  if (form === 'http-date') return new Date(now).toUTCString()
  return String(form === 'milliseconds' ? now : Math.floor(now / 1_000))
}
