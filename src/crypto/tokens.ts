/**
 * Opaque tokens: `clv_<kind>_<id>_<secret>_<crc>`, id 16 and secret 43 base62 characters, crc the CRC-32 of everything
 * before the last `_`. The checksum keeps garbage from costing a lookup; it guards nothing. What is stored is a keyed
 * hash whose key is in the vault, so a stolen table yields nothing and a planted row authenticates nobody.
 */
import { type KeyObject, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { base62 } from '../ground/base62.ts'
import { Secret } from '../ground/secret.ts'
import { domain, lp } from './framing.ts'
import { hmac } from './mac.ts'

/** ak agent key · px proxy or run · bu base URL · os operator session · op operator · iv invite */
export type TokenKind = 'ak' | 'px' | 'bu' | 'os' | 'op' | 'iv'

/** What a token says of itself; proves nothing. */
export interface TokenName {
  readonly kind: TokenKind
  /** 16 base62 characters. */
  readonly id: string
}

/** For secret scanners. */
export const TOKEN_PATTERN = String.raw`\bclv_(?:ak|px|bu|os|op|iv)_[0-9A-Za-z]{16}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b`

const ID_BYTES = 11
const SECRET_BYTES = 32
const SHAPE = /^clv_(ak|px|bu|os|op|iv)_([0-9A-Za-z]{16})_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/
const LENGTH = 74
const CRC_AT = LENGTH - 6
const TOKEN_DOMAIN = domain('token')
const IMPORT_DOMAIN = domain('token-import')

/** A new token: 88 bits of name, 256 bits of secret. Shown once, then only `storedForm` is kept. */
export function newToken(kind: TokenKind): TokenName & { readonly token: Secret } {
  const idBytes = randomBytes(ID_BYTES)
  const secretBytes = randomBytes(SECRET_BYTES)
  const token = Secret.fromText(composeToken(kind, idBytes, secretBytes))
  secretBytes.fill(0)
  return { kind, id: base62(idBytes, 16), token }
}

/** The text of a token from its bytes: 11 for the id, 32 for the secret. */
export function composeToken(kind: TokenKind, idBytes: Uint8Array, secretBytes: Uint8Array): string {
  if (idBytes.length !== ID_BYTES || secretBytes.length !== SECRET_BYTES) throw new RangeError('token: wrong size')
  const head = `clv_${kind}_${base62(idBytes, 16)}_${base62(secretBytes, 43)}`
  const crc = Buffer.allocUnsafe(4)
  crc.writeUInt32BE(crc32(head))
  return `${head}_${base62(crc, 6)}`
}

/** The kind and id of a well-formed token whose checksum holds; undefined for anything else. */
export function readToken(text: string): TokenName | undefined {
  if (text.length !== LENGTH) return undefined
  const match = SHAPE.exec(text)
  if (match === null || readBase62(text, CRC_AT) !== crc32(text.slice(0, CRC_AT - 1))) return undefined
  return { kind: match[1] as TokenKind, id: match[2]! }
}

/** How logs and people name a token: `clv_px_<id>`. */
export function tokenLabel(name: TokenName): string {
  return `clv_${name.kind}_${name.id}`
}

/** `HMAC(pepper, D("token") ‖ lp(kind) ‖ token)`, 32 bytes. Doors with tokens of another shape have kinds of their own. */
export function storedForm(pepper: KeyObject, kind: string, token: string): Buffer {
  return hmac(pepper, TOKEN_DOMAIN, lp(kind), token)
}

/** The stored form of a token of which another system kept only a hash: `HMAC(pepper, D("token-import") ‖ lp(scheme) ‖ hash)`. */
export function storedImport(pepper: KeyObject, scheme: string, hash: Uint8Array): Buffer {
  return hmac(pepper, IMPORT_DOMAIN, lp(scheme), hash)
}

function readBase62(text: string, from: number): number {
  let value = 0
  for (let at = from; at < text.length; at += 1) value = value * 62 + digit(text.charCodeAt(at))
  return value
}

function digit(code: number): number {
  if (code <= 0x39) return code - 0x30
  return code <= 0x5a ? code - 0x41 + 10 : code - 0x61 + 36
}
