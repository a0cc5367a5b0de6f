/**
 * How a keyslot's input key is made, written as a PHC string without the hash part. The string that is stored is the one
 * that is used, and it is judged here before anything is allocated: a planted row cannot ask for terabytes or for nothing.
 */
import { randomBytes } from 'node:crypto'

export type Phc =
  | {
      readonly id: 'argon2id'
      readonly memoryKiB: number
      readonly passes: number
      readonly lanes: number
      readonly salt: Buffer
    }
  | { readonly id: 'scrypt'; readonly logN: number; readonly p: number; readonly salt: Buffer }
  /** The input is 32 random bytes already: no stretching, and the salt is HKDF's. */
  | { readonly id: 'hkdf-sha256'; readonly salt: Buffer }

export const SALT_BYTES = 16
const NUMBER = '([1-9][0-9]{0,9})'
const SALT = '([A-Za-z0-9+/]{22})'
const ARGON2ID = new RegExp(`^\\$argon2id\\$v=19\\$m=${NUMBER},t=${NUMBER},p=${NUMBER}\\$${SALT}$`)
const SCRYPT = new RegExp(`^\\$scrypt\\$ln=${NUMBER},r=8,p=${NUMBER}\\$${SALT}$`)
const HKDF = new RegExp(`^\\$hkdf-sha256\\$${SALT}$`)

/** Argon2id 256 MiB, 3 passes, 4 lanes: about 0.4 s. */
export const DEFAULT_ARGON2ID = { memoryKiB: 262_144, passes: 3, lanes: 4 } as const

/** What may be chosen for a new passphrase slot. */
export type Argon2idCost = { readonly memoryKiB: number; readonly passes: number; readonly lanes: number }

/** A new Argon2id string with a salt of its own. Throws RangeError outside the reader's limits. */
export function newArgon2id(cost: Argon2idCost = DEFAULT_ARGON2ID, salt: Buffer = randomBytes(SALT_BYTES)): string {
  const text = `$argon2id$v=19$m=${cost.memoryKiB},t=${cost.passes},p=${cost.lanes}$${unpadded(salt)}`
  if (readPhc(text) === undefined) throw new RangeError('phc: outside the limits for Argon2id')
  return text
}

/** For a slot whose input is a random key. */
export function newHkdf(salt: Buffer = randomBytes(SALT_BYTES)): string {
  return `$hkdf-sha256$${unpadded(salt)}`
}

/**
 * Reads a PHC string. Undefined unless: Argon2id v19, 16 MiB ≤ m ≤ 2 GiB, 1 ≤ t ≤ 10, 1 ≤ p ≤ 8; or scrypt
 * 2¹⁵ ≤ N ≤ 2²⁰, r = 8, 1 ≤ p ≤ 5; or hkdf-sha256; each with a 16-byte salt and nothing after it.
 */
export function readPhc(text: string): Phc | undefined {
  return readArgon2id(text) ?? readScrypt(text) ?? readHkdf(text)
}

function readArgon2id(text: string): Phc | undefined {
  const match = ARGON2ID.exec(text)
  if (match === null) return undefined
  const [memoryKiB, passes, lanes] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (memoryKiB < 16_384 || memoryKiB > 2_097_152 || passes > 10 || lanes > 8) return undefined
  const salt = readSalt(match[4]!)
  return salt && { id: 'argon2id', memoryKiB, passes, lanes, salt }
}

function readScrypt(text: string): Phc | undefined {
  const match = SCRYPT.exec(text)
  if (match === null) return undefined
  const [logN, p] = [Number(match[1]), Number(match[2])]
  if (logN < 15 || logN > 20 || p > 5) return undefined
  const salt = readSalt(match[3]!)
  return salt && { id: 'scrypt', logN, p, salt }
}

function readHkdf(text: string): Phc | undefined {
  const salt = readSalt(HKDF.exec(text)?.[1] ?? '')
  return salt && { id: 'hkdf-sha256', salt }
}

function readSalt(text: string): Buffer | undefined {
  const salt = Buffer.from(text, 'base64')
  return salt.length === SALT_BYTES && unpadded(salt) === text ? salt : undefined
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
