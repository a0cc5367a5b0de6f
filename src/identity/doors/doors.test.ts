import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { until } from '../../../test/instruments/wait.ts'
import { signJwt } from '../../crypto/es256-signer.ts'
import type { AgentId } from '../../ground/ids.ts'
import { readLabel } from '../../policy/label.ts'
import { by, TestIdentity, text } from '../identity.support.ts'
import { DoorSessions } from './door-sessions.ts'
import { DoorTokens } from './door-tokens.ts'

let room: TestIdentity
let agent: AgentId
beforeEach(async () => {
  room = await new TestIdentity().start()
  agent = (await room.identity.addAgent({ name: 'coder', label: 'My Coder' }, by)).id
})
afterEach(() => room.end())

const tokens = () => new DoorTokens(room.identity.room, 'clauth')
let known: DoorSessions | undefined
const sessions = () => {
  if (known === undefined || asked !== room.identity) known = new DoorSessions(room.identity.room, 'clauth')
  asked = room.identity
  return known
}
let asked: unknown
const open = (more: { scope?: string; lifeMs?: number } = {}) =>
  sessions().open({ agent, subject: 'My Coder', lifeMs: more.lifeMs ?? 60_000, scope: readLabel(more.scope ?? '') }, by)

describe('DoorTokens', () => {
  test('are 43 characters, count at their door alone and are found again after a restart', async () => {
    const token = text(await tokens().issue(agent, by))
    assert.match(token, /^[A-Za-z0-9_-]{43}$/)
    for (let round = 0; round < 2; round += 1) {
      assert.equal(tokens().recognise(token)?.agent.id, agent)
      assert.equal(tokens().recognise(token)?.token.status, 'active')
      assert.equal(room.identity.authenticate(token), undefined)
      for (const other of ['', 'x'.repeat(43), token.slice(1), `${token}=`, ` ${token}`]) {
        assert.equal(tokens().recognise(other), undefined)
      }
      await room.restart()
    }
  })

  test('are one for each agent: a new one ends the one before, of the same moment too', async () => {
    const [first, second] = await Promise.all([tokens().issue(agent, by), tokens().issue(agent, by)])
    assert.equal(tokens().recognise(text(first))?.token.status, 'revoked')
    assert.equal(tokens().recognise(text(second))?.token.status, 'active')
    room.clock.advance(5_000)
    assert.deepEqual([await tokens().revoke(agent, by), await tokens().revoke(agent, by)], [true, false])
    assert.equal(tokens().recognise(text(second))?.token.status, 'revoked')
    const [view, ...more] = tokens().list()
    assert.deepEqual([view?.active, (view?.updatedAt ?? 0) - (view?.createdAt ?? 0), more.length], [false, 5_000, 0])
    await tokens().issue(agent, by)
    assert.deepEqual(
      tokens()
        .list()
        .map((one) => one.active),
      [true],
    )
  })

  test('end with every way to end tokens, and their rows cannot be edited', async () => {
    const token = text(await tokens().issue(agent, by))
    await room.identity.emergencyRevoke(by)
    assert.equal(tokens().recognise(token)?.token.status, 'revoked')
    const next = text(await tokens().issue(agent, by))
    await room.identity.revokeTokensOf('coder', by)
    assert.equal(tokens().recognise(next)?.token.status, 'revoked')
    await room.restart(`update tokens set status = 'active', revoked_at = null where kind = 'clauth'`)
    assert.equal(tokens().recognise(next), undefined)
    assert.equal(room.bad.length, 2)
    const last = text(await tokens().issue(agent, by))
    room.database.edit(`update tokens set status = 'revoked' where status = 'active'`)
    assert.equal(await tokens().revoke(agent, by), true)
    assert.equal(tokens().recognise(last)?.token.status, 'revoked')
    await room.identity.revokeAgent('coder', by)
    await assert.rejects(tokens().issue(agent, by), { code: 'agent_revoked' })
  })
})

describe('DoorTokens of another system', () => {
  const kept = (salt: string, token: string) => ({
    salt,
    hash: createHash('sha256').update(`${salt}:${token}`).digest(),
  })
  const token = randomBytes(32).toString('base64url')

  test('go on working, get our own hash at their first use, and need no salt from then on', async () => {
    assert.equal(await tokens().adopt(agent, kept('salt-1', token), by), true)
    assert.equal(await tokens().adopt(agent, kept('salt-1', token), by), false)
    assert.equal(tokens().recognise(randomBytes(32).toString('base64url')), undefined)
    await room.restart()
    const before = room.storage.epoch()
    const door = tokens()
    for (let call = 0; call < 3; call += 1) assert.equal(door.recognise(token)?.agent.id, agent)
    await until(() => room.storage.epoch() > before)
    assert.equal(door.recognise(token)?.token.status, 'active')
    assert.equal(room.storage.epoch(), before + 1)
    await room.restart('delete from door_salts')
    assert.equal(tokens().recognise(token)?.agent.id, agent)
    await tokens().revoke(agent, by)
    assert.equal(await tokens().adopt(agent, kept('salt-1', token), by), false)
    assert.equal(tokens().recognise(token)?.token.status, 'revoked')
  })

  test('are nobody’s where salt or hash are others, or were edited, and die with all tokens', async () => {
    await tokens().adopt(agent, { ...kept('salt-1', token), salt: 'salt-2' }, by)
    assert.equal(tokens().recognise(token), undefined)
    const other = (await room.identity.addAgent({ name: 'other' }, by)).id
    assert.equal(await tokens().adopt(other, { ...kept('salt-1', token), salt: 'salt-2' }, by), false)
    await tokens().adopt(other, kept('salt-3', token), by)
    await room.identity.emergencyRevoke(by)
    assert.equal(tokens().recognise(token)?.token.status, 'revoked')
    await room.restart(`update door_salts set door = 'elsewhere'`)
    assert.equal(tokens().recognise(token), undefined)
    assert.equal(room.bad.length, 2)
  })

  test('come from eight installations at most', async () => {
    for (let salt = 0; salt < 9; salt += 1) {
      const { id } = await room.identity.addAgent({ name: `skill-${salt}` }, by)
      const adopted = tokens().adopt(id, kept(`salt-${salt}`, token), by)
      if (salt < 8) assert.equal(await adopted, true)
      else await assert.rejects(adopted, { code: 'door_salts_full' })
    }
  })
})

describe('DoorSessions', () => {
  const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

  test("are signed with ES256 and carry the door's claims", async () => {
    const { token, jti, issuedAt, expiresAt } = await open({ scope: 'github:read' })
    const { sub, iss, iat, exp, jti: named, scope, sid, epoch } = claimsOf(token)
    assert.deepEqual([sub, iss, named, scope], ['My Coder', 'clauth', jti, 'github:read'])
    assert.match(jti, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual([iat * 1_000, exp * 1_000], [issuedAt, expiresAt])
    assert.deepEqual([sid, typeof epoch], [`ses_${jti}`, 'number'])
    assert.equal(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).alg, 'ES256')
    const verified = sessions().verify(token)
    assert.deepEqual([verified?.subject, verified?.labelScope?.text], ['My Coder', 'github:read'])
    // Nowhere else: not at the gateway, not as a sign-in.
    assert.equal(room.identity.authenticate(token), undefined)
  })

  test('live an hour at most, and no longer than their agent', async () => {
    const { token, issuedAt, expiresAt } = await open({ lifeMs: 86_400_000 })
    assert.equal(expiresAt - issuedAt, 3_600_000)
    await room.restart()
    assert.notEqual(sessions().verify(token), undefined)
    await room.identity.lockAgent('coder', by)
    assert.equal(sessions().verify(token), undefined)
    await room.identity.unlockAgent('coder', by)
    assert.notEqual(sessions().verify(token), undefined)
    room.clock.advance(3_600_000)
    assert.equal(sessions().verify(token), undefined)
  })

  test('end by their jti, once, and stand among the revocations until they are over', async () => {
    const { token, jti, expiresAt } = await open()
    const ended = await sessions().revoke(jti, 0, 'admin-api', by)
    assert.deepEqual(ended, { jti, revokedAt: room.clock.now(), expiresAt, reason: 'admin-api' })
    assert.equal(sessions().verify(token), undefined)
    assert.equal(await sessions().revoke(jti, 0, 'cli', by), undefined)
    const later = room.clock.now() + 120_000
    assert.equal((await sessions().revoke('somebody-elses', later, 'cli', by))?.expiresAt, later)
    await room.restart()
    assert.equal(sessions().verify(token), undefined)
    assert.deepEqual(
      (await sessions().revocations()).map((one) => one.jti),
      [jti, 'somebody-elses'],
    )
    room.clock.advance(60_000)
    assert.deepEqual(
      (await sessions().revocations()).map((one) => one.jti),
      ['somebody-elses'],
    )
    await room.restart(`update door_revocations set expires_at = 1`)
    assert.deepEqual(await sessions().revocations(), [])
    assert.equal(sessions().verify(token), undefined)
  })

  test('end though other hands wrote that they have ended already', async () => {
    const { token, jti } = await open()
    room.database.edit(
      `insert into door_revocations (id, door, revoked_at, expires_at, reason, epoch, mac) values ('${jti}', 'clauth', 1, 9e15, 'cli', 1, x'00')`,
    )
    assert.notEqual(await sessions().revoke(jti, 0, 'cli', by), undefined)
    assert.equal(sessions().verify(token), undefined)
  })

  test('are not made by others: another key, audience, issuer or scope verifies nothing', async () => {
    const { token, jti } = await open({ scope: 'github:read' })
    const claims = claimsOf(token)
    const { signing } = room.identity.room
    assert.notEqual(sessions().verify(await signJwt(signing.active(), 'JWT', claims)), undefined)
    for (const more of [{ aud: 'x' }, { iss: room.issuer }, { scope: 'a:b:c' }, { jti: 'x' }, { sid: `ses_x${jti}` }]) {
      assert.equal(sessions().verify(await signJwt(signing.active(), 'JWT', { ...claims, ...more })), undefined)
    }
    assert.equal(sessions().verify(await signJwt(signing.active(), 'at+jwt', claims)), undefined)
    const hs256 = `${Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')}.${token.split('.')[1]}.${'A'.repeat(43)}`
    for (const bad of [hs256, '', 'x', 'a.b.c', `${token}A`, token.slice(0, -4)]) {
      assert.equal(sessions().verify(bad), undefined)
    }
    await room.identity.emergencyRevoke(by)
    assert.equal(sessions().verify(token), undefined)
  })
})
