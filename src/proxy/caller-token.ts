import { proxyProblem } from './problems.ts'

/** Headers in which an SDK may put what it takes for the API's own key. */
const KEY_HEADERS: ReadonlySet<string> = new Set(['x-api-key', 'api-key', 'x-goog-api-key', 'xi-api-key'])
const BASIC = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i
const SCHEME = /^(?:bearer|dpop|token|bot) +([^\s]+) *$/i
const PREFIX = 'clv_'
/** How every JSON object begins in base64url. */
const JWT = 'eyJ'
const WHOLE = /clv_[a-z]{2}_[0-9A-Za-z]{16}_[0-9A-Za-z]{43}/

/**
 * The token that the caller presents: in `Authorization` (Bearer, DPoP, or the schemes `token` and `Bot` that some
 * SDKs use), in `x-api-key` or a relative of it, or in Basic as user or as password. Keys that are not of our shape count
 * only where none of ours is there, signed ones first, so that they are answered as an unknown token; before those goes
 * `otherwise`, which the address named. Undefined if nothing is presented.
 * Throws Problem `token_conflict` for two different tokens: which of them is meant is not ours to guess.
 */
export function callerToken(rawHeaders: readonly string[], otherwise?: string): string | undefined {
  let ours: string | undefined
  let signed: string | undefined
  let other: string | undefined
  const take = (text: string) => {
    if (!text.startsWith(PREFIX)) {
      if (text.startsWith(JWT)) signed ??= text
      else if (text !== '') other ??= text
    } else if (ours !== undefined && ours !== text) throw proxyProblem('token_conflict')
    else ours = text
  }
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const length = (rawHeaders[i] as string).length
    // Only names of 7 to 14 characters can be one of these: most headers are passed over by this look alone.
    if (length < 7 || length > 14) continue
    const name = (rawHeaders[i] as string).toLowerCase()
    const value = rawHeaders[i + 1] as string
    if (name === 'authorization') takeAuthorization(value, take)
    else if (KEY_HEADERS.has(name)) take(value.trim())
  }
  return ours ?? signed ?? otherwise ?? other
}

function takeAuthorization(value: string, take: (text: string) => void): void {
  const basic = BASIC.exec(value)
  if (basic === null) {
    take(SCHEME.exec(value)?.[1] ?? value.trim())
    return
  }
  const text = Buffer.from(basic[1] as string, 'base64').toString('latin1')
  const colon = text.indexOf(':')
  take(colon < 0 ? text : text.slice(0, colon))
  if (colon >= 0) take(text.slice(colon + 1))
}

/** Whether a token of ours stands anywhere in the text: whoever gets the text would get the token. */
export function holdsToken(text: string): boolean {
  return text.includes(PREFIX) && WHOLE.test(text)
}
