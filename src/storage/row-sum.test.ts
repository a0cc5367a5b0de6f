import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { addTo, elementOf, openSum, sealSum, takeFrom } from './row-sum.ts'

const key = createSecretKey(Buffer.alloc(32, 3))
const element = (n: number, table = 'tokens') => elementOf(key, table, Buffer.from([n]))

describe('the sum of rows', () => {
  test('depends on which rows there are and how often, never on the order of what happened', () => {
    const rows = fc.array(fc.nat(200), { maxLength: 30 })
    fc.assert(
      fc.property(rows, rows, (kept, gone) => {
        const plain = kept.reduce((sum, row) => addTo(sum, element(row)), 0n)
        let busy = 0n
        for (const row of gone) busy = addTo(busy, element(row))
        for (const row of kept.toReversed()) busy = addTo(busy, element(row))
        for (const row of gone.toReversed()) busy = takeFrom(busy, element(row))
        assert.equal(busy, plain)
      }),
    )
    assert.notEqual(addTo(element(1), element(1)), addTo(element(1), element(2)))
    assert.notEqual(element(1), element(1, 'agents'))
  })

  test('opens as it was sealed, and not at all when any part was edited', () => {
    const nonce = randomBytes(16)
    const state = { epoch: 7, rowCount: 3, sum: addTo(element(1), 2n ** 256n - 1n) }
    const sealed = sealSum(key, 'instance', state, nonce)
    assert.equal(openSum(key, 'instance', sealed), state.sum)
    const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte))
    const edits = [
      { epoch: 8 },
      { rowCount: 2 },
      { nonce: flip(nonce) },
      { sum: flip(sealed.sum) },
      { mac: flip(sealed.mac) },
      { mac: new Uint8Array() },
    ]
    for (const edit of edits) assert.equal(openSum(key, 'instance', { ...sealed, ...edit }), undefined)
    assert.equal(openSum(key, 'other', sealed), undefined)
    assert.equal(openSum(createSecretKey(randomBytes(32)), 'instance', sealed), undefined)
  })

  test('shows nothing of itself: the same sum is stored differently each time', () => {
    const state = { epoch: 7, rowCount: 3, sum: 5n }
    const [one, two] = [sealSum(key, 'i', state, randomBytes(16)), sealSum(key, 'i', state, randomBytes(16))]
    assert.notDeepEqual(one.sum, two.sum)
  })
})
