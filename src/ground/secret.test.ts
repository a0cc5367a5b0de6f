import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { format, inspect } from 'node:util'
import { serialize } from 'node:v8'
import fc from 'fast-check'
import { Secret } from './secret.ts'

const CANARY = 'canary-3f9a1c77d2'
const secret = Secret.fromText(CANARY)
const encodings = [CANARY, Buffer.from(CANARY).toString('hex'), Buffer.from(CANARY).toString('base64')]
/** A Buffer that is printed is printed as numbers. */
const asNumbers = [...Buffer.from(CANARY)].join(',')

const printers: readonly (readonly [string, () => unknown])[] = [
  ['a template string', () => `${secret}`],
  ['String()', () => String(secret)],
  ['joining', () => ['a', secret].join()],
  ['JSON', () => JSON.stringify({ deep: [{ secret }] })],
  ['inspect', () => inspect(secret, { depth: null, showHidden: true, showProxy: true, getters: true })],
  ['inspect of what holds it', () => inspect({ deep: [{ secret }] }, { depth: null, showHidden: true })],
  ['inspect of an error that has it as cause', () => inspect(new Error('failed', { cause: secret }))],
  ['inspect of a map and a set', () => inspect([new Map([[secret, secret]]), new Set([secret])], { depth: null })],
  ['format', () => format('%s %j %o %O', secret, secret, secret, secret)],
  ['an error message', () => new Error(`cannot use ${secret}`).stack],
  ['its own members', () => inspect([Object.entries(secret), Reflect.ownKeys(secret), { ...secret }])],
  ['a structured clone', () => inspect(structuredClone({ secret }), { depth: null, showHidden: true })],
  ['v8 serialisation', () => serialize({ secret }).toString('latin1')],
  ['the inspector without custom printers', () => inspect(secret, { customInspect: false, showHidden: true })],
]

describe('Secret', () => {
  for (const [what, print] of printers) {
    test(`does not come out of ${what}`, () => {
      const text = String(print())
      for (const form of [...encodings, asNumbers]) assert.ok(!text.includes(form), text)
    })
  }

  test('says [secret] where it is printed', () => {
    assert.equal(`${secret}`, '[secret]')
    assert.equal(JSON.stringify([secret]), '["[secret]"]')
    assert.equal(inspect(secret), '[secret]')
  })

  test('reveals the very bytes, whatever they are, and zeros once wiped', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const one = new Secret(Buffer.from(bytes))
        assert.deepEqual(one.reveal(), Buffer.from(bytes))
        assert.equal(one.length, bytes.length)
        one.wipe()
        assert.deepEqual(one.reveal(), Buffer.alloc(bytes.length))
      }),
    )
  })

  test('keeps text as UTF-8', () => {
    assert.deepEqual(Secret.fromText('café').reveal(), Buffer.from('636166c3a9', 'hex'))
  })
})
