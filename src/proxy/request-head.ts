// The head that goes to the service, built by rule from the one that came. Its invariant: nothing that the caller sent
// can frame the message, name another host, stand in for the credential, or ask for another method than was decided on.
import {
  comparableName,
  isCredentialHeader,
  isForwardedHeader,
  isHeaderName,
  isHeaderValue,
  isHopByHop,
  isMethodOverride,
  isSingleton,
} from '../ground/header-names.ts'
import type { Origin } from '../ground/origin.ts'
import type { Target } from '../ground/target.ts'
import { httpProblem } from '../http/problems.ts'
import { holdsToken } from './caller-token.ts'
import { proxyProblem } from './problems.ts'

const PASS = 0
const DROP = 1
const REFUSE = 2
const CONNECTION = 3
const CONTENT_LENGTH = 4
const TRANSFER_ENCODING = 5
const ACCEPT_ENCODING = 6
const EXPECT = 7
const TE = 8

/** What one spelling of a header name is here, worked out once. */
interface NameRule {
  readonly rule: number
  readonly comparable: string
  /** A bit of its own where the header may stand once only, else 0. */
  readonly once: number
}

/** RFC 9110 §10.1.4. */
const TRAILERS = /(?:^|[,\s])trailers(?:$|[,;\s])/i

const rules = new Map<string, NameRule>()
const onceBits = new Map<string, number>()
const MAX_RULES = 4_096

const RANGE = onceBit('range')

function ruleOf(name: string): NameRule {
  const known = rules.get(name)
  if (known !== undefined) return known
  const comparable = comparableName(name)
  const made: NameRule = { rule: classify(name, comparable), comparable, once: onceBit(comparable) }
  // Names are the caller's to invent: when the table is full, further ones are worked out every time.
  if (rules.size < MAX_RULES && name.length <= 64) rules.set(name, made)
  return made
}

function classify(name: string, comparable: string): number {
  if (!isHeaderName(name) || isMethodOverride(comparable)) return REFUSE
  if (comparable === 'connection') return CONNECTION
  if (comparable === 'content-length') return CONTENT_LENGTH
  if (comparable === 'transfer-encoding') return TRANSFER_ENCODING
  if (comparable === 'accept-encoding') return ACCEPT_ENCODING
  if (comparable === 'expect') return EXPECT
  if (comparable === 'te') return TE
  // Messages that are compressed one by one could not be searched.
  if (comparable === 'grpc-accept-encoding') return DROP
  if (comparable === 'host' || isHopByHop(comparable) || isForwardedHeader(comparable)) return DROP
  if (isCredentialHeader(comparable) || comparable.startsWith('claviger-')) return DROP
  // Of one connection (RFC 6455 §11.3): a handshake of our own has its own.
  if (comparable.startsWith('sec-websocket-')) return DROP
  return PASS
}

/**
 * The comparable name of a field that may go on, as outgoingHead() has it; undefined for one that does not. Throws Problem
 * `header_refused` for one that no call may have.
 */
export function endToEnd(name: string): string | undefined {
  const { rule, comparable } = ruleOf(name)
  if (rule === REFUSE) throw refusedName(name)
  return rule === PASS ? comparable : undefined
}

function onceBit(comparable: string): number {
  if (!isSingleton(comparable)) return 0
  const bit = onceBits.get(comparable) ?? 1 << onceBits.size
  onceBits.set(comparable, bit)
  return bit
}

/** A request head on its way out, open to the injector and nobody else. */
export class OutgoingHead {
  readonly method: string
  readonly origin: Origin
  /** What was matched. */
  readonly matched: Target
  /** Path and query, exactly what will stand in the request line. */
  target: string
  /** Names and values by turns. `Host` and the framing are not in it: they are made when the message is written. */
  readonly headers: string[] = []
  /** What the caller declared, decimal digits; undefined if the body comes in chunks or there is none. */
  contentLength: string | undefined
  /** Whether the caller framed a body with chunks. */
  chunked = false
  /** Whether the caller waits for `100 Continue` before it sends the body. */
  expectsContinue = false
  /** Whether a part of the body is asked for: parts of a compressed body cannot be decoded. */
  ranged = false
  /** What the caller accepts as content coding. */
  accepts: string | undefined
  /** Whether the caller takes trailers. */
  trailers = false
  /** Comparable names of the headers that will carry the credential. */
  injected: readonly string[] = []
  /** What `Connection` lists beyond the usual. */
  named: ReadonlySet<string> | undefined

  constructor(call: { readonly method: string; readonly origin: Origin; readonly target: Target }) {
    this.method = call.method
    this.origin = call.origin
    this.matched = call.target
    this.target = call.target.hasQuery ? `${call.target.path}?${call.target.query}` : call.target.path
  }

  /** Takes account of a header that is not passed on. */
  note(rule: number, name: string, value: string): void {
    if (rule === REFUSE) throw refusedName(name)
    if (rule === CONNECTION) this.named = namedInConnection(value, this.named)
    else if (rule === CONTENT_LENGTH) this.contentLength = value
    else if (rule === TRANSFER_ENCODING) this.chunked = true
    else if (rule === ACCEPT_ENCODING) this.#accept(checked('accept-encoding', value))
    else if (rule === TE) this.trailers ||= TRAILERS.test(value)
    else if (rule === EXPECT) this.expectsContinue = value.toLowerCase() === '100-continue'
  }

  #accept(codings: string): void {
    this.accepts = this.accepts === undefined ? codings : `${this.accepts}, ${codings}`
  }
}

/**
 * Builds the outgoing head. `injected` are the comparable names of the headers that will carry the credential; `acceptEncoding` turns what the caller accepts into what is asked for. Throws Problem `header_conflict` for a
 * second header where one may stand, `header_refused` for what can be read in two ways or holds one of our own tokens.
 */
export function outgoingHead(
  call: { readonly method: string; readonly origin: Origin; readonly target: Target },
  rawHeaders: readonly string[],
  injected: readonly string[],
  acceptEncoding: (requested: string | undefined) => string | undefined,
): OutgoingHead {
  const head = new OutgoingHead(call)
  const headers = head.headers
  head.injected = injected
  let seen = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    const { rule, comparable, once } = ruleOf(name)
    if (once !== 0) {
      if ((seen & once) !== 0) throw httpProblem('header_conflict', { detail: `${comparable} stands more than once` })
      seen |= once
    }
    if (rule !== PASS) head.note(rule, name, value)
    else if (!injected.includes(comparable)) headers.push(name, checked(comparable, value))
  }
  if (head.named !== undefined) removeNamed(headers, head.named)
  head.ranged = (seen & RANGE) !== 0
  const coding = acceptEncoding(head.ranged ? undefined : head.accepts)
  if (coding !== undefined) headers.push('accept-encoding', coding)
  return head
}

function refusedName(name: string) {
  return proxyProblem('header_refused', { detail: `The name '${printable(name)}' is refused.` })
}

/** Throws Problem `header_refused` or `token_misplaced`. */
export function checked(name: string, value: string): string {
  if (!isHeaderValue(value))
    throw proxyProblem('header_refused', { detail: `The value of '${name}' is not printable ASCII.` })
  if (holdsToken(value)) throw proxyProblem('token_misplaced', { detail: `It stands in '${name}'.` })
  return value
}

function printable(name: string): string {
  return name.replace(/[^\x21-\x7e]/g, '?').slice(0, 64)
}

/** Everything listed in `Connection` is meant for us alone; undefined where it lists only what every client lists. */
function namedInConnection(value: string, before: ReadonlySet<string> | undefined): ReadonlySet<string> | undefined {
  if (value === 'keep-alive' || value === 'close') return before
  const names = new Set(before)
  for (const option of value.split(',')) names.add(comparableName(option.trim()))
  return names
}

function removeNamed(headers: string[], named: ReadonlySet<string>): void {
  let kept = 0
  for (let i = 0; i < headers.length; i += 2) {
    if (named.has(comparableName(headers[i] as string))) continue
    headers[kept] = headers[i] as string
    headers[kept + 1] = headers[i + 1] as string
    kept += 2
  }
  headers.length = kept
}
