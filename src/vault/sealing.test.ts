import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ed25519Raw } from '../crypto/ed25519.ts'
import { Secret } from '../ground/secret.ts'
import type { VaultStatus } from './contract.ts'
import { credential, dying, operator, testVault } from './vault.support.ts'
import type { Vault } from './vault.ts'

let room: ReturnType<typeof testVault>
beforeEach(() => {
  room = testVault()
})
afterEach(() => room.remove())
const phrase = (text = 'kumquat vortex ladder sable') => ({ passphrase: Secret.fromText(text) })

describe('initialise()', () => {
  test('makes a key file and leaves the vault open', async () => {
    const { vault } = await room.start()
    assert.deepEqual(vault.state(), { state: 'uninitialised' })
    assert.throws(() => vault.keys(), { code: 'vault_not_initialised' })
    await vault.initialise({ keyFile: room.keyFile })
    assert.deepEqual(vault.state(), { state: 'unsealed' })
    assert.equal(statSync(room.keyFile).mode & 0o7777, 0o400)
    assert.deepEqual(
      vault.slots().map(({ type, kdf }) => ({ type, kdf })),
      [{ type: 'file', kdf: '$hkdf-sha256' }],
    )
  })

  test('takes a passphrase that passes the gate, and no other', async () => {
    const { vault } = await room.start()
    await assert.rejects(vault.initialise(phrase('password')), { code: 'passphrase_too_short' })
    await assert.rejects(vault.initialise(phrase('password12345')), { code: 'passphrase_too_weak' })
    assert.deepEqual(vault.state(), { state: 'uninitialised' })
    await vault.initialise(phrase())
    assert.equal(vault.slots()[0]?.kdf, '$argon2id$v=19$m=16384,t=1,p=1')
  })

  test('is done once', async () => {
    const { vault } = await room.open()
    await assert.rejects(vault.initialise({ keyFile: room.keyFile }), { code: 'vault_already_initialised' })
    const { vault: again } = await room.start()
    await assert.rejects(again.initialise({ keyFile: room.keyFile }), { code: 'vault_already_initialised' })
  })

  test('goes on with the key file of a start that died before its commit', async () => {
    const { vault } = await room.start(dying(0, 'before'))
    await assert.rejects(vault.initialise({ keyFile: room.keyFile }), /died/)
    const left = readFileSync(room.keyFile)
    await room.open()
    assert.deepEqual(readFileSync(room.keyFile), left)
  })
})

describe('unseal()', () => {
  test('gives the same keys after a restart', async () => {
    const first = (await room.open()).vault.keys()
    const { vault } = await room.start()
    assert.deepEqual(vault.state(), { state: 'sealed', reason: 'boot' })
    assert.throws(() => vault.keys(), { code: 'vault_sealed' })
    await vault.unseal({ keyFile: room.keyFile })
    const again = vault.keys()
    assert.deepEqual(again.installId, first.installId)
    assert.ok(again.rowMac.equals(first.rowMac))
    assert.ok(again.tokenPepper.key.equals(first.tokenPepper.key))
    assert.deepEqual(ed25519Raw(again.logKey.publicKey), ed25519Raw(first.logKey.publicKey))
    const keys = [again.rowMac, again.tokenPepper.key, again.auditTail.key, again.auditRedact.key]
    assert.equal(new Set(keys.map((key) => key.export().toString('hex'))).size, 4)
  })

  test('works offline, without anything else of the house: what a token reset needs', async () => {
    await room.open()
    const { vault, storage } = await room.start()
    await vault.unseal({ keyFile: room.keyFile })
    storage.authenticateWith(vault.keys().rowMac)
    assert.equal(await storage.checkRows(), 'ok')
    assert.equal(vault.keys().tokenPepper.version, 1)
  })

  test('refuses a wrong passphrase, then another attempt within a second', async () => {
    await room.open(phrase())
    const { vault } = await room.start()
    await assert.rejects(vault.unseal(phrase('kumquat vortex ladder sabre')), { code: 'unseal_failed' })
    assert.deepEqual(vault.state(), { state: 'sealed', reason: 'boot' })
    await assert.rejects(vault.unseal(phrase()), { code: 'unseal_too_soon' })
    room.clock.advance(1_000)
    await vault.unseal(phrase())
    assert.deepEqual(vault.state(), { state: 'unsealed' })
    await assert.rejects(vault.unseal(phrase()), { code: 'vault_not_sealed' })
  })

  test('makes one attempt at a time', async () => {
    await room.open(phrase())
    const { vault } = await room.start()
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => vault.unseal(phrase())))
    assert.equal(attempts.filter((each) => each.status === 'fulfilled').length, 1)
    for (const each of attempts.slice(1)) {
      assert.equal(each.status === 'rejected' && each.reason.code, 'unseal_in_progress')
    }
  })

  test('refuses where there is nothing to open, and an opener of a kind that has no slot', async () => {
    const { vault } = await room.start()
    await assert.rejects(vault.unseal(phrase()), { code: 'vault_not_initialised' })
    await vault.initialise({ keyFile: room.keyFile })
    vault.seal('operator')
    await assert.rejects(vault.unseal(phrase()), { code: 'unseal_failed' })
  })

  test('comes to nothing if somebody seals meanwhile', async () => {
    await room.open(phrase())
    const { vault } = await room.start()
    const attempt = vault.unseal(phrase())
    vault.seal('audit_lost')
    await assert.rejects(attempt, { code: 'vault_sealed' })
    assert.deepEqual(vault.state(), { state: 'sealed', reason: 'audit_lost' })
  })

  test('takes the passphrase in any Unicode form', async () => {
    await room.open(phrase('größere Füchse mögen Äpfel'.normalize('NFC')))
    await room.open(phrase('größere Füchse mögen Äpfel'.normalize('NFD')))
  })
})

describe('seal()', () => {
  test('takes everything away at once, and says so', async () => {
    const { vault } = await room.open()
    const view = await vault.store(credential('github', 'a-secret-of-mine'), operator)
    const held = vault.open(room.permitFor(view.id))
    const seen: VaultStatus[] = []
    vault.watch((status) => seen.push(status))
    vault.seal('operator')
    const sealed = { state: 'sealed', reason: 'operator' }
    assert.deepEqual(seen, [{ state: 'sealing', reason: 'operator' }, sealed])
    assert.deepEqual(vault.state(), sealed)
    assert.deepEqual(held?.value.reveal(), Buffer.alloc(16))
    await assertAllRefuse(vault, room.permitFor(view.id))
    assert.deepEqual(vault.list(), [])
    assert.equal(vault.stateOf(view.id).facts, 'missing')
  })

  test('leaves the permit good for when the vault is open again', async () => {
    const { vault } = await room.open()
    const view = await vault.store(credential('github', 'a-secret-of-mine'), operator)
    const permit = room.permitFor(view.id)
    vault.seal('operator')
    assert.throws(() => vault.open(permit), { code: 'vault_sealed' })
    await vault.unseal({ keyFile: room.keyFile })
    await vault.load()
    assert.equal(vault.open(permit)?.value.reveal().toString(), 'a-secret-of-mine')
  })

  test('does not cover an alarm with a lesser reason', async () => {
    const { vault } = await room.open()
    for (const [reason, kept] of [
      ['integrity', 'integrity'],
      ['operator', 'integrity'],
      ['rollback_suspected', 'rollback_suspected'],
    ] as const) {
      vault.seal(reason)
      assert.deepEqual(vault.state(), { state: 'sealed', reason: kept })
    }
  })

  test('does nothing before there are keys', async () => {
    const { vault } = await room.start()
    vault.seal('operator')
    assert.deepEqual(vault.state(), { state: 'uninitialised' })
  })
})

async function assertAllRefuse(vault: Vault, permit: ReturnType<typeof room.permitFor>): Promise<void> {
  const secret = Secret.fromText('another-secret')
  const calls: readonly (() => unknown)[] = [
    () => vault.open(permit),
    () => vault.keys(),
    () => vault.slots(),
    () => vault.load(),
    () => vault.store(credential('other', 'another-secret'), operator),
    () => vault.rotate('github', { secret }, operator),
    () => vault.remove('github', operator),
    () => vault.versions('github'),
    () => vault.setPassphrase(phrase().passphrase, { only: false }, operator),
    () => vault.addKeyFile(room.keyFile, operator),
    () => vault.removeSlot('slot_1', operator),
    () => vault.rotateKek(operator),
  ]
  for (const call of calls) await assert.rejects(async () => call(), { code: 'vault_sealed' }, String(call))
}
