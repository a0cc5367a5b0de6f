/**
 * What a secret must look like where it is more than a text: keys that sign, and a key that becomes part of a path. Asked
 * when a secret is stored, so that its owner hears what is wrong, and again when it is used.
 */

/** Keys of AWS: `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, and `:SESSION_TOKEN` for temporary ones. */
export interface AwsKeys {
  readonly id: string
  readonly secret: string
  readonly session: string | undefined
}

export const wantsAwsKeys = 'ACCESS_KEY_ID:SECRET_ACCESS_KEY, and :SESSION_TOKEN for temporary keys'

const AWS = /^([A-Z0-9]{10,128}):([A-Za-z0-9/+=]{16,128})(?::([A-Za-z0-9/+=_.-]{16,16384}))?$/

export function awsKeys(text: string): AwsKeys | undefined {
  const [, id, secret, session] = AWS.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret, session }
}

/** A key that signs, and what the other side knows it by where `named`: `KEY_ID:SECRET`. */
export interface SigningSecret {
  readonly id: string | undefined
  readonly key: Buffer
  /** The key as it was written. */
  readonly text: string
}

export type SecretEncoding = 'text' | 'hex' | 'base64'

export function signingSecret(text: string, encoding: SecretEncoding, named: boolean): SigningSecret | undefined {
  const colon = named ? text.indexOf(':') : -1
  if (named && (colon < 1 || /\s/.test(text.slice(0, colon)))) return undefined
  const secret = text.slice(colon + 1)
  const key = keyBytes(secret, encoding)
  return key === undefined || key.length < 8
    ? undefined
    : { id: named ? text.slice(0, colon) : undefined, key, text: secret }
}

export function wantsSigningSecret(encoding: SecretEncoding, named: boolean): string {
  const secret = encoding === 'text' ? 'SECRET' : `SECRET in ${encoding}`
  return `${named ? `KEY_ID:${secret}` : secret}, of at least 8 bytes`
}

function keyBytes(text: string, encoding: SecretEncoding): Buffer | undefined {
  if (encoding === 'text') return Buffer.from(text, 'latin1')
  if (encoding === 'hex') return /^(?:[0-9A-Fa-f]{2})+$/.test(text) ? Buffer.from(text, 'hex') : undefined
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : undefined
}

/** Whether the text is one segment of a path as it stands, or part of one (RFC 3986 §3.3, `pchar` but for `;` and `%`). */
export function isPathSegment(text: string): boolean {
  return /^[A-Za-z0-9\-._~!$&'()*+,=:@]+$/.test(text) && !/^\.+$/.test(text)
}

export const wantsPathSegment = "a key of letters, digits and -._~!$&'()*+,=:@"
