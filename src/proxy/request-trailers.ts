/**
 * Fields that a caller sends behind its body (RFC 9110 §6.5). They come when the call was decided on, and most of it is with the
 * service. Their invariant: they carry nothing that a head may not, and nothing that says how the message is to be read.
 */
import { misplaced } from './placeholders/book.ts'
import { headersHoldMark } from './placeholders/take-from-head.ts'
import { proxyProblem } from './problems.ts'
import { checked, endToEnd, type OutgoingHead } from './request-head.ts'

/** RFC 9110 §6.5.1: about framing, routing, conditions, content and answers. Digests are made of what was sent, and may follow it. */
const OF_THE_HEAD =
  /^(?:accept(?:-.*)?|cache-control|content-(?!digest$|md5$).*|date|from|if-.*|idempotency-key|max-forwards|origin|pragma|prefer|range|referer|set-cookie2?|user-agent|warning)$/

const MOST_FIELDS = 64
const MOST_BYTES = 8 * 1024

/**
 * Those that go on, names in lower case and values by turns. `raw`: as they came; `presented`: the caller's token, where no copy
 * of it may go on. Throws Problems `header_refused`, `token_misplaced`, `placeholder_misplaced`.
 */
export function outgoingTrailers(
  raw: readonly string[],
  { injected, named }: Pick<OutgoingHead, 'injected' | 'named'>,
  presented: string | undefined,
): string[] {
  if (raw.length === 0) return []
  if (headersHoldMark(raw)) throw misplaced('a trailer')
  const size = raw.reduce((sum, text) => sum + text.length, 0)
  if (raw.length > 2 * MOST_FIELDS || size > MOST_BYTES)
    throw proxyProblem('header_refused', { detail: 'The trailers are too many, or too long.' })
  const fields: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase()
    const value = raw[at + 1] as string
    const comparable = endToEnd(name)
    if (comparable === undefined || injected.includes(comparable) || named?.has(comparable) === true) continue
    if (OF_THE_HEAD.test(comparable)) continue
    if (presented !== undefined && value.includes(presented))
      throw proxyProblem('token_misplaced', { detail: `It stands in '${comparable}'.` })
    fields.push(name, checked(comparable, value))
  }
  return fields
}
