import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { AgentId, CredentialId, GrantId, ServiceId } from '../ground/ids.ts'
import { agent, api, by, call, key, TestGrants } from './grants.support.ts'

describe('the grants room', () => {
  const room = new TestGrants()
  before(() => room.start())
  after(() => room.end())

  test('keeps what was given, over a restart, in the order in which it was given', async () => {
    const who = 'agent_keep' as AgentId
    const views = []
    for (const scope of ['api:write', 'api:read', '*:repo.get']) {
      views.push(await room.give({ agent: who, scopes: [scope], rpm: 5, uses: 3, expiresAt: room.clock.now() + 1_000 }))
    }
    assert.deepEqual(views[2]?.scopes, ['api:repo.get'])
    assert.deepEqual(room.grants.list(who), views)
    await room.restart()
    assert.deepEqual(room.grants.list(who), views)
    assert.deepEqual(room.bad, [])
    const [, read] = room.grants.of(who, api.id)
    assert.deepEqual([read?.credential, read?.rpm, read?.uses, read?.used], [key.id, 5, 3, 0])
    assert.equal(read?.covers({ action: undefined, required: ['api:read'] }), true)
    assert.equal(read?.covers({ action: undefined, required: ['api:write'] }), false)
  })

  const refused: readonly [string, object, string][] = [
    ['a scope that cannot be read', { scopes: ['read'] }, 'scope_invalid'],
    ['a scope that means nothing here', { scopes: ['api:read', 'api:nope'] }, 'scope_unknown'],
    ['a scope of another service', { scopes: ['other:read'] }, 'scope_unknown'],
    ['no scope at all', { scopes: [] }, 'grant_invalid'],
    ['no credential where there is none', { credentials: [] }, 'credential_needed'],
    ['no credential where there are two', { credentials: [key, { id: 'crd_2', handle: 'b' }] }, 'credential_ambiguous'],
    ['a credential that the service does not have', { credential: 'other' }, 'credential_not_of_service'],
    [
      'a credential where none is used',
      { credential: 'key', service: { ...api, injection: undefined } },
      'credential_not_of_service',
    ],
    ['a rate below nothing', { rpm: -1 }, 'grant_invalid'],
    ['a rate in parts', { rpm: 1.5 }, 'grant_invalid'],
    ['no uses', { uses: 0 }, 'grant_invalid'],
    ['an end that is past', { expiresAt: 1 }, 'grant_invalid'],
    ['an end that is no time', { expiresAt: Number.NaN }, 'grant_invalid'],
  ]
  for (const [what, more, code] of refused) {
    test(`refuses ${what}`, async () => {
      const count = room.grants.count
      await assert.rejects(room.give(more), { code })
      assert.equal(room.grants.count, count)
    })
  }

  test('says which scopes there are', async () => {
    await assert.rejects(room.give({ scopes: ['api:nope'] }), ({ hint }: { hint: string }) =>
      /api:repo\.get/.test(hint),
    )
  })

  test('implies the only credential, takes a named one by handle or id, and none where none is used', async () => {
    const two = [key, { id: 'crd_2' as CredentialId, handle: 'b' }]
    const who = { agent: 'agent_creds' as AgentId }
    assert.equal((await room.give(who)).credential, 'crd_1')
    assert.equal((await room.give({ ...who, credentials: two, credential: 'b' })).credential, 'crd_2')
    assert.equal(
      (await room.give({ ...who, credentials: two, credential: 'crd_1', scopes: ['api:write'] })).credential,
      'crd_1',
    )
    const bare = { ...api, id: 'srv_bare' as ServiceId, injection: undefined }
    assert.equal((await room.give({ ...who, service: bare, credentials: [] })).credential, undefined)
  })

  test('replaces a grant of the same scopes and credential, so that new limits hold', async () => {
    const who = { agent: 'agent_again' as AgentId }
    const old = await room.give({ ...who, scopes: ['api:read', 'api:write'], rpm: 1 })
    const next = await room.give({ ...who, scopes: ['api:write', 'api:read', 'api:read'], rpm: 2 })
    assert.deepEqual(
      room.grants.of(who.agent, api.id).map(({ id }) => id),
      [next.id],
    )
    assert.equal(room.grants.find(old.id).status, 'revoked')
  })

  test('takes back one, all of an agent, of a service and of a credential, for good', async () => {
    const ended = async (revoke: () => Promise<unknown>, more: object) => {
      const { id } = await room.give({ agent: 'agent_back' as AgentId, ...more })
      await revoke()
      await room.restart()
      assert.equal(room.grants.find(id).status, 'revoked')
      assert.equal(room.grants.of('agent_back' as AgentId, api.id).length, 0)
    }
    await ended(async () => room.grants.revoke(room.grants.list('agent_back' as AgentId).at(-1)!.id, by), {})
    await ended(() => room.grants.revokeOf('agent_back' as AgentId, by), { scopes: ['api:write'] })
    await ended(() => room.grants.revokeOfService('srv_x' as ServiceId, by), { service: { ...api, id: 'srv_x' } })
    await ended(() => room.grants.revokeOfCredential('crd_x' as CredentialId, by), {
      credentials: [{ id: 'crd_x', handle: 'x' }],
    })
    await assert.rejects(room.grants.revoke('grt_nope', by), { code: 'grant_unknown' })
  })

  test('records what was given and taken back, once', async () => {
    const { id } = await room.give({ agent: 'agent_rec' as AgentId, uses: 2 })
    await room.grants.revoke(id, by)
    await room.grants.revoke(id, by)
    const [given, taken, ...more] = room.changes.filter(({ ref }) => ref === id)
    assert.deepEqual(given?.record.ev, {
      what: 'grant.added',
      id,
      agent: 'agent_rec',
      service: 'srv_api',
      scopes: ['api:read'],
      credential: 'crd_1',
      reach: 'implied',
      label: undefined,
      door: undefined,
      rpm: undefined,
      uses: 2,
      expiresAt: undefined,
      createdAt: room.clock.now(),
      revokedAt: undefined,
    })
    assert.deepEqual(
      [given?.record.type, taken?.record.type, taken?.record.ev.what, more.length],
      ['grant', 'revoke', 'grant.revoked', 0],
    )
  })

  test('tells how a grant stands', async () => {
    const view = await room.give({ agent: 'agent_view' as AgentId, uses: 1, expiresAt: room.clock.now() + 1_000 })
    const status = () => room.grants.find(view.id).status
    assert.equal(status(), 'active')
    assert.equal(await room.grants.consume(view.id as GrantId, call()), true)
    assert.deepEqual([status(), room.grants.find(view.id).used], ['used_up', 1])
    room.clock.advance(1_000)
    assert.equal(status(), 'expired')
    await room.grants.revoke(view.id, by)
    assert.equal(status(), 'revoked')
  })

  test('gives nothing while sealed', async () => {
    await room.give({ agent })
    room.grants.clear()
    assert.deepEqual(room.grants.of(agent, api.id), [])
    assert.equal(room.grants.rateAllows({ id: 'grt_x' as GrantId }), false)
    room.storage.authenticateWith(undefined)
    await assert.rejects(room.give({ agent }), { code: 'vault_sealed' })
    await room.restart()
    assert.equal(room.grants.of(agent, api.id).length, 1)
  })

  test('does not believe rows that other hands wrote', async () => {
    const { id } = await room.give({ agent: 'agent_edit' as AgentId })
    await room.restart(`update grants set scopes = '["api:*"]' where id = '${id}'`)
    assert.ok(room.bad.includes(id))
    assert.deepEqual(room.grants.of('agent_edit' as AgentId, api.id), [])
  })
})
