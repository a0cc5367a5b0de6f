import assert from 'node:assert/strict'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Secret } from '../ground/secret.ts'
import { credential, dying, operator, testVault } from './vault.support.ts'
import type { Vault } from './vault.ts'

const first = 'kumquat vortex ladder sable'
const second = 'orbit mint gravel tuxedo'
let room: ReturnType<typeof testVault>
let vault: Vault
beforeEach(async () => {
  room = testVault()
  vault = (await room.open()).vault
  await vault.store(credential('github', 'a-secret-of-mine'), operator)
})
afterEach(() => room.remove())

const set = (text: string, only = false) => vault.setPassphrase(Secret.fromText(text), { only }, operator)
const types = () => vault.slots().map((slot) => slot.type)
async function opens(opener: Parameters<Vault['unseal']>[0]): Promise<boolean> {
  const started = await room.start()
  try {
    await started.vault.unseal(opener)
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'unseal_failed')
    return false
  }
  started.storage.authenticateWith(started.vault.keys().rowMac)
  await started.vault.load()
  assert.equal(room.reveal(started.vault, started.vault.find('github')), 'a-secret-of-mine')
  return true
}
const withPhrase = (text: string) => opens({ passphrase: Secret.fromText(text) })
const withFile = () => opens({ keyFile: room.keyFile })

describe('setPassphrase()', () => {
  test('adds a way in beside the key file', async () => {
    await set(first)
    assert.deepEqual(types(), ['file', 'passphrase'])
    assert.deepEqual([await withPhrase(first), await withFile()], [true, true])
  })

  test('replaces the passphrase that was', async () => {
    await set(first)
    await set(second)
    assert.deepEqual(types(), ['file', 'passphrase'])
    assert.deepEqual([await withPhrase(first), await withPhrase(second), await withFile()], [false, true, true])
  })

  test('with only, takes every other way in', async () => {
    await set(first)
    await set(second, true)
    assert.deepEqual(types(), ['passphrase'])
    assert.deepEqual([await withPhrase(first), await withPhrase(second), await withFile()], [false, true, false])
  })

  for (const death of ['before', 'inside', 'after'] as const) {
    test(`killed ${death} its commit, leaves one way in that opens: the old or the new`, async () => {
      await set(first, true)
      const { vault: dies } = await room.open({ passphrase: Secret.fromText(first) }, dying(0, death))
      await assert.rejects(dies.setPassphrase(Secret.fromText(second), { only: true }, operator), /died/)
      assert.deepEqual([await withPhrase(first), await withPhrase(second)], [death !== 'after', death === 'after'])
    })
  }

  test('refuses what does not pass the gate, and changes nothing', async () => {
    await assert.rejects(set('too short', true), { code: 'passphrase_too_short' })
    await assert.rejects(set('password1234567', true), { code: 'passphrase_too_weak' })
    assert.deepEqual(types(), ['file'])
  })

  test('is recorded, without the passphrase or the salt', async () => {
    await set(first)
    const rows = room.database.look("SELECT record FROM audit_outbox WHERE kind = 'vault' ORDER BY id")
    const records = rows.map((row) => JSON.parse(String(row.record)))
    assert.deepEqual(
      records.map((record) => [record.type, record.actor.kind]),
      [
        ['key.initialised', 'system'],
        ['key.passphrase_set', 'operator'],
      ],
    )
    assert.ok(!JSON.stringify(rows).includes('kumquat'))
  })
})

describe('addKeyFile() and removeSlot()', () => {
  test('add and take away, but never the last', async () => {
    const path = join(room.database.directory, 'second.key')
    await vault.addKeyFile(path, operator)
    assert.deepEqual(types(), ['file', 'file'])
    const [old] = vault.slots()
    await vault.removeSlot(old!.id, operator)
    assert.deepEqual([await withFile(), await opens({ keyFile: path })], [false, true])
    await assert.rejects(vault.removeSlot(vault.slots()[0]!.id, operator), { code: 'slot_is_last' })
    await assert.rejects(vault.removeSlot('slot_none', operator), { code: 'slot_unknown' })
  })

  test('two changes in one turn do not undo each other', async () => {
    const paths = ['a', 'b', 'c'].map((name) => join(room.database.directory, name))
    await Promise.all(paths.map((path) => vault.addKeyFile(path, operator)))
    assert.equal(vault.slots().length, 4)
    for (const path of paths) assert.ok(await opens({ keyFile: path }))
  })

  test('stop at eight', async () => {
    for (let i = 0; i < 7; i += 1) await vault.addKeyFile(join(room.database.directory, `key-${i}`), operator)
    await assert.rejects(vault.addKeyFile(join(room.database.directory, 'one-more'), operator), { code: 'slots_full' })
    assert.ok(await withFile())
  })
})

describe('slots and settings that other hands changed', () => {
  const edits: readonly (readonly [string, string])[] = [
    ['a slot removed', 'DELETE FROM keyslots WHERE rowid = 2'],
    ['a slot added', "INSERT INTO keyslots SELECT 'slot_x', replace(slot, id, 'slot_x') FROM keyslots LIMIT 1"],
    ['a slot renamed', "UPDATE keyslots SET id = 'slot_x' WHERE rowid = 2"],
    ['a slot that is no JSON', "UPDATE keyslots SET slot = 'x' WHERE rowid = 2"],
    [
      'a costlier slot',
      "UPDATE keyslots SET slot = replace(slot, '$hkdf-sha256$', '$argon2id$v=19$m=2097152,t=10,p=8$') WHERE rowid = 2",
    ],
    [
      'another wrapped key',
      'UPDATE keyslots SET slot = replace(slot, \'"wrapped":"\', \'"wrapped":"AAAA\') WHERE rowid = 2',
    ],
    [
      'nine slots',
      "INSERT INTO keyslots WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 9) SELECT 'slot_' || i, replace(slot, keyslots.id, 'slot_' || i) FROM keyslots, n WHERE keyslots.rowid = 1",
    ],
    ['another mac of slots', 'UPDATE vault_settings SET slots_mac = zeroblob(32)'],
    ['another mac of settings', 'UPDATE vault_settings SET settings_mac = zeroblob(32)'],
    [
      'another primary generation',
      'UPDATE vault_settings SET settings = replace(settings, \'"primary":1\', \'"primary":2\')',
    ],
    [
      'another pepper',
      'UPDATE vault_settings SET settings = replace(settings, \'"tokenPepper":1\', \'"tokenPepper":2\')',
    ],
    [
      'another installation',
      'UPDATE vault_settings SET settings = replace(settings, \'"installId":"\', \'"installId":"x\')',
    ],
    ['settings that are no JSON', "UPDATE vault_settings SET settings = ''"],
    ['settings that are gone', 'DELETE FROM vault_settings'],
    ['settings and slots that are gone', 'DELETE FROM vault_settings; DELETE FROM keyslots'],
  ]
  for (const [what, statements] of edits) {
    test(`${what}: sealed, integrity`, async () => {
      await vault.addKeyFile(join(room.database.directory, 'second.key'), operator)
      for (const statement of statements.split('; ')) room.database.edit(statement)
      const { vault: again } = await room.start()
      await assert.rejects(again.unseal({ keyFile: room.keyFile }), { code: 'vault_integrity_failed' })
      assert.deepEqual(again.state(), { state: 'sealed', reason: 'integrity' })
      assert.throws(() => again.keys(), { code: 'vault_sealed' })
    })
  }

  test('are not signed by the next change', async () => {
    room.database.edit("INSERT INTO keyslots SELECT 'slot_x', replace(slot, id, 'slot_x') FROM keyslots")
    await assert.rejects(vault.addKeyFile(room.keyFile, operator), { code: 'vault_integrity_failed' })
  })
})
