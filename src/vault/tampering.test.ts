// What somebody can do who may write the database file while nothing runs (THREATS H-01), and what one bad row does to the others.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { ServiceId } from '../ground/ids.ts'
import { Secret } from '../ground/secret.ts'
import type { Storage } from '../storage/storage.ts'
import type { CredentialView } from './contract.ts'
import { sealEnvelope } from './envelope.ts'
import { Keyring } from './keyring.ts'
import { credential, operator, origins, testVault } from './vault.support.ts'

const ROWS = 50
let room: ReturnType<typeof testVault>
let views: CredentialView[]

beforeEach(async () => {
  room = testVault()
  const { vault, storage } = await room.open()
  const handles = Array.from({ length: ROWS }, (_, i) => `key-${i}`)
  views = await Promise.all(
    handles.map((handle, i) =>
      vault.store(credential(handle, `secret-number-${i}`, { origins: originsOf(i) }), operator),
    ),
  )
  await storage.close()
})
afterEach(() => room.remove())

const originsOf = (i: number) => [`https://host${i % 5}.example.com:443`]
const permit = (i: number, changes = {}) => room.permitFor(views[i]!.id, { origins: originsOf(i), ...changes })

describe('rows edited by other hands', () => {
  test('ciphertexts moved around: every one of those credentials is refused, and the alarm is raised for each', async () => {
    room.database.edit(
      `UPDATE credential_versions AS t SET envelope = (SELECT s.envelope FROM credential_versions AS s
         WHERE s.rowid = 1 + (t.rowid % ${ROWS}))`,
    )
    const { vault } = await room.open()
    for (let i = 0; i < ROWS; i += 1) assert.throws(() => vault.open(permit(i)), { code: 'integrity_failed' })
    assert.deepEqual(new Set(room.alarms), new Set(views.map((view) => view.id)))
    assert.deepEqual(new Set(vault.list().map((view) => view.status)), new Set(['integrity_failed']))
  })

  const edits: readonly (readonly [string, string])[] = [
    ['the ciphertext', 'UPDATE credential_versions SET envelope = zeroblob(118)'],
    ['the origins', 'UPDATE credential_versions SET origins_hash = zeroblob(32)'],
    ['the mac of a version', 'UPDATE credential_versions SET mac = zeroblob(32)'],
    ['the service', "UPDATE credentials SET service = 'srv_2'"],
    ['the handle', "UPDATE credentials SET handle = 'key-x'"],
    ['the metadata', 'UPDATE credentials SET meta = \'{"a":"b"}\''],
    ['the expiry', 'UPDATE credentials SET expires_at = 99999999999999'],
    ['the version', 'UPDATE credentials SET version = 2'],
  ]
  for (const [what, sql] of edits) {
    test(`${what} of one: it alone is disabled, the rest serves`, async () => {
      const column = sql.includes('credential_versions') ? 'credential' : 'id'
      room.database.edit(`${sql} WHERE ${column} = ?`, views[7]!.id)
      const { vault } = await room.open()
      assert.deepEqual(room.alarms, [views[7]!.id])
      assert.equal(vault.find(views[7]!.id)?.status, 'integrity_failed')
      assert.equal(vault.stateOf(views[7]!.id).facts, 'integrity_failed')
      for (let i = 0; i < ROWS; i += 1) {
        if (i === 7) assert.throws(() => vault.open(permit(i)), { code: 'integrity_failed' })
        else assert.equal(vault.open(permit(i))?.value.reveal().toString(), `secret-number-${i}`)
      }
    })
  }
})

describe('an envelope that does not open although its row is believed', () => {
  test('is disabled at the first attempt, with an alarm, until it is rotated', async () => {
    const { vault, storage } = await room.open()
    const { keyring, kek } = forger(vault.keys().installId)
    const binding = { installId: keyring.installId, credentialId: views[3]!.id, version: 1, field: 'value' }
    const envelope = sealEnvelope(kek, { ...binding, originsHash: Buffer.alloc(32) }, Buffer.from('another-secret'))
    await plant(storage, `${views[3]!.id}.1`, envelope)
    await vault.load()
    const held = permit(3)
    assert.throws(() => vault.open(held), { code: 'integrity_failed' })
    assert.throws(() => vault.open(held), { code: 'permit_refused' })
    assert.throws(() => vault.open(permit(3)), { code: 'integrity_failed' })
    assert.deepEqual(room.alarms, [views[3]!.id])
    assert.equal(vault.find('key-3')?.status, 'integrity_failed')
    await assert.rejects(vault.rebind('srv_1' as ServiceId, origins, operator), { code: 'integrity_failed' })
    await vault.rotate('key-3', { secret: Secret.fromText('a-good-secret') }, operator)
    assert.equal(vault.open(permit(3))?.value.reveal().toString(), 'a-good-secret')
  })

  test('keeps the old generation of the key alive, and no other credential from being rewrapped', async () => {
    const { vault, storage } = await room.open()
    await plant(storage, `${views[3]!.id}.1`, Buffer.alloc(118))
    await vault.load()
    assert.deepEqual(await vault.rotateKek(operator), { primary: 2, rewrapped: ROWS - 1, remaining: 1 })
    assert.equal(vault.kekRotationUnfinished(), true)
    await vault.remove('key-3', operator)
    assert.deepEqual(await vault.rotateKek(operator), { primary: 2, rewrapped: 0, remaining: 0 })
    assert.equal(vault.kekRotationUnfinished(), false)
    assert.equal(vault.open(permit(4))?.value.reveal().toString(), 'secret-number-4')
  })
})

/** Another root key: what somebody without ours can seal. */
function forger(installId: Buffer) {
  const keyring = new Keyring(Buffer.alloc(32, 1), installId)
  return { keyring, kek: keyring.kek(1) }
}

/** Puts an envelope into a row and gives the row a good MAC, which only the holder of the vault's key can. */
async function plant(storage: Storage, id: string, envelope: Buffer): Promise<void> {
  await storage.write(async (tx) => {
    const row = await tx.get('credential_versions', id)
    await tx.put('credential_versions', { ...row, envelope })
    await tx.change({ kind: 'test', ref: id, record: { type: 'config', ev: {} } })
  })
}
