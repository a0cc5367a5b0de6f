/**
 * Reads a JSON Web Signature (RFC 7515), strictly: compact form, canonical base64url, ES256, and no header member by which
 * a sender could choose the key or change how it is checked. Who reads one has verified nothing yet.
 */

import { parseStrictJson } from '../ground/strict-json.ts'
import { fromBase64url } from './base64url.ts'

export interface JwsHeader {
  readonly alg: 'ES256'
  readonly typ?: string
  readonly kid?: string
  readonly jwk?: Readonly<Record<string, unknown>>
}

/** The parts of a compact JWS whose form holds. */
export interface CompactJws {
  readonly header: JwsHeader
  readonly content: Buffer
  /** What was signed. */
  readonly signingInput: Buffer
  /** 64 bytes, r‖s. */
  readonly signature: Buffer
}

/** One whose content is a JSON object: a JWT, a proof. */
export interface ReadJws extends CompactJws {
  readonly payload: Readonly<Record<string, unknown>>
}

export interface JwsRules {
  /** Values of `typ`, exactly as they must stand. `undefined` among them: it may be missing. */
  readonly typ: readonly (string | undefined)[]
  /** The key may stand in the header (DPoP, registration): the caller then judges what the key is worth. */
  readonly allowJwk?: boolean
  /** Characters; 8,192 unless said otherwise. */
  readonly maxLength?: number
}

const KID = /^[A-Za-z0-9_-]{1,64}$/
const MEMBERS = new Set(['alg', 'typ', 'kid', 'jwk'])

/** Undefined for whatever is not exactly of this form, or holds no JSON object. Never throws. */
export function readJws(text: string, rules: JwsRules): ReadJws | undefined {
  const read = readCompact(text, rules)
  const payload = read && objectIn(read.content)
  return payload && { ...read, payload }
}

/** The same for content of any kind. */
export function readCompact(text: string, rules: JwsRules): CompactJws | undefined {
  if (text.length > (rules.maxLength ?? 8_192)) return undefined
  const [head, body, tail, more] = text.split('.', 4)
  if (head === undefined || body === undefined || tail === undefined || more !== undefined) return undefined
  const signature = fromBase64url(tail)
  const content = fromBase64url(body)
  const header = objectIn(fromBase64url(head))
  if (signature?.length !== 64 || content === undefined || header === undefined) return undefined
  if (!isAllowed(header, rules)) return undefined
  const signingInput = Buffer.from(`${head}.${body}`, 'latin1')
  return { header: header as unknown as JwsHeader, content, signingInput, signature }
}

/** Whether it would be of the form but for the algorithm that its header names: `none`, HS256 and the like. */
export function namesOtherAlgorithm(text: string): boolean {
  const parts = text.split('.', 4)
  const header = parts.length === 3 ? objectIn(fromBase64url(parts[0] as string)) : undefined
  return typeof header?.alg === 'string' && header.alg !== 'ES256'
}

function objectIn(bytes: Buffer | undefined): Readonly<Record<string, unknown>> | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined
  try {
    const value = parseStrictJson(bytes)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isAllowed(header: Readonly<Record<string, unknown>>, { typ, allowJwk }: JwsRules): boolean {
  if (!Object.keys(header).every((name) => MEMBERS.has(name))) return false
  if (header.alg !== 'ES256' || !typ.includes(header.typ as string | undefined)) return false
  if (header.kid !== undefined && (typeof header.kid !== 'string' || !KID.test(header.kid))) return false
  if (header.jwk === undefined) return true
  return allowJwk === true && typeof header.jwk === 'object' && header.jwk !== null && !Array.isArray(header.jwk)
}
