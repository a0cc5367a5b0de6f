import { createHash } from 'node:crypto'
import type { Clock } from '../ground/clock.ts'
import { type AwsKeys, awsKeys, wantsAwsKeys } from '../ground/credential-shape.ts'
import { comparableName } from '../ground/header-names.ts'
import { ambiguous } from '../ground/target-problems.ts'
import { awsScopeAt } from './aws-scope.ts'
import { refuseCredentialInQuery } from './credential-query.ts'
import { hostOf } from './host-of.ts'
import type { Injector, Opened } from './inject.ts'
import { proxyProblem } from './problems.ts'
import type { OutgoingHead } from './request-head.ts'
import { secretText, shaped } from './secret-text.ts'
import { type AwsScope, awsKey, awsTime, signAws, UNSIGNED, UNSIGNED_CHUNKS } from './sign-aws.ts'

/** Region and service are those of the host unless they are said here. */
export interface SigV4Injection {
  readonly kind: 'sigv4'
  readonly region?: string | undefined
  readonly service?: string | undefined
  /** Bodies are not signed, and may be of any size: only what TLS protects. Left out: where the client signed none, by HTTPS. */
  readonly unsignedPayload?: boolean | undefined
}

/** What is known of a credential while the vault keeps it open: its parts, and the key of the day for each endpoint. */
interface Known {
  readonly keys: AwsKeys
  readonly signing: Map<string, Buffer>
}

const NO_BODY = Buffer.alloc(0)
const DIGEST = 'x-amz-content-sha256'
/** Endpoints whose keys are kept at once; more are made anew. */
const MAX_KEYS = 64

/** Signs the request as it goes out (AWS Signature Version 4). */
export class SigV4Injector implements Injector {
  readonly needsBody: boolean
  readonly headers = ['authorization', 'x-amz-date', 'x-amz-security-token', 'date']
  readonly #injection: SigV4Injection
  readonly #clock: Clock
  readonly #known = new WeakMap<Opened, Known>()

  constructor(injection: SigV4Injection, clock: Clock) {
    this.#injection = injection
    this.#clock = clock
    this.needsBody = injection.unsignedPayload !== true
  }

  streams(head: OutgoingHead): boolean {
    return leftUnsigned(head) !== undefined
  }

  apply(head: OutgoingHead, opened: Opened, body: Buffer = NO_BODY): readonly string[] {
    refuseCredentialInQuery(head)
    // Some servers read + as a space and some as itself, and the signature says which was meant.
    if (head.matched.query.includes('+')) throw ambiguous('query_separator', 'A + in the query must be %2B or %20.')
    const left = leftUnsigned(head)
    if (left !== UNSIGNED_CHUNKS) refuseChunks(head.headers)
    removeDigests(head.headers)
    const { keys, signing } = this.#knownOf(opened)
    const scope: AwsScope = { ...awsScopeAt(this.#injection, head.origin), time: awsTime(this.#clock.now()) }
    const payload = left ?? (this.needsBody ? createHash('sha256').update(body).digest('hex') : UNSIGNED)
    head.headers.push('x-amz-date', scope.time, 'x-amz-content-sha256', payload)
    if (keys.session !== undefined) head.headers.push('x-amz-security-token', keys.session)
    const { method, matched: target, origin } = head
    const headers: [string, string][] = [['host', hostOf(origin)], ...signedHeaders(head.headers)]
    const request = { method, target, headers, payload }
    const { authorization, signature } = signAws(request, scope, keys.id, keyOf(signing, keys.secret, scope))
    head.headers.push('authorization', authorization)
    return [signature]
  }

  #knownOf(opened: Opened): Known {
    let known = this.#known.get(opened)
    if (known === undefined) {
      known = { keys: shaped(awsKeys(secretText(opened.value)), wantsAwsKeys), signing: new Map() }
      this.#known.set(opened, known)
    }
    return known
  }
}

function keyOf(known: Map<string, Buffer>, secret: string, scope: AwsScope): Buffer {
  const name = `${scope.time.slice(0, 8)} ${scope.region} ${scope.service}`
  let key = known.get(name)
  if (key === undefined) {
    if (known.size >= MAX_KEYS) known.clear()
    key = awsKey(secret, scope)
    known.set(name, key)
  }
  return key
}

/**
 * What the client says in the place of a digest where it left the body to TLS: clients of S3 do, and end what they send in chunks with
 * a checksum, which goes on as it is. Undefined where it signed the body, or sends it by plain HTTP. Throws Problem `header_refused`
 * for pieces that it signed one by one: they may come one after the other's answer, and are not to be waited for.
 */
function leftUnsigned({ headers, origin }: OutgoingHead): string | undefined {
  const isSecure = origin.scheme === 'https'
  const said: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    if (comparableName(headers[at]!) === DIGEST) said.push(headers[at + 1]!)
  }
  const [only] = said
  const isUnsigned = said.length === 1 && isSecure && (only === UNSIGNED || only === UNSIGNED_CHUNKS)
  if (isUnsigned) return only
  if (said.some((one) => /^STREAMING-/i.test(one))) throw proxyProblem('header_refused', { detail: SIGNED_CHUNKS })
  return undefined
}

function removeDigests(headers: string[]): void {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    if (comparableName(headers[at]!) === DIGEST) headers.splice(at, 2)
  }
}

/**
 * A body that a client cut into chunks and signed itself (`STREAMING-AWS4-…`): signed as a whole it would be taken for what the
 * client meant to send, chunk signatures and all. Throws Problem `header_refused`.
 */
function refuseChunks(headers: readonly string[]): void {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase()
    const chunked = name === 'content-encoding' && /(?:^|[\s,])aws-chunked(?:[\s,]|$)/i.test(headers[at + 1]!)
    if (!chunked && name !== 'x-amz-decoded-content-length') continue
    throw proxyProblem('header_refused', { detail: SIGNED_CHUNKS })
  }
}

const SIGNED_CHUNKS =
  'The body comes in chunks or events that the client signed (STREAMING-AWS4-…, aws-chunked), or by plain HTTP: have it sent over HTTPS without (AWS_REQUEST_CHECKSUM_CALCULATION=when_required; in Java chunkedEncodingEnabled(false)).'

/** What must be signed (all `x-amz-…`) and what says how the body is read. */
function signedHeaders(headers: readonly string[]): [string, string][] {
  const signed: [string, string][] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase()
    if (name === 'content-type' || name.startsWith('x-amz-')) signed.push([name, headers[at + 1]!])
  }
  return signed
}
