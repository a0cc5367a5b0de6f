import { createHash } from 'node:crypto'
import { jcs } from '../../ground/jcs.ts'
import type { JsonValue } from '../../ground/strict-json.ts'

/** Hex SHA-256 of the canonical JSON of a value. What a client hashed with a library for RFC 8785 is the same. */
export function payloadHash(value: JsonValue): string {
  return createHash('sha256').update(jcs(value)).digest('hex')
}
