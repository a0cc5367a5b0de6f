import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { RelyingId } from './contract.ts'
import { by, DAY_MS, TestRelying } from './relying.support.ts'
import { composeServiceKey } from './service-key.ts'

describe('relying services', () => {
  let room: TestRelying
  beforeEach(async () => {
    room = await new TestRelying().start()
  })
  afterEach(() => room.end())
  const whose = (key: string) => room.relying.authenticateService(key)?.service.name
  const defaultName = () => room.relying.defaultService?.name

  test('are found by id and name, over a restart, and gone when removed', async () => {
    const { view } = await room.service('shop', 'acme')
    assert.deepEqual(Object.keys(view).sort(), ['createdAt', 'default', 'id', 'name', 'owner', 'status'])
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual([room.relying.find('shop')?.id, room.relying.find(view.id)?.owner], [view.id, 'acme'])
      assert.deepEqual(room.relying.list(), [view])
      await room.restart()
    }
    await room.relying.remove('shop', by)
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual([room.relying.find('shop'), room.relying.find(view.id)], [undefined, undefined])
      assert.deepEqual(room.relying.list(), [])
      await room.restart()
    }
    assert.throws(() => room.relying.show('shop'), { code: 'relying_unknown' })
    const again = await room.service('shop', 'other')
    assert.notEqual(again.view.id, view.id)
    assert.equal(whose(again.key), 'shop')
  })

  test('have plain names of their own, even when two are asked for at once', async () => {
    const both = [1, 2].map(() => room.relying.add({ name: 'shop', owner: 'acme' }, by))
    const [first, second] = await Promise.allSettled(both)
    assert.deepEqual([first?.status, second?.status], ['fulfilled', 'rejected'])
    await assert.rejects(both[1]!, { code: 'relying_name_taken' })
    for (const name of ['', 'Shop', 'a b', '-a', 'rel_x', 'a'.repeat(65), 'a\n', '..'])
      await assert.rejects(room.relying.add({ name, owner: 'acme' }, by), { code: 'relying_invalid' }, name)
    for (const owner of ['', ' ', 'a b', 'a\n', 'a'.repeat(129)])
      await assert.rejects(room.relying.add({ name: 'other', owner }, by), { code: 'relying_invalid' }, owner)
  })

  test('share one default, which moves and can be left empty', async () => {
    assert.equal(defaultName(), undefined)
    await Promise.all(
      ['a', 'b', 'c'].map((name) => room.relying.add({ name, owner: 'acme', default: name !== 'c' }, by)),
    )
    assert.equal(defaultName(), 'b')
    await room.relying.setDefault('c', by)
    await room.restart()
    assert.equal(defaultName(), 'c')
    assert.deepEqual(
      room.relying.list().map((one) => one.default),
      [false, false, true],
    )
    await room.relying.setDefault(undefined, by)
    assert.equal(defaultName(), undefined)
    await room.relying.setDefault('a', by)
    await room.relying.remove('a', by)
    assert.equal(defaultName(), undefined)
    const late = room.relying.remove('b', by)
    await assert.rejects(room.relying.setDefault('b', by), { code: 'relying_unknown' })
    await late
    await room.restart()
    assert.deepEqual([room.relying.find('b'), defaultName()], [undefined, undefined])
  })

  describe('keys', () => {
    test('name their service, several at once, over a restart, and nothing else does', async () => {
      const shop = await room.service('shop')
      const bank = await room.service('bank')
      const second = (await room.relying.issueKey({ service: 'shop', label: 'next' }, by)).key.reveal().toString()
      for (let round = 0; round < 2; round += 1) {
        assert.deepEqual([whose(shop.key), whose(second), whose(bank.key)], ['shop', 'shop', 'bank'])
        assert.equal(whose(composeServiceKey(Buffer.alloc(32, 1))), undefined)
        for (const not of ['', 'svc_', shop.key.toLowerCase(), `${shop.key} `, shop.key.slice(0, -1)])
          assert.equal(whose(not), undefined)
        await room.restart()
      }
    })

    test('are revoked one by one, twice without error, by the right service alone', async () => {
      const shop = await room.service('shop')
      await room.service('bank')
      const [key] = room.relying.show('shop').keys
      await assert.rejects(room.relying.revokeKey('bank', key!.id, by), { code: 'relying_key_unknown' })
      assert.equal(whose(shop.key), 'shop')
      await room.relying.revokeKey('shop', key!.id, by)
      assert.equal(whose(shop.key), undefined)
      room.clock.advance(1_000)
      await room.relying.revokeKey('shop', key!.id, by)
      const { status, revokedAt } = room.relying.show('shop').keys[0]!
      assert.deepEqual([status, revokedAt], ['revoked', room.clock.now() - 1_000])
      await room.restart()
      assert.equal(whose(shop.key), undefined)
    })

    test('die with their service, in the turn of the commit', async () => {
      const shop = await room.service('shop')
      await room.relying.remove('shop', by)
      assert.equal(whose(shop.key), undefined)
      await assert.rejects(room.relying.issueKey({ service: 'shop' }, by), { code: 'relying_unknown' })
      await room.restart()
      assert.equal(whose(shop.key), undefined)
    })

    test('are shown nowhere else, and are in no file', async () => {
      const { key } = await room.service('shop')
      assert.equal(JSON.stringify([room.relying.list(), room.relying.show('shop'), room.changes]).includes(key), false)
      await room.storage.close()
      const rows = room.database.look('select * from relying_keys')
      assert.equal(JSON.stringify(rows).includes(key.slice(4, 47)), false)
      await room.start()
    })

    test('of whoever finds one are made harmless', async () => {
      const { key } = await room.service('shop')
      assert.equal(await room.relying.revokeLeaked(composeServiceKey(Buffer.alloc(32, 1))), false)
      assert.equal(await room.relying.revokeLeaked(key), true)
      assert.equal(whose(key), undefined)
      assert.equal(await room.relying.revokeLeaked(key), true)
    })

    test('all end together after a restore', async () => {
      const keys = [await room.service('shop'), await room.service('bank')].map(({ key }) => key)
      assert.equal(await room.relying.revokeAllKeys(by), 2)
      assert.deepEqual(keys.map(whose), [undefined, undefined])
      assert.equal(await room.relying.revokeAllKeys(by), 0)
    })

    test('say nothing while the vault is sealed, and are at most sixteen', async () => {
      const { key } = await room.service('shop')
      for (let at = 1; at < 16; at += 1) await room.relying.issueKey({ service: 'shop' }, by)
      await assert.rejects(room.relying.issueKey({ service: 'shop' }, by), { code: 'relying_keys_too_many' })
      await assert.rejects(room.relying.issueKey({ service: 'shop', label: 'a\n' }, by), {
        code: 'relying_label_invalid',
      })
      room.relying.clear()
      assert.equal(whose(key), undefined)
      assert.deepEqual(room.relying.list(), [])
    })
  })

  describe('what a service asks', () => {
    test('is whether a token is good for it, and never for another (CA-03)', async () => {
      const [shop, bank] = [await room.service('shop'), await room.service('bank')]
      const agent = room.agent('coder')
      const more = { scope: 'a b', exp: 2_000_000_000, cnf: { jkt: 'thumb' } }
      room.tokens.set('good', { sub: agent.id, aud: shop.view.id, more })
      const seen = await room.desk(shop.principal).verify('good')
      assert.deepEqual(
        [seen.valid, seen.agent?.id, seen.scope, seen.expiresAt, seen.jkt],
        [true, agent.id, 'a b', 2e12, 'thumb'],
      )
      assert.deepEqual(await room.desk(bank.principal).verify('good'), { valid: false, error: 'wrong_audience' })
      assert.deepEqual(await room.desk(bank.principal).verify('nothing'), { valid: false, error: 'malformed' })
      room.agents.set(agent.id, { ...agent, status: 'suspended' })
      assert.deepEqual(await room.desk(shop.principal).verify('good'), { valid: false, error: 'agent_inactive' })
      room.agents.delete(agent.id)
      assert.deepEqual(await room.desk(shop.principal).verify('good'), { valid: false, error: 'agent_inactive' })
      assert.deepEqual(
        room.asked,
        [shop, bank, bank, shop, shop].map(({ view }) => `verify ${view.id}`),
      )
    })

    test('shows the e-mail of agents of its owner alone (CA-10)', async () => {
      const [own, foreign] = [await room.service('shop', 'op_tester'), await room.service('bank', 'acme')]
      const agent = room.agent('coder')
      const emailFor = async ({ principal }: typeof own) => (await room.desk(principal).agent(agent.id)).email
      assert.deepEqual([await emailFor(own), await emailFor(foreign)], ['coder@example.com', ''])
      room.agents.set(agent.id, { ...agent, owner: undefined })
      assert.equal(await emailFor(own), '')
    })

    test('names agents by id, not by names that could be guessed', async () => {
      const { principal } = await room.service('shop')
      await room.relying.setRole({ service: 'shop', role: 'reader', permissions: [] }, by)
      room.agent('coder')
      const desk = room.desk(principal)
      await assert.rejects(desk.agent('coder'), { code: 'agent_unknown' })
      assert.throws(() => desk.trust('coder'), { code: 'agent_unknown' })
      await assert.rejects(desk.assignRole('coder', 'reader'), { code: 'agent_unknown' })
      await assert.rejects(desk.revokeRole('coder', 'reader'), { code: 'agent_unknown' })
      await assert.rejects(desk.reportTrust('coder', { score: 5, reason: 'x' }), { code: 'agent_unknown' })
    })

    test('is told when the agent last signed in, where that is known', async () => {
      const { principal } = await room.service('shop')
      const [one, two] = [room.agent('one'), room.agent('two')]
      room.seen.set(one.id, 123)
      const seen = await Promise.all([one, two].map(({ id }) => room.desk(principal).agent(id)))
      assert.deepEqual(
        seen.map((each) => each.lastSeenAt),
        [123, undefined],
      )
    })

    test('is limited', async () => {
      const { principal } = await room.service('shop', 'acme')
      const { id } = room.agent('coder')
      room.refuse = true
      await assert.rejects(room.desk(principal).verify('x'), { code: 'rate_limited' })
      await assert.rejects(room.desk(principal).reportTrust(id, { score: 5, reason: 'x' }), { code: 'rate_limited' })
    })
  })

  test('give claims for their tokens, and no other audience does', async () => {
    const { view, principal } = await room.service('shop', 'acme')
    await room.relying.setRole({ service: 'shop', role: 'reader', permissions: ['read'] }, by)
    const { id } = room.agent('coder')
    await room.desk(principal).assignRole(id, 'reader')
    assert.deepEqual(room.relying.claimsFor(id, view.id), { roles: ['reader'], permissions: ['read'], trustScore: 5 })
    for (const audience of ['shop', 'rel_none', 'http://127.0.0.1:4317', ''])
      assert.equal(room.relying.claimsFor(id, audience), undefined)
    await room.relying.remove('shop', by)
    assert.equal(room.relying.claimsFor(id, view.id), undefined)
  })

  test('and all that is known of an agent can be given out, and forgotten', async () => {
    const { view, principal } = await room.service('shop', 'acme')
    await room.relying.setRole({ service: 'shop', role: 'reader', permissions: ['read'] }, by)
    const agent = room.agent('coder')
    await room.desk(principal).assignRole(agent.id, 'reader')
    await room.desk(principal).reportTrust(agent.id, { score: 9, reason: 'polite' })
    const kept = await room.relying.exportAgent(agent.id)
    assert.deepEqual([kept.roles[0]?.role, kept.reports[0]?.reason], ['reader', 'polite'])
    assert.deepEqual(await room.relying.forgetAgent(agent.id, by), { reports: 1, assignments: 1 })
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(await room.relying.exportAgent(agent.id), { roles: [], reports: [] })
      assert.equal(room.relying.trustOf(agent.id).score, 5)
      assert.deepEqual(room.relying.rolesOf(agent.id, view.id, room.clock.now()).roles, [])
      await room.restart()
    }
  })

  test('in other hands: a planted key opens nothing, and what was taken away stays away', async () => {
    const shop = await room.service('shop', 'acme')
    const { id } = room.agent('coder')
    const planted = composeServiceKey(Buffer.alloc(32, 9))
    const hash = Buffer.alloc(32, 1).toString('hex')
    await room.relying.setRole({ service: 'shop', role: 'reader', permissions: ['read'] }, by)
    await room.desk(shop.principal).assignRole(id, 'reader', room.clock.now() + DAY_MS)
    await room.restart(
      `insert into relying_keys (id, service, hash, pepper, status, created_at, epoch, mac)
       values ('tok_planted', '${shop.view.id}', x'${hash}', 1, 'active', 0, 9, zeroblob(32))`,
    )
    assert.deepEqual([room.bad, whose(planted), whose(shop.key)], [['relying_keys/tok_planted'], undefined, 'shop'])
    await room.restart(
      "delete from relying_keys where id = 'tok_planted'",
      'update role_assignments set expires_at = null',
    )
    assert.equal(room.bad.length, 1)
    const now = room.clock.now()
    assert.deepEqual(room.relying.rolesOf(id, shop.view.id as RelyingId, now), { roles: [], permissions: [] })
    await room.restart(`update relying_roles set permissions = '["*"]'`, `update relying_services set owner = 'x'`)
    assert.deepEqual([room.bad.length, whose(shop.key), room.relying.list()], [3, undefined, []])
  })
})
