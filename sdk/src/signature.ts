// ECDSA signatures on P-256 in two forms: r‖s in 64 bytes (IEEE P1363, JOSE) and DER (X.690).
import { concat } from './bytes.ts'
import type { Bytes } from './platform.ts'

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** Whether these are 64 bytes r‖s with 0 < r, s < n. */
export function isRawSignature(bytes: Uint8Array): boolean {
  return bytes.length === 64 && [bytes.subarray(0, 32), bytes.subarray(32)].every(isInRange)
}

/** r‖s from strict DER; undefined for anything else. */
export function fromDer(der: Uint8Array): Bytes | undefined {
  if (der.length < 8 || der.length > 72 || der[0] !== 0x30 || der[1] !== der.length - 2) return undefined
  const r = integerAt(der, 2)
  const s = r && integerAt(der, r.next)
  if (r === undefined || s === undefined || s.next !== der.length) return undefined
  const raw = concat(r.value, s.value)
  return isRawSignature(raw) ? raw : undefined
}

/** DER from 64 bytes r‖s. */
export function toDer(raw: Uint8Array): Bytes {
  const body = concat(integer(raw.subarray(0, 32)), integer(raw.subarray(32, 64)))
  return concat(Uint8Array.of(0x30, body.length), body)
}

function isInRange(number: Uint8Array): boolean {
  const value = number.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return value > 0n && value < ORDER
}

function integer(number: Uint8Array): Bytes {
  const first = number.findIndex((byte) => byte !== 0)
  const digits = first === -1 ? Uint8Array.of(0) : number.subarray(first)
  const padding = (digits[0] as number) >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0)
  return concat(Uint8Array.of(0x02, padding.length + digits.length), padding, digits)
}

function integerAt(der: Uint8Array, at: number): { value: Bytes; next: number } | undefined {
  const length = der[at + 1] ?? 0
  const bytes = der.subarray(at + 2, at + 2 + length)
  if (der[at] !== 0x02 || length === 0 || bytes.length !== length || (bytes[0] as number) >= 0x80) return undefined
  const padded = bytes[0] === 0 && length > 1
  if (padded && (bytes[1] as number) < 0x80) return undefined
  const digits = padded ? bytes.subarray(1) : bytes
  if (digits.length > 32) return undefined
  return { value: concat(new Uint8Array(32 - digits.length), digits), next: at + 2 + length }
}
