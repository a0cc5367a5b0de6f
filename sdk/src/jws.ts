// JSON Web Signatures (RFC 7515), compact form, ES256 and nothing else.
import { fromBase64url, toBase64url, utf8 } from './bytes.ts'
import type { Bytes } from './platform.ts'
import { isRawSignature } from './signature.ts'
import { type Signer, signerFailed } from './signer.ts'
import { isObject, type JsonObject, parseObject } from './strict-json.ts'

/** The parts of a compact JWS whose form holds. */
export interface CompactJws {
  readonly header: { readonly alg: 'ES256'; readonly typ?: string; readonly kid?: string; readonly jwk?: JsonObject }
  readonly content: Bytes
  /** What was signed. */
  readonly signingInput: Bytes
  /** 64 bytes, r‖s. */
  readonly signature: Bytes
}

/** One whose content is a JSON object: a JWT, a proof. */
export interface ReadJws extends CompactJws {
  readonly payload: JsonObject
}

export interface JwsRules {
  /** Values of `typ`, exactly as they must stand. `undefined` among them: it may be missing. */
  readonly typ: readonly (string | undefined)[]
  /** Header members that must stand beside `alg` and `typ`. By none of them may a sender choose the key of an access token. */
  readonly members: readonly ('kid' | 'jwk')[]
}

const MAX_LENGTH = 8_192
const KID = /^[A-Za-z0-9_-]{1,64}$/

/** Undefined for whatever is not exactly of this form, or holds no JSON object. Verifies nothing. Never throws. */
export function readJws(text: unknown, rules: JwsRules): ReadJws | undefined {
  const read = readCompact(text, rules)
  const payload = read && parseObject(read.content)
  return payload && { ...read, payload }
}

/** The same for content of any kind. */
export function readCompact(text: unknown, rules: JwsRules): CompactJws | undefined {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined
  const [head, body, tail, more] = text.split('.', 4)
  if (head === undefined || body === undefined || tail === undefined || more !== undefined) return undefined
  const [header, content, signature] = [objectIn(head), fromBase64url(body), fromBase64url(tail)]
  if (header === undefined || content === undefined || signature === undefined) return undefined
  if (!isRawSignature(signature) || !isAllowed(header, rules)) return undefined
  return { header: header as CompactJws['header'], content, signingInput: utf8(`${head}.${body}`), signature }
}

function objectIn(text: string): JsonObject | undefined {
  const bytes = fromBase64url(text)
  return bytes && parseObject(bytes)
}

function isAllowed(header: JsonObject, { typ, members }: JwsRules): boolean {
  const known: readonly string[] = ['alg', 'typ', ...members]
  if (!Object.keys(header).every((name) => known.includes(name))) return false
  if (header.alg !== 'ES256' || !typ.includes(header.typ as string | undefined)) return false
  if (members.includes('kid') && !(typeof header.kid === 'string' && KID.test(header.kid))) return false
  return !members.includes('jwk') || isObject(header.jwk)
}

/** A signed JWS, compact form. Throws `signer_failed` when what the signer gives is no signature. */
export async function signJws(
  signer: Signer,
  header: { readonly typ: string; readonly kid?: string; readonly jwk?: object },
  payload: object,
): Promise<string> {
  const input = `${part({ alg: 'ES256', ...header })}.${part(payload)}`
  const signature = await signer.sign(utf8(input))
  if (!isRawSignature(signature)) throw signerFailed('64 bytes r‖s are wanted')
  return `${input}.${toBase64url(signature)}`
}

function part(value: object): string {
  return toBase64url(utf8(JSON.stringify(value)))
}
