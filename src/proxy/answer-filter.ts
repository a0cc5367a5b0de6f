import type { Origin } from '../ground/origin.ts'
import { problemsOf } from '../ground/problem.ts'
import type { CanonicalCall } from '../policy/permit.ts'
import { acceptEncoding } from './decode.ts'
import { decodeProblem } from './decode-stage.ts'
import type { HeadFilter, ParsedHeaders } from './response-head.ts'
import type { SecretMatcher } from './scrub/matcher.ts'
import { type ScrubbedBody, scrubBody } from './scrub/scrub-body.ts'
import { type BodyTransform, chained } from './transform.ts'
import { vetLocation } from './vet-location.ts'
import { askForWholePacks, tellsOfPushes } from './whole-packs.ts'

const problem = problemsOf({
  upstream_range_refused: {
    status: 502,
    title: 'The service answered with a part of something short, which cannot be searched for the credential',
    hint: 'Ask again without Range.',
  },
})

/**
 * Whoever may choose the parts can have a secret cut through its middle. Parts are wanted of large things: what says
 * what it was sent (an error page, an echo) is short. Bytes.
 */
const LEAST_IN_PARTS = 256 * 1024

/** Everything that one answer passes through. Without a matcher the body goes on as it came. */
export class AnswerFilter implements HeadFilter {
  #matcher: SecretMatcher | undefined
  readonly #call: CanonicalCall
  readonly #origins: readonly Origin[]
  readonly #base: string | undefined
  #body: ScrubbedBody | undefined
  #textHits = 0
  rewritten = false

  /** `origins` are the service's; `base` is where redirects within it are sent, or undefined to give them as they are. */
  constructor(
    matcher: SecretMatcher | undefined,
    call: CanonicalCall,
    origins: readonly Origin[],
    base: string | undefined,
  ) {
    this.#matcher = matcher
    this.#call = call
    this.#origins = origins
    this.#base = base
  }

  /** Searches for more than it was made for; before the answer begins. */
  seek(matcher: SecretMatcher | undefined): void {
    this.#matcher = matcher
  }

  /** What is searched for; undefined where nothing is. */
  get matcher(): SecretMatcher | undefined {
    return this.#matcher
  }

  /** How often a secret was taken out. */
  get hits(): number {
    return this.#textHits + (this.#body?.hits() ?? 0)
  }

  text(value: string): string {
    if (this.#matcher === undefined) return value
    const scrubbed = this.#matcher.text(value)
    if (scrubbed !== value) this.#textHits += 1
    return scrubbed
  }

  location(value: string): string | undefined {
    const { origin, target } = this.#call
    return vetLocation(value, origin, target.path, this.#origins, this.#base)
  }

  /** Whether the answer has no body, whatever its head says (RFC 9110 §6.4.1). */
  bodiless(status: number): boolean {
    return this.#call.method === 'HEAD' || status === 204 || status === 304
  }

  /**
   * The way of the body, or undefined if there is none or nothing is done to it. Call it before the head is made.
   * Throws Problem `upstream_encoding_refused`, `upstream_range_refused`.
   */
  body(status: number, headers: ParsedHeaders): BodyTransform | undefined {
    const searched = this.#matcher === undefined ? undefined : this.#searched(this.#matcher, status, headers)
    if (!tellsOfPushes(this.#call, status, headers['content-type'])) return searched
    // What came in a coding and is not searched is not decoded either.
    if (searched === undefined && joined(headers['content-encoding']) !== undefined) return undefined
    this.rewritten = true
    return searched === undefined ? askForWholePacks() : chained([searched, askForWholePacks()])
  }

  #searched(matcher: SecretMatcher, status: number, headers: ParsedHeaders): BodyTransform | undefined {
    const encoding = joined(headers['content-encoding'])
    this.rewritten = encoding !== undefined && encoding !== 'identity'
    if (this.bodiless(status)) return undefined
    // Messages that are compressed one by one are not looked into.
    if ((joined(headers['grpc-encoding']) ?? 'identity') !== 'identity')
      throw decodeProblem('upstream_encoding_refused')
    if (status === 206 && !(lengthOfWhole(headers['content-range']) >= LEAST_IN_PARTS)) {
      throw problem('upstream_range_refused')
    }
    this.#body = scrubBody(matcher, encoding)
    return this.#body.transform
  }
}

/** What to ask for in place of what the caller accepts: where answers are searched, only what can be decoded. */
export function askedEncoding(matcher: SecretMatcher | undefined) {
  return matcher === undefined ? asRequested : acceptEncoding
}

function asRequested(requested: string | undefined): string | undefined {
  return requested
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

/** Of what the part is of (RFC 9110 §14.4); NaN if that is not said, as with several parts in one answer. */
function lengthOfWhole(contentRange: string | string[] | undefined): number {
  const length = typeof contentRange === 'string' ? /^bytes +\d+-\d+\/(\d{1,15})$/.exec(contentRange)?.[1] : undefined
  return length === undefined ? Number.NaN : Number(length)
}
