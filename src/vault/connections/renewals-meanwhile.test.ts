// What else changes while a new token is on its way: it is kept all the same.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { until } from '../../../test/instruments/wait.ts'
import { storageProblem } from '../../storage/problems.ts'
import type { Storage } from '../../storage/storage.ts'
import { operator, origins, service } from '../vault.support.ts'
import type { Vault } from '../vault.ts'
import { type ConnectionRoom, connectionRoom } from './connections.support.ts'

describe('a renewal', () => {
  let room: ConnectionRoom
  let vault: Vault
  let full = false

  const wrap = (storage: Storage): Storage => ({
    ...storage,
    write: (work, options) => (full ? Promise.reject(storageProblem('storage_full')) : storage.write(work, options)),
  })

  before(async () => {
    room = await connectionRoom()
    vault = (await room.open(undefined, wrap)).vault
  })
  after(() => room[Symbol.asyncDispose]())
  beforeEach(async () => {
    room.endpoint.requests.length = 0
    if (vault.find('account') !== undefined) await vault.remove('account', operator)
    await room.connect(vault, room.endpoint.issue(30))
    room.endpoint.delayMs = 40
  })

  const text = (opened: Awaited<ReturnType<typeof room.use>>) => opened?.value.reveal().toString() ?? ''

  /** Begins one, has something happen while the provider thinks, and gives how it ended. */
  async function during(happens: () => Promise<unknown> | unknown) {
    const used = room.use(vault).then(text, (error: { code: string }) => error.code)
    await until(() => room.endpoint.requests.length === 1)
    await happens()
    return used
  }

  test('during which the service gets other origins is bound to those', async () => {
    const next = Object.freeze(['https://api.example.com:8443'])
    const ended = await during(() => vault.rebind(service, next, operator))
    assert.equal(ended, 'credential_origins_changed', 'the permit was for the old ones')
    const opened = vault.open(room.permitFor(vault.find('account')?.id, { origins: next }))
    assert.ok(room.endpoint.knows(text(opened)))
    assert.equal(room.endpoint.requests.length, 1)
    await vault.rebind(service, origins, operator)
  })

  test('during which the key-encryption key is rotated opens under the new one', async () => {
    const ended = await during(() => vault.rotateKek(operator))
    assert.ok(room.endpoint.knows(ended))
    assert.equal(vault.kekRotationUnfinished(), false)
    await room.connect(vault, room.endpoint.issue(30), { replace: true })
  })

  test('during which the disk gets full is written when there is room again, without another request', async () => {
    const ended = await during(() => {
      full = true
    })
    assert.equal(ended, 'storage_full')
    assert.equal(text(vault.open(room.permitFor(vault.find('account')?.id))).startsWith('access-'), true)
    full = false
    const next = text(await room.use(vault))
    assert.ok(room.endpoint.knows(next))
    assert.equal(vault.find('account')?.connection?.renewedAt, room.clock.now())
    assert.equal(room.endpoint.requests.length, 1)
  })

  test('that has no disk to be recorded on asks nobody', async () => {
    full = true
    await assert.rejects(room.use(vault), { code: 'storage_full' })
    full = false
    assert.equal(room.endpoint.requests.length, 0)
  })

  test('of a connection that is removed meanwhile comes to nothing', async () => {
    assert.equal(await during(() => vault.remove('account', operator)), 'credential_unknown')
    assert.equal(vault.find('account'), undefined)
  })

  test('of a connection that is connected anew meanwhile leaves the new tokens alone', async () => {
    const set = room.endpoint.issue()
    await during(() => room.connect(vault, set, { replace: true }))
    assert.equal(text(await room.use(vault)), set.accessToken)
    assert.equal(vault.find('account')?.version, 2)
  })
})
