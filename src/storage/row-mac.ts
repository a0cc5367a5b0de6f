import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { domain, lp } from '../crypto/framing.ts'
import type { StoredRow } from './sqlite-rows.ts'
import type { Row } from './storage.ts'

const DOMAIN = domain('row')
const INTEGER = 1
const TEXT = 2
const BLOB = 3

/** Long enough for any table's prefix; grows for long columns. */
let scratch = Buffer.allocUnsafe(4096)

/**
 * HMAC-SHA-256(key, D("row") ‖ lp(table) ‖ lp(columns)), where columns = for every column but `mac` that is not null, in
 * order of name: lp(name) ‖ type (01 integer, 02 text, 03 blob) ‖ lp(value). The `id` and `epoch` are columns like others,
 * so a MAC fits one version of one row of one table. Throws TypeError for values that have no one spelling in SQL.
 */
export function rowMac(key: KeyObject, table: string, row: Row): Buffer {
  const prefix = prefixOf(table)
  scratch.set(prefix)
  const end = encode(row, Object.keys(row).sort(), prefix.length + 4)
  scratch.writeUInt32BE(end - prefix.length - 4, prefix.length)
  return createHmac('sha256', key).update(scratch.subarray(0, end)).digest()
}

/** The row that was stored, if its MAC holds; else undefined. */
export function believedRow(key: KeyObject, table: string, stored: StoredRow): Row | undefined {
  if (!stored.row || stored.mac.length !== 32) return undefined
  try {
    return timingSafeEqual(rowMac(key, table, stored.row), stored.mac) ? stored.row : undefined
  } catch (error) {
    if (error instanceof TypeError) return undefined // values that no honest writer stores
    throw error
  }
}

const prefixes = new Map<string, Buffer>()

function prefixOf(table: string): Buffer {
  const known = prefixes.get(table)
  if (known) return known
  const prefix = Buffer.concat([DOMAIN, lp(table)])
  prefixes.set(table, prefix)
  return prefix
}

/** Writes the columns into `scratch` from `at` and gives the end: it runs for every row at every start, so it allocates little. */
function encode(row: Row, columns: readonly string[], at: number): number {
  for (const name of columns) {
    const value = row[name]
    if (name === 'mac' || value === null || value === undefined) continue
    const bytes = typeof value === 'object' ? value : textOf(name, value)
    const most = 9 + name.length * 3 + (typeof bytes === 'string' ? bytes.length * 3 : bytes.length)
    if (at + most > scratch.length) grow(at + most)
    at = field(name, at)
    scratch[at] = typeof value === 'number' ? INTEGER : typeof value === 'string' ? TEXT : BLOB
    at = field(bytes, at + 1)
  }
  return at
}

function textOf(name: string, value: string | number): string {
  if (typeof value === 'string') {
    if (!value.isWellFormed() || value.includes('\0')) throw new TypeError(`column ${name}: text without NUL only`)
    return value
  }
  if (!Number.isSafeInteger(value)) throw new TypeError(`column ${name}: safe integers only`)
  return String(value)
}

function field(bytes: string | Uint8Array, at: number): number {
  let length = bytes.length
  if (typeof bytes === 'string') length = scratch.write(bytes, at + 4, 'utf8')
  else scratch.set(bytes, at + 4)
  scratch.writeUInt32BE(length, at)
  return at + 4 + length
}

function grow(needed: number): void {
  const larger = Buffer.allocUnsafe(needed * 2)
  scratch.copy(larger)
  scratch = larger
}
