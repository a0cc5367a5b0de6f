import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { RelyingPrincipal, RelyingView } from './contract.ts'
import { by, DAY_MS, TestRelying } from './relying.support.ts'

describe('roles', () => {
  let room: TestRelying
  let shop: { view: RelyingView; principal: RelyingPrincipal }
  let bank: typeof shop
  beforeEach(async () => {
    room = await new TestRelying().start()
    shop = await room.service('shop', 'acme')
    bank = await room.service('bank', 'globex')
    await set('reader', ['orders.read', 'items:*'])
    await set('writer', ['orders.read', 'orders.write'])
  })
  afterEach(() => room.end())
  const set = (role: string, permissions: readonly string[], service = 'shop') =>
    room.relying.setRole({ service, role, permissions }, by)
  const rolesOf = (agent: string, service = shop) => room.relying.rolesOf(agent, service.view.id, room.clock.now())
  const none = { roles: [], permissions: [] }

  test('permit together what each permits, each once, over a restart', async () => {
    const { id } = room.agent('coder')
    const desk = room.desk(shop.principal)
    assert.deepEqual(rolesOf(id), none)
    const { assignment, created } = await desk.assignRole(id, 'writer')
    assert.deepEqual(
      [assignment.agent, assignment.role, assignment.service, assignment.expiresAt, created],
      [id, 'writer', shop.view.id, undefined, true],
    )
    await desk.assignRole(id, 'reader')
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(rolesOf(id), {
        roles: ['reader', 'writer'],
        permissions: ['items:*', 'orders.read', 'orders.write'],
      })
      assert.deepEqual(rolesOf(id, bank), none)
      await room.restart()
    }
    await set('writer', ['orders.write'])
    assert.deepEqual(rolesOf(id).permissions, ['items:*', 'orders.read', 'orders.write'])
    await room.relying.revokeRole({ service: 'shop', agent: 'coder', role: 'reader' }, by)
    assert.deepEqual(rolesOf(id), { roles: ['writer'], permissions: ['orders.write'] })
  })

  test('end when they were said to, and again gives a new end (CA-13)', async () => {
    const { id } = room.agent('coder')
    const desk = room.desk(shop.principal)
    const end = room.clock.now() + 1_000
    assert.equal((await desk.assignRole(id, 'reader', end)).created, true)
    assert.equal((await desk.assignRole(id, 'reader', end + 1_000)).created, false)
    room.tokens.set('good', { sub: id, aud: shop.view.id })
    room.clock.advance(1_999)
    assert.deepEqual(rolesOf(id).roles, ['reader'])
    assert.deepEqual((await desk.verify('good')).agent?.roles, ['reader'])
    room.clock.advance(1)
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(rolesOf(id), none)
      assert.deepEqual((await room.desk(shop.principal).verify('good')).agent?.permissions, [])
      assert.equal(room.relying.listAssignments('shop')[0]?.expired, true)
      await room.restart()
    }
    assert.equal((await room.desk(shop.principal).assignRole(id, 'reader')).created, true)
    room.clock.advance(10_000 * DAY_MS)
    assert.deepEqual(rolesOf(id).roles, ['reader'])
    const noDate = [8_640_000_000_000_001, Number.MAX_SAFE_INTEGER]
    for (const wrong of [
      0,
      room.clock.now(),
      -1,
      Number.NaN,
      room.clock.now() + 0.5,
      Number.POSITIVE_INFINITY,
      ...noDate,
    ])
      await assert.rejects(desk.assignRole(id, 'reader', wrong), { code: 'role_end_invalid' }, String(wrong))
  })

  test('of another service cannot be touched (CA-13)', async () => {
    const { id } = room.agent('coder')
    await room.desk(shop.principal).assignRole(id, 'reader')
    const desk = room.desk(bank.principal)
    await assert.rejects(desk.assignRole(id, 'reader'), { code: 'role_of_other_service', status: 403 })
    await assert.rejects(desk.revokeRole(id, 'reader'), { code: 'role_of_other_service', status: 403 })
    await assert.rejects(desk.assignRole(id, 'nobody-has-it'), { code: 'role_unknown', status: 404 })
    await set('reader', ['accounts'], 'bank')
    await assert.rejects(desk.revokeRole(id, 'reader'), { code: 'role_not_assigned', status: 404 })
    await desk.assignRole(id, 'reader')
    assert.deepEqual(
      [rolesOf(id).permissions, rolesOf(id, bank).permissions],
      [['items:*', 'orders.read'], ['accounts']],
    )
    await desk.revokeRole(id, 'reader')
    assert.deepEqual([rolesOf(id).roles, rolesOf(id, bank).roles], [['reader'], []])
  })

  test('go to no agent that waits for approval or is revoked (CA-05)', async () => {
    for (const status of ['pending', 'revoked'] as const) {
      const { id } = room.agent(status, { status })
      await assert.rejects(room.desk(shop.principal).assignRole(id, 'reader'), { code: 'agent_not_eligible' })
    }
    const { id } = room.agent('locked', { status: 'suspended' })
    await room.desk(shop.principal).assignRole(id, 'reader')
  })

  test('are removed from everybody, also from who gets one in the same turn', async () => {
    const agents = ['one', 'two', 'three'].map((name) => room.agent(name))
    for (const { id } of agents.slice(1)) await room.desk(shop.principal).assignRole(id, 'reader')
    const removed = room.relying.removeRole('shop', 'reader', by)
    const late = room.desk(shop.principal).assignRole(agents[0]!.id, 'reader')
    await assert.rejects(late, { code: 'role_unknown' })
    assert.equal(await removed, 2)
    for (let round = 0; round < 2; round += 1) {
      for (const { id } of agents) assert.deepEqual(rolesOf(id), none)
      assert.deepEqual(
        room.relying.listRoles('shop').map(({ id }) => id),
        ['writer'],
      )
      await room.restart()
    }
    await set('reader', ['new'])
    for (const { id } of agents) assert.deepEqual(rolesOf(id), none)
    await assert.rejects(room.relying.removeRole('shop', 'none', by), { code: 'role_unknown' })
  })

  test('are gone with their service', async () => {
    const { id } = room.agent('coder')
    await room.desk(shop.principal).assignRole(id, 'reader')
    await room.relying.remove('shop', by)
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(rolesOf(id), none)
      await room.restart()
    }
    assert.deepEqual(
      ['relying_roles', 'role_assignments', 'relying_keys'].map(
        (table) => room.database.look(`select id from ${table} where service = ?`, shop.view.id).length,
      ),
      [0, 0, 0],
    )
    assert.equal(await room.storage.checkRows(), 'ok')
  })

  test('have plain ids and permissions, and are not too many', async () => {
    for (const role of ['', 'a b', '.a', '-a', 'a/b', '..', 'a\n', 'ä', 'a'.repeat(65)])
      await assert.rejects(set(role, []), { code: 'role_invalid' }, role)
    const many = Array.from({ length: 65 }, (_, at) => `p${at}`)
    for (const permissions of [[''], ['A'], ['a b'], ['a/b'], ['a\n'], ['a'.repeat(65)], many])
      await assert.rejects(set('x', permissions), { code: 'role_invalid' }, String(permissions))
    assert.deepEqual((await set('x', ['b', 'a', 'b', '*'])).permissions, ['*', 'a', 'b'])
    await set('full', many.slice(1))
    for (let at = 0; at < 60; at += 1) await set(`role-${at}`, [])
    await assert.rejects(set('one-more', []), { code: 'roles_too_many' })
    await set('role-1', ['again'])
    const { id } = room.agent('coder')
    for (let at = 0; at < 16; at += 1) await room.desk(shop.principal).assignRole(id, `role-${at}`)
    await assert.rejects(room.desk(shop.principal).assignRole(id, 'full'), { code: 'roles_too_many' })
    await room.desk(shop.principal).assignRole(id, 'role-1', room.clock.now() + 1)
    await assert.rejects(set('a', [], 'nobody'), { code: 'relying_unknown' })
  })

  test('are listed by agent, with names, and every change says who made it', async () => {
    const [one, two] = [room.agent('one'), room.agent('two')]
    await room.desk(shop.principal).assignRole(one.id, 'reader')
    await room.relying.assignRole({ service: 'shop', agent: 'two', role: 'reader' }, by)
    assert.deepEqual(
      room.relying.listAssignments('shop').map(({ agentName }) => agentName),
      ['one', 'two'],
    )
    assert.deepEqual(
      room.relying.listAssignments('shop', 'two').map(({ agent }) => agent),
      [two.id],
    )
    assert.deepEqual(
      room.changes.slice(-2).map(({ kind, record }) => [kind, record.actor?.kind, record.ev.what, record.ev.role]),
      [
        ['role_assignment', 'service', 'role.assigned', 'reader'],
        ['role_assignment', 'operator', 'role.assigned', 'reader'],
      ],
    )
    await room.relying.revokeRole({ service: 'shop', agent: 'two', role: 'reader' }, by)
    assert.deepEqual(room.changes.at(-1)?.after, {
      agent: two.id,
      service: shop.view.id,
      role: 'reader',
      assigned: false,
    })
  })
})
