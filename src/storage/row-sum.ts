import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { domain, lp } from '../crypto/framing.ts'

/**
 * A keyed hash of the multiset of all row MACs, updated by adding and subtracting: MSet-Add-Hash of Clarke, Devadas,
 * van Dijk, Gassend, Suh (ASIACRYPT 2003), over HMAC-SHA-256 and modulo 2²⁵⁶. What is added for a row is a secret image of
 * its table and MAC, and the stored sum is masked with a fresh nonce: whoever collects old rows with their MACs has no numbers to
 * solve for, as he would have if the visible MACs themselves were added.
 */
const MODULUS = 1n << 256n
const ELEMENT = domain('row-element')
const MASK = domain('row-mask')
const SUM = domain('row-sum')

/**
 * What one row adds to the sum of its table's rows. The table counts: else a row that takes authority away could be laid,
 * with its MAC, into another table, where it is refused and says nothing.
 */
export function elementOf(key: KeyObject, table: string, mac: Uint8Array): bigint {
  return toInteger(createHmac('sha256', key).update(ELEMENT).update(lp(table)).update(mac).digest('hex'))
}

export const addTo = (sum: bigint, element: bigint): bigint => (sum + element) % MODULUS
export const takeFrom = (sum: bigint, element: bigint): bigint => (sum - element + MODULUS) % MODULUS

/** The state of authority as it is stored: one row. `sum` is masked. */
export interface SealedSum {
  readonly epoch: number
  readonly rowCount: number
  readonly nonce: Uint8Array
  readonly sum: Uint8Array
  readonly mac: Uint8Array
}

/** Seals epoch, number of rows and their sum. `nonce`: 16 fresh random bytes. */
export function sealSum(
  key: KeyObject,
  instanceId: string,
  state: { epoch: number; rowCount: number; sum: bigint },
  nonce: Buffer,
): SealedSum {
  const masked = addTo(state.sum, maskOf(key, nonce))
  const sum = Buffer.from(masked.toString(16).padStart(64, '0'), 'hex')
  const sealed = { epoch: state.epoch, rowCount: state.rowCount, nonce, sum }
  return { ...sealed, mac: macOf(key, instanceId, sealed) }
}

/** The sum inside, or undefined if the row was not written by a holder of `key` for this database. */
export function openSum(key: KeyObject, instanceId: string, sealed: SealedSum): bigint | undefined {
  const mac = macOf(key, instanceId, sealed)
  if (sealed.mac.length !== mac.length || !timingSafeEqual(mac, sealed.mac)) return undefined
  return takeFrom(toInteger(Buffer.from(sealed.sum).toString('hex')), maskOf(key, sealed.nonce))
}

function maskOf(key: KeyObject, nonce: Uint8Array): bigint {
  return toInteger(createHmac('sha256', key).update(MASK).update(nonce).digest('hex'))
}

function macOf(key: KeyObject, instanceId: string, sealed: Omit<SealedSum, 'mac'>): Buffer {
  const hmac = createHmac('sha256', key).update(SUM)
  for (const part of [instanceId, sealed.epoch, sealed.rowCount, sealed.nonce, sealed.sum]) hmac.update(lp(part))
  return hmac.digest()
}

function toInteger(hex: string): bigint {
  return BigInt(`0x${hex}`)
}
