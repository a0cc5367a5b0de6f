import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Keyring } from './keyring.ts'
import { openRoomKey } from './room-keys.ts'
import { testVault } from './vault.support.ts'

const answers = JSON.parse(readFileSync(new URL('../../vectors/known-answers.json', import.meta.url), 'utf8'))
const known = answers.roomKey
const hex = (text: string) => Buffer.from(text, 'hex')
const damaged = { code: 'room_key_damaged' }

let room: ReturnType<typeof testVault>
beforeEach(() => {
  room = testVault()
})
afterEach(() => room.remove())

describe('the known room key', () => {
  const keyring = new Keyring(hex(answers.hkdf.root), hex(answers.hkdf.installId))

  test('is under this key, and opens', () => {
    assert.equal(keyring.derive('room-key').export().toString('hex'), known.key)
    const opened = openRoomKey(keyring, known.purpose, hex(known.sealed))
    assert.equal(opened.reveal().toString('hex'), known.plaintext)
  })

  test('opens in no other installation, under no other root, and is no wrapped key', () => {
    const others = [
      new Keyring(hex(answers.hkdf.root), Buffer.alloc(16)),
      new Keyring(Buffer.alloc(32, 7), hex(answers.hkdf.installId)),
    ]
    for (const other of others) assert.throws(() => openRoomKey(other, known.purpose, hex(known.sealed)), damaged)
    assert.equal(keyring.unwrap(known.purpose, hex(known.sealed)), undefined)
    assert.throws(() => openRoomKey(keyring, 'log-key', keyring.wrap('log-key', Buffer.alloc(32))), damaged)
  })
})

describe('openKey()', () => {
  test('opens what sealKey() made, after a restart too, and nothing that was changed', async () => {
    const { vault, storage } = await room.open()
    const key = randomBytes(138)
    const sealed = vault.sealKey('signing-key/a', key)
    assert.equal(sealed.includes(key.subarray(0, 16)), false)
    await storage.close()
    const { vault: again } = await room.open()
    assert.deepEqual(again.openKey('signing-key/a', sealed).reveal(), key)
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.throws(() => again.openKey('signing-key/a', changed), damaged, `bit ${bit}`)
    }
    for (let length = 0; length < sealed.length; length += 1)
      assert.throws(() => again.openKey('signing-key/a', sealed.subarray(0, length)), damaged, `length ${length}`)
    assert.throws(() => again.openKey('signing-key/a', Buffer.concat([sealed, Buffer.alloc(1)])), damaged)
  })

  for (const other of ['signing-key/b', 'signing-key/', 'signing-key', 'a', '', 'signing-key/a\0', 'SIGNING-KEY/A']) {
    test(`refuses the purpose ${JSON.stringify(other)} for a key of another`, async () => {
      const { vault } = await room.open()
      const sealed = vault.sealKey('signing-key/a', randomBytes(32))
      assert.throws(() => vault.openKey(other, sealed), damaged)
    })
  }

  test('is refused while the vault is sealed, as is sealKey()', async () => {
    const { vault } = await room.open()
    const sealed = vault.sealKey('signing-key/a', randomBytes(32))
    vault.seal('operator')
    assert.throws(() => vault.openKey('signing-key/a', sealed), { code: 'vault_sealed' })
    assert.throws(() => vault.sealKey('signing-key/a', randomBytes(32)), { code: 'vault_sealed' })
  })
})

describe('sealRoomKey()', () => {
  test('takes small keys alone', async () => {
    const { vault } = await room.open()
    assert.equal(vault.openKey('x', vault.sealKey('x', Buffer.alloc(4_096))).length, 4_096)
    assert.throws(() => vault.sealKey('x', Buffer.alloc(4_097)), RangeError)
    assert.notDeepEqual(vault.sealKey('x', Buffer.alloc(32)), vault.sealKey('x', Buffer.alloc(32)))
  })
})
