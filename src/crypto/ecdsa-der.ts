/**
 * The two forms of an ECDSA signature of P-256: DER, a SEQUENCE of two INTEGERs (X.690 §8.3, §10.1), and r‖s, 64 bytes (RFC 7518 §3.4).
 * OpenSSL speaks DER. Node brings it to the other form and back as well (`dsaEncoding`), which takes 25 µs each time (Node 24.21): half of a
 * signature, a quarter of a verification.
 */

const INTEGER = 0x02
const SEQUENCE = 0x30
const HALF = 32

/** r‖s; undefined for anything but strict DER of numbers that fit. */
export function rawFromDer(der: Buffer): Buffer | undefined {
  if (der.length < 8 || der.length > 72 || der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined
  const r = integerAt(der, 2)
  const s = r && integerAt(der, r.next)
  return r && s && s.next === der.length ? Buffer.concat([r.value, s.value]) : undefined
}

/** `raw`: 64 bytes. */
export function derFromRaw(raw: Uint8Array): Buffer {
  const der = Buffer.allocUnsafe(72)
  const end = putInteger(der, putInteger(der, 2, raw, 0), raw, HALF)
  der[0] = SEQUENCE
  der[1] = end - 2
  return der.subarray(0, end)
}

function integerAt(der: Buffer, at: number): { value: Buffer; next: number } | undefined {
  const length = der[at + 1] ?? 0
  const bytes = der.subarray(at + 2, at + 2 + length)
  if (der[at] !== INTEGER || length === 0 || bytes.length !== length || (bytes[0] as number) >= 0x80) return undefined
  const padded = bytes[0] === 0 && length > 1
  if (padded && (bytes[1] as number) < 0x80) return undefined
  const number = padded ? bytes.subarray(1) : bytes
  if (number.length > HALF) return undefined
  return { value: Buffer.concat([Buffer.alloc(HALF - number.length), number]), next: at + 2 + length }
}

/** As short as it can be said, and never negative. Where it ends. */
function putInteger(der: Buffer, at: number, raw: Uint8Array, from: number): number {
  let first = from
  while (first < from + HALF - 1 && raw[first] === 0) first += 1
  const padding = (raw[first] as number) >= 0x80 ? 1 : 0
  const length = from + HALF - first + padding
  der[at] = INTEGER
  der[at + 1] = length
  der[at + 2] = 0
  der.set(raw.subarray(first, from + HALF), at + 2 + padding)
  return at + 2 + length
}
