import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { newArgon2id, newHkdf, readPhc } from './phc.ts'

const salt = 'cHFyc3R1dnd4eXp7fH1+fw'

describe('readPhc()', () => {
  test('reads what this program writes', () => {
    const defaults = { id: 'argon2id', memoryKiB: 262_144, passes: 3, lanes: 4 }
    const { salt: _, ...read } = readPhc(newArgon2id())!
    assert.deepEqual(read, defaults)
    assert.equal(readPhc(newHkdf())?.id, 'hkdf-sha256')
    assert.notEqual(newArgon2id(), newArgon2id())
  })

  test('accepts the limits themselves', () => {
    for (const parameters of ['m=16384,t=1,p=1', 'm=2097152,t=10,p=8']) {
      assert.equal(readPhc(`$argon2id$v=19$${parameters}$${salt}`)?.id, 'argon2id')
    }
    for (const parameters of ['ln=15,r=8,p=1', 'ln=20,r=8,p=5']) {
      assert.equal(readPhc(`$scrypt$${parameters}$${salt}`)?.id, 'scrypt')
    }
  })

  const refused: readonly string[] = [
    '',
    `$argon2id$v=19$m=16383,t=1,p=1$${salt}`,
    `$argon2id$v=19$m=2097153,t=1,p=1$${salt}`,
    `$argon2id$v=19$m=99999999999,t=1,p=1$${salt}`,
    `$argon2id$v=19$m=65536,t=0,p=1$${salt}`,
    `$argon2id$v=19$m=65536,t=11,p=1$${salt}`,
    `$argon2id$v=19$m=65536,t=1,p=0$${salt}`,
    `$argon2id$v=19$m=65536,t=1,p=9$${salt}`,
    `$argon2id$v=16$m=65536,t=1,p=1$${salt}`,
    `$argon2id$m=65536,t=1,p=1$${salt}`,
    `$argon2i$v=19$m=65536,t=1,p=1$${salt}`,
    `$argon2d$v=19$m=65536,t=1,p=1$${salt}`,
    `$argon2id$v=19$m=65536,t=1,p=1$${salt}$aGFzaA`,
    `$argon2id$v=19$m=065536,t=1,p=1$${salt}`,
    `$argon2id$v=19$t=1,m=65536,p=1$${salt}`,
    `$argon2id$v=19$m=65536,t=1,p=1$${salt.slice(0, -1)}x`,
    `$argon2id$v=19$m=65536,t=1,p=1$${salt}==`,
    `$argon2id$v=19$m=65536,t=1,p=1$${salt}\n`,
    `$argon2id$v=19$m=65536,t=1,p=1$cHFy`,
    `$argon2id$v=19$m=65536,t=1,p=1$`,
    `$scrypt$ln=14,r=8,p=1$${salt}`,
    `$scrypt$ln=21,r=8,p=1$${salt}`,
    `$scrypt$ln=17,r=16,p=1$${salt}`,
    `$scrypt$ln=17,r=8,p=6$${salt}`,
    `$pbkdf2-sha256$i=600000$${salt}`,
    `$hkdf-sha256$`,
    `$hkdf-sha256$${salt}$aGFzaA`,
  ]
  for (const text of refused) test(`refuses ${JSON.stringify(text)}`, () => assert.equal(readPhc(text), undefined))
})

describe('newArgon2id()', () => {
  test('refuses a cost that the reader would refuse', () => {
    assert.throws(() => newArgon2id({ memoryKiB: 8, passes: 1, lanes: 1 }), RangeError)
    assert.throws(() => newArgon2id({ memoryKiB: 65_536.5, passes: 1, lanes: 1 }), RangeError)
  })
})
