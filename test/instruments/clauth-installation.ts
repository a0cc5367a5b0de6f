// Writes the home of an installation of Clauth from its contract's formats (§7) alone: nothing here is our own reader's.
import { argon2Sync, createCipheriv, createHash, randomBytes, scryptSync } from 'node:crypto'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Installation {
  readonly algorithm?: 'scrypt' | 'argon2id'
  /** Where the salt stands. */
  readonly saltIn?: 'kdf' | 'config'
  readonly credentials?: Readonly<Record<string, object>>
  readonly tokenSets?: Readonly<Record<string, object>>
  readonly plainTokenSets?: boolean
  readonly grants?: readonly object[]
  /** Skill → token, or undefined for one that was revoked. */
  readonly skills?: Readonly<Record<string, string | undefined>>
  readonly config?: object
  readonly audit?: readonly object[]
}

export const PASSPHRASE = 'correct horse battery staple'
const NOW = '2026-03-01T12:00:00.000Z'

export function writeInstallation(folder: string, asked: Installation): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { algorithm = 'argon2id', saltIn = 'kdf', config = {} } = asked
  const vaultSalt = randomBytes(16)
  const skillTokenSalt = randomBytes(16).toString('base64url')
  const params = { memory: 65_536, parallelism: 1, iterations: 3, tagLength: 32 }
  const key = derive(algorithm, params, vaultSalt)
  const salt = saltIn === 'kdf' ? { salt: vaultSalt.toString('base64url') } : {}
  const put = (name: string, value: object) => {
    const path = join(folder, name)
    writeFileSync(path, JSON.stringify(value, null, 2), { mode: 0o600 })
    utimesSync(path, 1_700_000_000, 1_700_000_000)
  }
  const credentials = Object.fromEntries(
    Object.entries(asked.credentials ?? {}).map(([handle, one]) => [handle, { handle, createdAt: NOW, ...one }]),
  )
  put('vault.enc', { ...sealed(key, { credentials }), kdf: { algorithm, params, ...salt }, updatedAt: NOW })
  const sets = { tokens: asked.tokenSets ?? {} }
  if (asked.tokenSets) put('oauth-tokens.json', asked.plainTokenSets ? sets : { ...sealed(key, sets), updatedAt: NOW })
  put('scopes.json', { grants: (asked.grants ?? []).map((one) => ({ createdAt: NOW, updatedAt: NOW, ...one })) })
  put('skill-auth.json', { tokens: hashed(asked.skills ?? {}, skillTokenSalt) })
  const kdf = { memory: 65_536, parallelism: 1, iterations: 3, tagLength: 32 }
  const own = saltIn === 'config' ? { vaultSalt: vaultSalt.toString('base64url') } : {}
  put('config.json', { transport: 'tcp', host: '127.0.0.1', port: 4317, skillTokenSalt, kdf, ...own, ...config })
  if (asked.audit) writeFileSync(join(folder, 'audit.ndjson'), chained(asked.audit), { mode: 0o600 })
  return folder
}

function derive(algorithm: 'scrypt' | 'argon2id', params: Record<string, number>, salt: Buffer): Buffer {
  const { memory = 0, parallelism = 1, iterations: passes = 1, tagLength = 32 } = params
  const long =
    algorithm === 'scrypt'
      ? scryptSync(PASSPHRASE, salt, tagLength, { N: 2 ** 18, r: 8, p: Math.max(1, parallelism), maxmem: 2 ** 30 })
      : argon2Sync('argon2id', { message: PASSPHRASE, nonce: salt, parallelism, tagLength, memory, passes })
  return long.subarray(0, 32)
}

function sealed(key: Buffer, value: object) {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const ciphertext = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()])
  const [ivText, tag, text] = [iv, cipher.getAuthTag(), ciphertext].map((bytes) => bytes.toString('base64url'))
  return { version: 1, cipher: 'aes-256-gcm', iv: ivText, tag, ciphertext: text }
}

function hashed(skills: Readonly<Record<string, string | undefined>>, salt: string) {
  return Object.entries(skills).map(([skillId, token]) => ({
    skillId,
    tokenHash: createHash('sha256')
      .update(`${salt}:${token ?? 'gone'}`)
      .digest('hex'),
    active: token !== undefined,
    createdAt: NOW,
    updatedAt: NOW,
  }))
}

function chained(entries: readonly object[]): string {
  let prevHash = 'GENESIS'
  return entries
    .map((entry) => {
      const line = { ...entry, prevHash }
      prevHash = createHash('sha256').update(JSON.stringify(line)).digest('hex')
      return `${JSON.stringify({ ...line, hash: prevHash })}\n`
    })
    .join('')
}
