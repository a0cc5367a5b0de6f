import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agent, by, TestGrants } from '../../grants/grants.support.ts'
import type { GrantId } from '../../ground/ids.ts'
import type { DoorGrant } from './contract.ts'
import { withdrawUnbound } from './door-grants.ts'
import { agentVaultMigrations } from './schema.ts'

test('grants that an older version of the door made end, unless they are bound or an operator took them back', async () => {
  const room = await new TestGrants(agentVaultMigrations).start()
  const made = [
    await room.give(),
    await room.give({ door: 'agentvault' }),
    await room.give({ scopes: ['api:write'] }),
    await room.give({ scopes: ['api:*'] }),
  ]
  assert.deepEqual(new Set(made.map(({ status }) => status)), new Set(['active']))
  const [old, bound, taken, operators] = made.map(({ id }) => id)
  await room.grants.revoke(taken!, by)
  const kept = [old, bound, taken].map((id): DoorGrant => {
    return { id: id as GrantId, agent, service: room.grants.find(id!).service as DoorGrant['service'], stamp: '1' }
  })
  const needs = { storage: room.storage, grants: room.grants, book: { grants: () => kept } }
  room.changes = []
  assert.equal(await withdrawUnbound(needs), 1)
  assert.deepEqual(
    room.changes.filter(({ kind }) => kind === 'agentvault_grant').map(({ ref }) => ref),
    [old],
  )
  const status = (id: string | undefined) => room.grants.find(id!).status
  assert.deepEqual([old, bound, taken, operators].map(status), ['revoked', 'active', 'revoked', 'active'])
  assert.equal(await withdrawUnbound(needs), 0)
  await room.restart()
  assert.deepEqual([room.grants.find(bound!).door, room.grants.find(operators!).door], ['agentvault', undefined])
  await room.restart(`update grants set door = null where id = '${bound}'`)
  assert.ok(room.bad.includes(bound!))
  await room.end()
})
