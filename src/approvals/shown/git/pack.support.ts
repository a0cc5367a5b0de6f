import { createHash } from 'node:crypto'

export function sha1Of(bytes: Buffer): Buffer {
  return createHash('sha1').update(bytes).digest()
}
