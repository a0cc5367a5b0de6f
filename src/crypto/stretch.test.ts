import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { newArgon2id, newHkdf, readPhc } from './phc.ts'
import { stretch } from './stretch.ts'

const known = JSON.parse(readFileSync(new URL('../../vectors/known-answers.json', import.meta.url), 'utf8')).keyslot
const cheap = { memoryKiB: 16_384, passes: 1, lanes: 1 }

describe('stretch()', () => {
  test('gives the known answer for Argon2id', async () => {
    const phc = readPhc(JSON.parse(known.head).kdf)!
    assert.equal((await stretch(Buffer.from(known.passphraseUtf8), phc)).toString('hex'), known.ikm)
  })

  test('reads scrypt slots', async () => {
    const phc = readPhc('$scrypt$ln=15,r=8,p=1$cHFyc3R1dnd4eXp7fH1+fw')!
    const expected = scryptSync('passphrase', phc.salt, 32, { N: 32_768, r: 8, p: 1, maxmem: 2 ** 26 })
    assert.deepEqual(await stretch(Buffer.from('passphrase'), phc), expected)
  })

  test('gives a copy of a random key, and refuses one of another length', async () => {
    const key = Buffer.alloc(32, 7)
    const copy = await stretch(key, readPhc(newHkdf())!)
    assert.deepEqual(copy, key)
    assert.notEqual(copy.buffer, key.buffer)
    await assert.rejects(stretch(Buffer.alloc(31), readPhc(newHkdf())!), RangeError)
  })

  test('runs one at a time, and goes on after a failure', async () => {
    const order: number[] = []
    const one = stretch(Buffer.from('a'), readPhc(newArgon2id(cheap))!).then(() => order.push(1))
    const two = stretch(Buffer.alloc(1), readPhc(newHkdf())!).catch(() => order.push(2))
    const three = stretch(Buffer.alloc(32), readPhc(newHkdf())!).then(() => order.push(3))
    await Promise.all([one, two, three])
    assert.deepEqual(order, [1, 2, 3])
  })
})
