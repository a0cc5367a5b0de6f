import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Secret } from '../ground/secret.ts'
import { kekNumber } from './envelope.ts'
import { BATCH } from './kek-rotation.ts'
import { credential, dying, operator, testVault } from './vault.support.ts'
import type { Vault } from './vault.ts'

const COUNT = 2 * BATCH + 5
/** Transactions of one rotation: begin, the batches, retire. */
const STEPS = 1 + Math.ceil(COUNT / BATCH) + 1
const room = testVault()
const keyFile = { keyFile: room.keyFile }

before(async () => {
  const { vault } = await room.open()
  const stored = Array.from({ length: COUNT }, (_, i) =>
    vault.store(credential(`key-${i}`, `secret-number-${i}`), operator),
  )
  await Promise.all(stored)
})
after(() => room.remove())

function assertAllReadable(vault: Vault): void {
  for (let i = 0; i < COUNT; i += 1) assert.equal(room.reveal(vault, vault.find(`key-${i}`)), `secret-number-${i}`)
}

function generations(): Set<number | undefined> {
  const rows = room.database.look('SELECT envelope FROM credential_versions WHERE envelope IS NOT NULL')
  return new Set(rows.map((row) => kekNumber(row.envelope as Uint8Array)))
}

describe('rotateKek()', () => {
  test('moves every credential to a new generation and retires the old', async () => {
    const { vault } = await room.open()
    const held = vault.open(room.permitFor(vault.find('key-0')?.id))
    assert.deepEqual(await vault.rotateKek(operator), { primary: 2, rewrapped: COUNT, remaining: 0 })
    assert.deepEqual(generations(), new Set([2]))
    assertAllReadable(vault)
    assert.equal(vault.open(room.permitFor(vault.find('key-0')?.id)), held)
    assertAllReadable((await room.open()).vault)
  })

  test('asked for twice at once, rotates once', async () => {
    const { vault } = await room.open()
    const [one, two] = await Promise.all([vault.rotateKek(operator), vault.rotateKek(operator)])
    assert.deepEqual(one, { primary: 3, rewrapped: COUNT, remaining: 0 })
    assert.equal(one, two)
  })

  test('does not lose what is stored, rotated and removed while it runs', async () => {
    const { vault } = await room.open()
    const rotation = vault.rotateKek(operator)
    const changes: Promise<unknown>[] = []
    for (let i = 0; i < 40; i += 1) {
      changes.push(vault.store(credential(`new-${i}`, `new-secret-${i}`), operator))
      changes.push(vault.rotate(`key-${i * 5}`, { secret: Secret.fromText(`secret-number-${i * 5}`) }, operator))
      await new Promise(setImmediate)
    }
    await Promise.all(changes)
    assert.equal((await rotation).remaining, 0)
    assert.deepEqual(generations(), new Set([4]))
    for (const each of [vault, (await room.open()).vault]) {
      assertAllReadable(each)
      for (let i = 0; i < 40; i += 1) assert.equal(room.reveal(each, each.find(`new-${i}`)), `new-secret-${i}`)
    }
    for (let i = 0; i < 40; i += 1) await vault.remove(`new-${i}`, operator)
  })

  for (const death of ['before', 'inside', 'after'] as const) {
    for (let step = 0; step < STEPS; step += 1) {
      test(`killed ${death} step ${step + 1} of ${STEPS}: all is readable, and the next call finishes`, async () => {
        const { vault } = await room.open(keyFile, dying(step, death))
        await assert.rejects(vault.rotateKek(operator), /died/)
        const { vault: next } = await room.open()
        assertAllReadable(next)
        const begun = !(step === 0 && death !== 'after')
        const ended = step === STEPS - 1 && death === 'after'
        assert.equal(next.kekRotationUnfinished(), begun && !ended)
        assert.equal((await next.rotateKek(operator)).remaining, 0)
        assert.equal(next.kekRotationUnfinished(), false)
        assert.equal(generations().size, 1)
        assertAllReadable(next)
      })
    }
  }

  test('opens nothing under a retired generation', async () => {
    const [row] = room.database.look('SELECT id, envelope FROM credential_versions WHERE envelope IS NOT NULL')
    const { vault, storage } = await room.open()
    await vault.rotateKek(operator)
    await storage.write(async (tx) => {
      const version = await tx.get('credential_versions', String(row?.id))
      await tx.put('credential_versions', { ...version, envelope: row?.envelope as Uint8Array })
      await tx.change({ kind: 'test', ref: 'x', record: { type: 'config', ev: {} } })
    })
    await vault.load()
    const credentialId = String(row?.id).split('.')[0]
    assert.throws(() => vault.open(room.permitFor(credentialId)), { code: 'integrity_failed' })
  })
})
