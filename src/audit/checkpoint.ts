/**
 * Checkpoints as C2SP signed notes (c2sp.org/signed-note, c2sp.org/tlog-checkpoint): origin, size, base64 root; one
 * Ed25519 signature line, key id SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key)[0..4]. The origin is also the key's name.
 */
import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import { ed25519PublicKey, ed25519Raw } from '../crypto/ed25519.ts'
import type { Head } from './contract.ts'
import { HASH_BYTES } from './tree.ts'

const ED25519 = 1
const KEY_ID_BYTES = 4
const SIGNATURE_BYTES = 64

export interface Checkpoint extends Head {
  readonly origin: string
  /** What is signed: all lines up to the empty one. */
  readonly text: string
  readonly signatures: readonly { readonly name: string; readonly keyId: Buffer; readonly bytes: Buffer }[]
}

export interface LogVerifier {
  readonly name: string
  readonly keyId: Buffer
  readonly publicKey: KeyObject
}

/** Names hold no space and no plus (c2sp.org/signed-note). */
export function isOrigin(name: string): boolean {
  return /^[^\s+\p{C}]{1,255}$/u.test(name)
}

export function verifierOf(name: string, publicKey: KeyObject): LogVerifier {
  if (!isOrigin(name)) throw new TypeError('checkpoint: an origin has no spaces and no plus')
  const material = Buffer.concat([Buffer.from([ED25519]), ed25519Raw(publicKey)])
  const keyId = createHash('sha256').update(`${name}\n`).update(material).digest().subarray(0, KEY_ID_BYTES)
  return { name, keyId, publicKey }
}

/** `name+hex key id+base64(0x01 ‖ public key)`. */
export function formatVkey({ name, keyId, publicKey }: LogVerifier): string {
  const material = Buffer.concat([Buffer.from([ED25519]), ed25519Raw(publicKey)])
  return `${name}+${keyId.toString('hex')}+${material.toString('base64')}`
}

/** Reads a vkey; undefined if it is malformed or its id is not the key's. */
export function parseVkey(vkey: string): LogVerifier | undefined {
  const [, name = '', id = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey.trim()) ?? []
  const material = strictBase64(encoded)
  if (!isOrigin(name) || material?.length !== 1 + HASH_BYTES || material[0] !== ED25519) return undefined
  const verifier = verifierOf(name, ed25519PublicKey(material.subarray(1)))
  return verifier.keyId.toString('hex') === id ? verifier : undefined
}

export function signCheckpoint(verifier: LogVerifier, privateKey: KeyObject, head: Head): string {
  const text = `${verifier.name}\n${head.size}\n${head.root.toString('base64')}\n`
  const signature = Buffer.concat([verifier.keyId, sign(null, Buffer.from(text), privateKey)])
  return `${text}\n— ${verifier.name} ${signature.toString('base64')}\n`
}

const SIGNATURE = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/

/** Reads a note; undefined if it is not a checkpoint. Says nothing about its signatures. */
export function parseCheckpoint(note: string): Checkpoint | undefined {
  const at = note.lastIndexOf('\n\n')
  if (at < 0 || !note.endsWith('\n') || note.length > 1_000_000) return undefined
  const text = note.slice(0, at + 1)
  const [origin = '', size = '', root = '', ...more] = text.split('\n')
  const bytes = strictBase64(root)
  if (!isOrigin(origin) || !/^(?:0|[1-9][0-9]{0,15})$/.test(size) || more.length === 0) return undefined
  if (bytes?.length !== HASH_BYTES || !Number.isSafeInteger(Number(size))) return undefined
  const signatures = note
    .slice(at + 2, -1)
    .split('\n')
    .map(parseSignature)
  if (signatures.some((signature) => signature === undefined)) return undefined
  return { origin, size: Number(size), root: bytes, text, signatures: signatures.filter((s) => s !== undefined) }
}

function parseSignature(line: string) {
  const [, name = '', encoded = ''] = SIGNATURE.exec(line) ?? []
  const bytes = strictBase64(encoded)
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined
  return { name, keyId: bytes.subarray(0, KEY_ID_BYTES), bytes: bytes.subarray(KEY_ID_BYTES) }
}

/** 'unknown' if no signature line is by this key; 'bad' if one is and does not hold, or the origin is another. */
export function signatureVerdict(checkpoint: Checkpoint, verifier: LogVerifier): 'good' | 'bad' | 'unknown' {
  const ours = checkpoint.signatures.filter(({ name, keyId }) => name === verifier.name && keyId.equals(verifier.keyId))
  if (ours.length === 0) return 'unknown'
  if (checkpoint.origin !== verifier.name) return 'bad'
  const text = Buffer.from(checkpoint.text)
  const holds = ours.every(
    ({ bytes }) => bytes.length === SIGNATURE_BYTES && verify(null, text, verifier.publicKey, bytes),
  )
  return holds ? 'good' : 'bad'
}

function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined
}
