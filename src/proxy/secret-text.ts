import { isCredentialText } from '../ground/credential-text.ts'
import { isHeaderValue } from '../ground/header-names.ts'
import type { Secret } from '../ground/secret.ts'
import { proxyProblem } from './problems.ts'

/** Checked when it was stored, and again here: what was stored by an older release or edited by hand cannot split a head. */
export function secretText(secret: Secret): string {
  const bytes = secret.reveal()
  if (!isCredentialText(bytes)) throw proxyProblem('credential_unusable')
  return bytes.toString('latin1')
}

export function headerSafe(text: string): string {
  if (!isHeaderValue(text)) throw proxyProblem('credential_unusable')
  return text
}

/** For a secret that is not what its way of being attached takes. Throws Problem `credential_unusable`. */
export function shaped<T>(parsed: T | undefined, wants: string): T {
  if (parsed === undefined) throw proxyProblem('credential_unusable', { detail: `The service takes ${wants}.` })
  return parsed
}

/** Everything but RFC 3986 unreserved characters is percent-encoded. */
export function strictlyEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
