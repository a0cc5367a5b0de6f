// Opening what Clauth sealed: the key from the passphrase, by scrypt or Argon2id, and AES-256-GCM without further data.
import { argon2, createSecretKey, type KeyObject, scrypt } from 'node:crypto'
import { open } from '../../crypto/aead.ts'
import type { Secret } from '../../ground/secret.ts'
import type { Envelope, Kdf } from './clauth-formats.ts'

const SCRYPT_N = 2 ** 18
const SCRYPT_R = 8
const GIB = 2 ** 30
const KEY_BYTES = 32

/** The first 32 bytes of what the passphrase is stretched to. */
export async function vaultKey(passphrase: Secret, { algorithm, params }: Kdf, salt: Buffer): Promise<KeyObject> {
  const stretched = await (algorithm === 'scrypt' ? byScrypt : byArgon2id)(passphrase.reveal(), params, salt)
  const key = createSecretKey(stretched.subarray(0, KEY_BYTES))
  stretched.fill(0)
  return key
}

/** Undefined where the key is another, or the bytes are. */
export function openEnvelope(key: KeyObject, { iv, ciphertext, tag }: Envelope): Buffer | undefined {
  return open(key, Buffer.alloc(0), Buffer.concat([iv, ciphertext, tag]))
}

function byScrypt(message: Buffer, { parallelism, tagLength }: Kdf['params'], salt: Buffer): Promise<Buffer> {
  const options = { N: SCRYPT_N, r: SCRYPT_R, p: Math.max(1, parallelism), maxmem: GIB }
  return new Promise((resolve, reject) => {
    scrypt(message, salt, tagLength, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function byArgon2id(message: Buffer, params: Kdf['params'], nonce: Buffer): Promise<Buffer> {
  const { memory, iterations: passes, tagLength } = params
  const parameters = { message, nonce, parallelism: Math.max(1, params.parallelism), tagLength, memory, passes }
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
