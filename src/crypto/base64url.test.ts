import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromBase64url, toBase64url } from './base64url.ts'

describe('fromBase64url()', () => {
  test('reads what toBase64url() writes', () => {
    for (let length = 0; length < 70; length += 1) {
      const bytes = Buffer.alloc(length, 251)
      assert.deepEqual(fromBase64url(toBase64url(bytes)), bytes)
    }
  })

  test('refuses the fifteen other spellings of a 64-byte signature', () => {
    const text = toBase64url(Buffer.alloc(64, 1))
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted = [...alphabet].filter((last) =>
      fromBase64url(text.slice(0, -1) + last)?.equals(Buffer.alloc(64, 1)),
    )
    assert.deepEqual(accepted, [text.at(-1)])
  })

  for (const text of ['AA==', 'A', 'AB', '+/', 'A A', 'AA\n', 'AA.', 'é']) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.equal(fromBase64url(text), undefined))
  }
})
