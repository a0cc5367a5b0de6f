import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { AgentId, CredentialId, ServiceId } from '../ground/ids.ts'
import type { GrantView, NewGrant } from './contract.ts'
import { api, by, key, TestGrants } from './grants.support.ts'

const admin = { id: 'crd_2' as CredentialId, handle: 'admin' }
const credentials = [key, admin]
const read = { action: undefined, required: ['api:read'] }

describe('grants with a label', () => {
  const room = new TestGrants()
  before(() => room.start())
  after(() => room.end())
  let agents = 0
  const give = (more: Partial<NewGrant>) => {
    agents += 1
    return room.give({ agent: `agent_l${agents}` as AgentId, scopes: [], credentials, label: 'api:read', ...more })
  }
  const entry = (view: GrantView) => room.entry(view)!

  test('go by the meaning of their word, and by nothing where nobody says what it means', async () => {
    const given = await give({ label: ' API:Read ' })
    assert.deepEqual([given.label, given.scopes], ['api:read', []])
    assert.equal(entry(given).covers(read), false)
    assert.equal(
      entry(given).covers(read, (word) => word === 'read'),
      true,
    )
    assert.equal(
      entry(given).covers(read, (word) => word === 'write'),
      false,
    )
  })

  test('are two parts, of this service or of any', async () => {
    for (const label of ['api:*', '*:read', '*:*']) assert.equal((await give({ label })).label, label)
    for (const label of ['api', 'api:repo:read', 'other:read', 'api:', ':', '', 'api:re*']) {
      await assert.rejects(give({ label }), { code: 'label_invalid' }, label)
    }
  })

  test('are given once: the same label again takes the place of the first, whatever it names', async () => {
    const mine = 'agent_twice' as AgentId
    const first = await give({ agent: mine, rpm: 1 })
    const second = await give({ agent: mine, rpm: 2, named: ['admin'] })
    assert.equal(room.grants.find(first.id).status, 'revoked')
    await Promise.all([give({ agent: mine, label: 'api:write' }), give({ agent: mine, label: 'api:write' })])
    assert.equal(room.grants.find(second.id).status, 'active')
    await room.give({ agent: mine, scopes: ['api:read'], credentials: [key] })
    assert.deepEqual([room.grants.find(second.id).status, room.grants.of(mine, api.id).length], ['active', 3])
  })
})

describe('grants and the credentials that they name', () => {
  const room = new TestGrants()
  before(() => room.start())
  after(() => room.end())
  const give = (name: string, more: Partial<NewGrant>) =>
    room.give({ agent: `agent_${name}` as AgentId, scopes: [], credentials, label: 'api:read', ...more })
  const gives = (view: GrantView, credential: CredentialId, restricted?: string) =>
    room.grants.gives(room.entry(view)!, credential, restricted)

  test('one that names none gives what nobody names and nothing restricts', async () => {
    const open = await give('open', {})
    assert.equal(open.unnamed, true)
    assert.equal(open.credential, undefined)
    assert.deepEqual([gives(open, key.id), gives(open, admin.id), gives(open, admin.id, 'true')], [true, true, false])
    const naming = await give('naming', { named: ['admin'] })
    assert.deepEqual([gives(open, key.id), gives(open, admin.id)], [true, false])
    assert.deepEqual([gives(naming, admin.id, 'true'), gives(naming, key.id)], [true, false])
    // Taking it back opens nothing to others, unless somebody says that it may.
    await room.grants.revoke(naming.id, by)
    assert.deepEqual([gives(open, admin.id), gives(open, admin.id, 'false')], [false, true])
    await room.restart()
    assert.deepEqual([gives(open, admin.id), gives(open, admin.id, 'false')], [false, true])
  })

  test('a credential that was only implied is named by nobody', async () => {
    const only = { id: 'crd_only' as CredentialId, handle: 'only' }
    const open = await give('open2', {})
    await room.give({ agent: 'agent_native' as AgentId, credentials: [only] })
    assert.equal(gives(open, only.id), true)
    await room.give({
      agent: 'agent_native' as AgentId,
      scopes: ['api:write'],
      credentials: [only],
      credential: 'only',
    })
    assert.equal(gives(open, only.id, 'false'), false)
    const kept = { ...only, meta: { restricted: 'true' } }
    const implied = room.give({ agent: 'agent_native2' as AgentId, credentials: [kept] })
    await assert.rejects(implied, { code: 'credential_restricted' })
    await room.give({ agent: 'agent_native2' as AgentId, credentials: [kept], credential: 'only' })
  })

  test('several may be named, by handle or id, over a restart; what the service has not is refused', async () => {
    const both = await give('both', { named: ['key', 'crd_2', 'key'] })
    assert.deepEqual([both.credential, both.credentials], ['crd_1', ['crd_1', 'crd_2']])
    await room.restart()
    assert.deepEqual([gives(both, key.id), gives(both, admin.id)], [true, true])
    const scoped = await room.give({ agent: 'agent_s' as AgentId, named: ['admin', 'key'], credentials })
    assert.deepEqual(scoped.credentials, ['crd_2', 'crd_1'])
    const one = give('bad', { named: ['admin', 'nobody'] })
    await assert.rejects(one, { code: 'credential_not_of_service' })
    await assert.rejects(give('two', { named: ['key'], credential: 'key' }), { code: 'grant_invalid' })
    await room.grants.revokeOfCredential(admin.id, by)
    assert.equal(room.grants.find(both.id).status, 'revoked')
  })

  test('a label, a name or a reach that other hands changed gives nothing', async () => {
    for (const [name, edit] of [
      ['e1', `label = 'api:*'`],
      ['e2', `credentials = '["crd_1","crd_2"]'`],
      ['e3', `reach = 'unnamed'`],
      ['e4', `revoked_at = null`],
    ] as const) {
      const given = await give(name, { named: ['key'] })
      await room.grants.revoke(given.id, by)
      await room.restart(`update grants set ${edit} where id = '${given.id}'`)
      assert.ok(room.bad.includes(given.id), edit)
      await room.restart(`delete from grants where id = '${given.id}'`)
    }
  })
})

describe('grants.revokeAll()', () => {
  test('leaves none, those of the same moment included, and says how many there were', async () => {
    const room = await new TestGrants().start()
    await room.give({ agent: 'agent_a' as AgentId })
    const late = room.give({ agent: 'agent_b' as AgentId })
    const ended = room.grants.revokeAll(by)
    await late
    assert.equal(await ended, 2)
    assert.equal(await room.grants.revokeAll(by), 0)
    assert.deepEqual([...new Set(room.grants.list().map(({ status }) => status))], ['revoked'])
    assert.equal(room.grants.of('agent_a' as AgentId, api.id as ServiceId).length, 0)
    await room.restart()
    assert.deepEqual([...new Set(room.grants.list().map(({ status }) => status))], ['revoked'])
    await room.end()
  })

  test('ends those too whose rows other hands edited meanwhile, as if they were revoked, or not', async () => {
    const room = await new TestGrants().start()
    const [one, two] = [
      await room.give({ agent: 'agent_a' as AgentId }),
      await room.give({ agent: 'agent_b' as AgentId }),
    ]
    room.database.edit(`update grants set revoked_at = 5 where id = '${one.id}'`)
    room.database.edit(`update grants set rpm = 5 where id = '${two.id}'`)
    assert.equal(await room.grants.revokeAll(by), 2)
    assert.deepEqual([...new Set(room.grants.list().map(({ status }) => status))], ['revoked'])
    await room.end()
  })
})
