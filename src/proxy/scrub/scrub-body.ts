import { decoderFor } from '../decode.ts'
import type { DecodeLimits } from '../decode-stage.ts'
import { type BodyTransform, chained } from '../transform.ts'
import { compressedGuard } from './compressed-guard.ts'
import type { SecretMatcher, SecretStream } from './matcher.ts'

/** The way of one answer's body to the caller, and what was found on it. */
export interface ScrubbedBody {
  readonly transform: BodyTransform
  /** Replacements made so far. */
  hits(): number
}

/**
 * Decoded, watched, searched. Throws Problem `upstream_encoding_refused` where the body cannot be decoded; later the
 * transform throws or rejects to cut it. The result has no content encoding and may have another length.
 */
export function scrubBody(
  matcher: SecretMatcher,
  contentEncoding: string | undefined,
  limits?: DecodeLimits,
): ScrubbedBody {
  const decoder = contentEncoding === undefined ? undefined : decoderFor(contentEncoding, limits)
  const stream = matcher.stream()
  const stages = [compressedGuard(matcher), scrubbing(stream)]
  return { transform: chained(decoder === undefined ? stages : [decoder, ...stages]), hits: () => stream.hits }
}

/** Passes a body through a stream of the matcher; never waits. */
export function scrubbing(stream: SecretStream): BodyTransform {
  return {
    push(chunk, emit) {
      const out = stream.push(chunk)
      return out.length === 0 ? undefined : emit(out)
    },
    flush(emit) {
      const out = stream.flush()
      return out.length === 0 ? undefined : emit(out)
    },
  }
}
