/**
 * Whether a path segment or a name looks like a credential, so that it is better hashed than shown. A guess that leans
 * towards yes: a yes costs readability, a no could cost a secret. Words, short numbers, dates and UUIDs are not.
 */
export function looksLikeCredential(text: string): boolean {
  if (text.length < 12 || UUID.test(text)) return false
  if (KNOWN.test(text)) return true
  if (text.length < 16) return RANDOM_PART.test(text) && mixed(text)
  return text.split(SEPARATORS).some((part) => !ordinary(part))
}

/** Whether it begins as an issuer has its keys begin. Surer than the above, and says nothing of other credentials. */
export function beginsAsIssued(text: string): boolean {
  return text.length >= 12 && KNOWN.test(text)
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** Beginnings that issuers chose so that their keys are recognised. */
const KNOWN =
  /^(?:sk|pk|rk)[-_]|^xox[a-z]-|^gh[opsur]_|^github_pat_|^glpat-|^A(?:KIA|SIA)[0-9A-Z]|^eyJ|^clv_|^whsec_|^AIza|^ya29\.|^hf_|^npm_|^bot[0-9]+:/
const SEPARATORS = /[-_.~:;,@+=/ ]+/
const RANDOM_PART = /[0-9A-Za-z]{12}/

function mixed(part: string): boolean {
  return /[0-9]/.test(part) && /[a-z]/.test(part) && /[A-Z]/.test(part)
}

/** A word, a short number, a date, or a short mixture such as `v2` or `4o`. */
function ordinary(part: string): boolean {
  if (part.length <= 7) return true
  if (/^[0-9]+$/.test(part)) return part.length <= 20
  if (/^[A-Za-z]+$/.test(part)) return part.length <= 24
  return /[^\x21-\x7e]/.test(part) && !/[0-9]/.test(part)
}
