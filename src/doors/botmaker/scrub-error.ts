/**
 * What vendors say of themselves and of the key in their refusals: the first and last characters of the key, ids of the
 * organisation that it belongs to. The key itself is taken out of every answer elsewhere.
 */
// Where a word begins, so that one of many characters is read once: also behind what JSON writes for a line's end and the like.
const WORD = String.raw`(?:(?<![A-Za-z0-9_\\-])|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))`
const STAR = String.raw`(?:[*•]|\\u2022)`
const DOTS = String.raw`(?:…|\\u2026|\.{3,})`
const MASKED = new RegExp(
  `${WORD}[A-Za-z0-9_-]{2,}(?:${STAR}{2,}[A-Za-z0-9_-]*|${DOTS}[A-Za-z0-9_-]+)|(?<![*•]|u2022)${STAR}{3,}[A-Za-z0-9_-]{2,}`,
  'g',
)
const IDS = /(?:\b|(?<=\\[bfnrt]))(?:org|proj|user|acct|account|team|workspace|wrkspc|cust)[-_][A-Za-z0-9]{6,}\b/g
const MEMBERS =
  /("(?:organization|organisation|organization_id|org_id|project|project_id|account_id|team_id)"\s*:\s*)"[^"]*"/g
const GONE = '[redacted]'

export function scrubError(text: string): string {
  return text.replace(MASKED, GONE).replace(IDS, GONE).replace(MEMBERS, `$1"${GONE}"`)
}

const ORGANISATION =
  /^(?:openai-(?:organization|project)|anthropic-organization-id|x-(?:goog-)?(?:organization|project|account)(?:-id)?)$/i

/** Headers, names and values by turns, without those that name the organisation. */
export function withoutOrganisation(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string
    if (!ORGANISATION.test(name)) kept.push(name, headers[at + 1] as string)
  }
  return kept
}
