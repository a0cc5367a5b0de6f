import assert from 'node:assert/strict'
import { createHmac, createSecretKey } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { domain, lp } from '../crypto/framing.ts'
import { rowMac } from './row-mac.ts'
import type { Row } from './storage.ts'

const key = createSecretKey(Buffer.alloc(32, 7))

/** The definition, written out without care for speed. */
function slowMac(table: string, row: Row): Buffer {
  const columns: Buffer[] = []
  for (const name of Object.keys(row).sort()) {
    const value = row[name]
    if (name === 'mac' || value === null || value === undefined) continue
    const type = typeof value === 'number' ? 1 : typeof value === 'string' ? 2 : 3
    columns.push(lp(name), Buffer.from([type]), lp(value))
  }
  const message = Buffer.concat([domain('row'), lp(table), lp(Buffer.concat(columns))])
  return createHmac('sha256', key).update(message).digest()
}

const value = fc.oneof(
  fc.maxSafeInteger(),
  fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
  fc.uint8Array({ maxLength: 6000 }),
  fc.constant(null),
)
const row = fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), value, { maxKeys: 8 })

describe('rowMac()', () => {
  test('is the HMAC of the framed columns', () => {
    fc.assert(
      fc.property(row, (columns) => assert.deepEqual(rowMac(key, 'things', columns), slowMac('things', columns))),
    )
  })

  test('is the same whatever the order of columns, whatever the nulls, whatever the old MAC', () => {
    const mac = rowMac(key, 't', { id: 'a', n: 1, mac: Buffer.from('x') })
    assert.deepEqual(rowMac(key, 't', { n: 1, more: null, id: 'a' }), mac)
  })

  test('tells rows apart that look alike', () => {
    const alike: [string, Row][] = [
      ['t', { id: 'a', n: 1 }],
      ['t', { id: 'a', n: '1' }],
      ['t', { id: 'a', n: Buffer.from('1') }],
      ['t', { id: 'a', m: 1 }],
      ['t', { id: 'a1', n: '' }],
      ['t', { id: '', n: 'a1' }],
      ['t', { id: 'a' }],
      ['t', { id: 'a', n: -1 }],
      ['tt', { id: 'a', n: 1 }],
    ]
    const macs = new Set(alike.map(([table, columns]) => rowMac(key, table, columns).toString('hex')))
    assert.equal(macs.size, alike.length)
  })
})
