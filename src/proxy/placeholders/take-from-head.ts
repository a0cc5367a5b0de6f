/**
 * Placeholders in the head of a call: taken out before the gate is asked, so that what is matched, judged, shown and recorded is
 * the call without its key, as it is for callers that send none. The secret is attached later, as always. A call without a
 * placeholder is given back as it came.
 */
import { comparableName } from '../../ground/header-names.ts'
import type { ServiceId } from '../../ground/ids.ts'
import { MARK, runAt, SHORTEST_PLACEHOLDER } from '../../ground/placeholder-shape.ts'
import { canonicalTarget, type Target } from '../../ground/target.ts'
import { checkAwsScope, isAwsSignature } from '../aws-scope.ts'
import type { CarriedCall } from '../carry-out.ts'
import type { Injection } from '../inject.ts'
import { injectorFor } from '../inject.ts'
import { type Asking, type Found, foundAt, markIn, misplaced, type PlaceholderBook } from './book.ts'

/** Throws Problems `placeholder_unknown`, `placeholder_elsewhere`, `placeholder_misplaced`. */
export function takenFromHead(call: CarriedCall, book: PlaceholderBook): CarriedCall {
  const { target, rawHeaders } = call
  const inTarget = target.path.includes(MARK) || queryHoldsMark(target.query)
  if (!inTarget && !headersHoldMark(rawHeaders)) return call
  const service = book.serviceNamed(call.serviceName)
  const asking = { agent: call.principal.agent.id, service: service?.id }
  const injection = service?.injection as Injection | undefined
  const taking = new Taking(book, asking, injection)
  const headers = taking.headers(rawHeaders)
  const rest = inTarget || taking.signsInQuery ? taking.target(target) : target
  const { entry, signature } = taking
  const origin = call.origin ?? service?.origins[0]
  if (signature !== undefined && injection?.kind === 'sigv4' && origin !== undefined)
    checkAwsScope(signature, injection, origin)
  // The mark was seen, so there is one.
  if (entry === undefined) throw misplaced('the head')
  const { only } = call
  if (only?.credential !== undefined && only.credential !== entry.credential)
    throw misplaced('another credential’s place')
  const told = call.told ?? entry.told
  return { ...call, target: rest, rawHeaders: headers, told, only: { ...only, credential: entry.credential } }
}

/** The service that a placeholder of this agent is for, where there is one in the head: of several services of a host it is meant. */
export function serviceMeant(
  { target, rawHeaders }: Pick<CarriedCall, 'target' | 'rawHeaders'>,
  agent: string,
  book: PlaceholderBook,
): ServiceId | undefined {
  const isIn = target.path.includes(MARK) || queryHoldsMark(target.query) || headersHoldMark(rawHeaders)
  if (!isIn) return undefined
  const values = rawHeaders.filter((_, at) => at % 2 === 1).map(readable)
  for (const text of [...values, target.path, ...target.pairs.map(({ value }) => value)]) {
    const at = markIn(text)
    const entry = at < 0 ? undefined : book.find(runAt(text, at))
    if (entry?.agent === agent && book.isLive(entry)) return entry.service
  }
  return undefined
}

class Taking {
  readonly #book: PlaceholderBook
  readonly #asking: Asking
  readonly #injection: Injection | undefined
  entry: Found['entry'] | undefined
  /** What a client of AWS signed with one. */
  signature: string | undefined

  constructor(book: PlaceholderBook, asking: Asking, injection: Injection | undefined) {
    this.#book = book
    this.#asking = asking
    this.#injection = injection
  }

  /** Whether a client that signs says so in the query. */
  get signsInQuery(): boolean {
    return this.#injection?.kind === 'hmac' && this.#injection.query !== undefined
  }

  /** Without the headers that hold one: the service's own is written anew. */
  headers(raw: readonly string[]): readonly string[] {
    const kept: string[] = []
    const declared = this.#injection === undefined ? [] : injectorFor(this.#injection).headers
    for (let at = 0; at < raw.length; at += 2) {
      const name = raw[at] as string
      if (nameHoldsMark(name)) throw misplaced('the name of a header')
      const value = readable(raw[at + 1] as string)
      const found = this.#foundIn(value)
      if (found === undefined) kept.push(name, raw[at + 1] as string)
      else if (!declared.includes(comparableName(name)))
        throw misplaced(`the header '${comparableName(name).slice(0, 64)}'`, found.entry.id)
      else if (isAwsSignature(value)) this.signature = value
    }
    return kept
  }

  target(target: Target): Target {
    const path = this.#path(target)
    const query = this.#query(target)
    return canonicalTarget(query === '' ? path : `${path}?${query}`)
  }

  /** The segment that the service has its key in must be just that, with the placeholder in the place of the key. */
  #path({ path, segments, decoded }: Target): string {
    const found = this.#foundIn(path)
    if (found === undefined) return path
    const injection = this.#injection
    if (injection?.kind === 'path') {
      const { segment, after = [] } = injection
      const place = after.includes(decoded[0] as string) ? 1 : 0
      const isThere = decoded[place] === segment.split('{secret}').join(found.text)
      const rest = segments.filter((_, at) => at !== place).join('/')
      if (isThere && !rest.includes(MARK)) return `/${rest}`
    }
    throw misplaced('the path', found.entry.id)
  }

  /** Without the key, and without what a client that signs with one signed by: both are made anew. */
  #query({ query, pairs }: Target): string {
    if (!queryHoldsMark(query) && !this.signsInQuery) return query
    const kept: string[] = []
    for (const pair of pairs) {
      const found = this.#foundIn(pair.value) ?? this.#foundIn(pair.name)
      const isOwn = this.#isOwn(pair.name)
      if (found !== undefined && !(isOwn && pair.value === found.text)) throw misplaced('the query', found.entry.id)
      if (found === undefined && !(isOwn && this.signsInQuery)) kept.push(pair.raw)
    }
    return kept.join('&')
  }

  /** Whether the service has its key, or its signature, in that place of the query. */
  #isOwn(name: string): boolean {
    const injection = this.#injection
    if (injection?.kind === 'query') return name === injection.name
    return injection?.kind === 'hmac' && Object.hasOwn(injection.query ?? {}, name)
  }

  #foundIn(text: string): Found | undefined {
    const at = markIn(text)
    if (at < 0) return undefined
    const found = foundAt(this.#book, this.#asking, text, at)
    if (text.includes(MARK, at + MARK.length)) throw misplaced('one value with another one', found.entry.id)
    if (this.entry !== undefined && this.entry.credential !== found.entry.credential)
      throw misplaced('a call with another one', found.entry.id)
    this.entry = found.entry
    return found
  }
}

export function headersHoldMark(raw: readonly string[]): boolean {
  for (let at = 1; at < raw.length; at += 2) {
    if (nameHoldsMark(raw[at - 1] as string)) return true
    const value = raw[at] as string
    if (value.length < SHORTEST_PLACEHOLDER) continue
    if (value.includes(MARK) || (isAwsSignature(value) && markIn(value) >= 0)) return true
    if (isBasic(value) && readable(value).includes(MARK)) return true
  }
  return false
}

/** In small letters: names go over HTTP/2 in no others. */
function nameHoldsMark(name: string): boolean {
  return name.length >= SHORTEST_PLACEHOLDER && name.toLowerCase().includes(MARK)
}

/** What nobody can see the mark in as it is: user and password (RFC 7617). */
function readable(value: string): string {
  return isBasic(value) ? `${value}\n${Buffer.from(value.slice('basic '.length), 'base64').toString('latin1')}` : value
}

function isBasic(value: string): boolean {
  const first = value.charCodeAt(0)
  return (first === 0x42 || first === 0x62) && /^basic[ \t]/i.test(value)
}

/** An escape in it may spell a letter of the mark. */
function queryHoldsMark(query: string): boolean {
  if (query.includes(MARK)) return true
  return query.includes('%6') && decodeURIComponent(query).includes(MARK)
}
