import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { composeServiceKey, isServiceKey, newServiceKey, storedServiceKey } from './service-key.ts'

const pepper = createSecretKey(Buffer.alloc(32, 7))

describe('a service key', () => {
  test('has the form that secret scanners are told, from 256 random bits', () => {
    const made = Array.from({ length: 50 }, () => newServiceKey(pepper).key.reveal().toString('latin1'))
    assert.equal(new Set(made).size, 50)
    for (const text of made) {
      assert.match(text, /^svc_[0-9A-Za-z]{49}$/)
      assert.equal(isServiceKey(text), true)
    }
    assert.equal(
      composeServiceKey(Buffer.alloc(32)),
      `svc_${'0'.repeat(43)}${composeServiceKey(Buffer.alloc(32)).slice(-6)}`,
    )
    assert.throws(() => composeServiceKey(Buffer.alloc(31)), RangeError)
  })

  test('is told from everything else by its checksum', () => {
    const text = composeServiceKey(randomBytes(32))
    for (let at = 0; at < text.length; at += 1) {
      const other = text[at] === 'A' ? 'B' : 'A'
      assert.equal(isServiceKey(text.slice(0, at) + other + text.slice(at + 1)), false, `character ${at}`)
    }
    for (const not of [
      '',
      'svc_',
      text.slice(0, -1),
      `${text}0`,
      ` ${text}`,
      `${text}\n`,
      text.replace('svc_', 'clv_'),
    ])
      assert.equal(isServiceKey(not), false)
  })

  test('is kept as a hash under the pepper, of its own kind', () => {
    const { key, hash } = newServiceKey(pepper)
    const text = key.reveal().toString('latin1')
    assert.deepEqual(hash, storedServiceKey(pepper, text))
    assert.notDeepEqual(hash, storedServiceKey(createSecretKey(Buffer.alloc(32, 8)), text))
    assert.equal(hash.length, 32)
  })
})
