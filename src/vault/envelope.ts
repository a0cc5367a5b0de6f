/**
 * How one secret lies in the database: a data key of its own, wrapped by the key-encryption key, and under it the secret.
 * Both are bound to installation, credential, version and field; the secret also to the origins it may be sent to, so
 * that bytes moved to another row, or a service pointed elsewhere, do not open. Layout: docs/protocol/envelope.md.
 */
import { createHash, type KeyObject, randomBytes } from 'node:crypto'
import { open, SEALED_OVERHEAD, seal } from '../crypto/aead.ts'
import { domain, lp, u32 } from '../crypto/framing.ts'
import { importKey } from '../crypto/hkdf.ts'
import { canonicalJson } from '../ground/canonical-json.ts'
import { MAX_SECRET_BYTES } from './contract.ts'

/** What an envelope is bound to. */
export interface Binding {
  readonly installId: Uint8Array
  readonly credentialId: string
  readonly version: number
  readonly field: string
  readonly originsHash: Uint8Array
}

/** One generation of the key-encryption key. */
export interface Kek {
  readonly number: number
  readonly key: KeyObject
}

/** Fixed inputs, for known-answer tests alone. */
export interface FixedRandom {
  readonly dek: Buffer
  readonly nonceDek: Buffer
  readonly nonce: Buffer
}

export const TENANT = 'ten_1'
export const FIELD = 'value'
export const CONNECTION_FIELD = 'connection'

// magic C7 'CLV', version 1, algorithm 1 (AES-256-GCM, wrapped DEK), flags 0
const FORMAT = Buffer.from('c7434c5601010000', 'hex')
const HEADER_BYTES = FORMAT.length + 4
const WRAPPED_BYTES = 32 + SEALED_OVERHEAD
const SECRET_AT = HEADER_BYTES + WRAPPED_BYTES
const MIN_BYTES = SECRET_AT + SEALED_OVERHEAD

/** `SHA-256(D("origins") ‖ CJ(sorted origins))`, each with its port. */
export function hashOrigins(origins: readonly string[]): Buffer {
  return createHash('sha256')
    .update(domain('origins'))
    .update(canonicalJson([...origins].sort()))
    .digest()
}

/** Seals `secret` under a data key made for it. Throws RangeError above 65,536 bytes. */
export function sealEnvelope(kek: Kek, binding: Binding, secret: Uint8Array, fixed?: FixedRandom): Buffer {
  if (secret.length > MAX_SECRET_BYTES) throw new RangeError('envelope: the secret is too long')
  const header = Buffer.concat([FORMAT, u32(kek.number)])
  const dekBytes = fixed ? Buffer.from(fixed.dek) : randomBytes(32)
  const wrapped = seal(kek.key, dekAad(header, binding), dekBytes, fixed?.nonceDek)
  const dek = importKey(dekBytes)
  return Buffer.concat([header, wrapped, seal(dek, secretAad(binding), secret, fixed?.nonce)])
}

/** The generation an envelope is wrapped under; undefined if its form is not exactly ours. Authenticates nothing. */
export function kekNumber(envelope: Uint8Array): number | undefined {
  if (envelope.length < MIN_BYTES || envelope.length > MIN_BYTES + MAX_SECRET_BYTES) return undefined
  const bytes = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength)
  if (!bytes.subarray(0, FORMAT.length).equals(FORMAT)) return undefined
  return bytes.readUInt32BE(FORMAT.length)
}

/** The secret; undefined, whatever the reason, if it does not open under this key and binding. */
export function openEnvelope(kek: Kek, binding: Binding, envelope: Uint8Array): Buffer | undefined {
  const dek = unwrap(kek, binding, envelope)
  return dek && open(importKey(dek), secretAad(binding), envelope.subarray(SECRET_AT))
}

/** The same secret under another generation: 60 bytes change, the secret stays sealed. Undefined as in openEnvelope(). */
export function rewrapEnvelope(from: Kek, to: Kek, binding: Binding, envelope: Uint8Array): Buffer | undefined {
  const dek = unwrap(from, binding, envelope)
  if (dek === undefined) return undefined
  const header = Buffer.concat([FORMAT, u32(to.number)])
  const wrapped = seal(to.key, dekAad(header, binding), dek)
  dek.fill(0)
  return Buffer.concat([header, wrapped, envelope.subarray(SECRET_AT)])
}

function unwrap(kek: Kek, binding: Binding, envelope: Uint8Array): Buffer | undefined {
  if (kekNumber(envelope) !== kek.number) return undefined
  const header = envelope.subarray(0, HEADER_BYTES)
  return open(kek.key, dekAad(header, binding), envelope.subarray(HEADER_BYTES, SECRET_AT))
}

/** What the wrapped data key is bound to. Exported for known-answer tests. */
export function dekAad(header: Uint8Array, binding: Binding): Buffer {
  return Buffer.concat([domain('dek'), lp(header), ...fields(binding)])
}

/** What the secret is bound to; not to the generation, so that rewrapping leaves it alone. Exported for known-answer tests. */
export function secretAad(binding: Binding): Buffer {
  return Buffer.concat([domain('secret'), lp(FORMAT), ...fields(binding), lp(binding.originsHash)])
}

function fields(binding: Binding): Buffer[] {
  return [lp(binding.installId), lp(TENANT), lp(binding.credentialId), lp(binding.version), lp(binding.field)]
}
