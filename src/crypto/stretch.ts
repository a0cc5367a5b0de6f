import { argon2, scrypt } from 'node:crypto'
import type { Phc } from './phc.ts'

const KEY_BYTES = 32
let last: Promise<unknown> = Promise.resolve()

/**
 * The 32-byte input key of a slot, from what its holder presents: a passphrase stretched as the PHC says, or 32 random
 * bytes as they are. One at a time in the whole process: each takes a thread of the pool that also syncs files, and up
 * to 2 GiB. The caller zeroes the result.
 */
export function stretch(input: Uint8Array, phc: Phc): Promise<Buffer> {
  const work = last.then(() => derive(input, phc))
  last = work.catch(() => undefined)
  return work
}

function derive(input: Uint8Array, phc: Phc): Promise<Buffer> {
  switch (phc.id) {
    case 'argon2id':
      return deriveArgon2id(input, phc)
    case 'scrypt':
      return deriveScrypt(input, phc)
    case 'hkdf-sha256':
      if (input.length !== KEY_BYTES) return Promise.reject(new RangeError('stretch: a key has 32 bytes'))
      return Promise.resolve(Buffer.from(input))
  }
}

function deriveArgon2id(message: Uint8Array, phc: Extract<Phc, { id: 'argon2id' }>): Promise<Buffer> {
  const parameters = {
    message,
    nonce: phc.salt,
    parallelism: phc.lanes,
    tagLength: KEY_BYTES,
    memory: phc.memoryKiB,
    passes: phc.passes,
  }
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function deriveScrypt(input: Uint8Array, phc: Extract<Phc, { id: 'scrypt' }>): Promise<Buffer> {
  const N = 2 ** phc.logN
  const options = { N, r: 8, p: phc.p, maxmem: 128 * 8 * (N + phc.p + 2) }
  return new Promise((resolve, reject) => {
    scrypt(input, phc.salt, KEY_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
