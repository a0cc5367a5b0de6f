import { hash } from 'node:crypto'

/** A strong validator (RFC 9110 §8.8.3): the same for the same bytes alone. */
export function etagOf(bytes: Uint8Array): string {
  return `"${hash('sha256', bytes, 'base64url').slice(0, 27)}"`
}
