import assert from 'node:assert/strict'
import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../../ground/secret.ts'
import { createIdentity } from '../../identity/identity.ts'
import { identityMigrations } from '../../identity/schema.ts'
import { openSession } from '../../identity/sessions/tokens.ts'
import { LONGEST_TOKEN_LIFE_MS } from '../../identity/signing/contract.ts'
import { by, MINUTE_MS, TestSigning } from '../../identity/signing/signing.support.ts'
import { testDatabase } from '../../storage/storage.support.ts'
import { MAX_TTL_SECONDS } from './contract.ts'
import { sessionIdOf, VaultTokens } from './vault-token.ts'

const AUDIENCE = 'agentic-credential-vault-proxy'

test('AV-07 after a rotation tokens that are out live to their end, and new ones have the next kid and are good', async () => {
  const room = new TestSigning()
  room.changes = { longestTokenLifeMs: LONGEST_TOKEN_LIFE_MS }
  await room.start()
  const database = testDatabase(identityMigrations, room.clock)
  const storage = await database.open()
  const pepper = { version: 1, key: createSecretKey(randomBytes(32)) }
  const identity = createIdentity({
    storage,
    clock: room.clock,
    pepper: () => pepper,
    box: { seal: (_, bytes) => Buffer.from(bytes), open: (_, sealed) => new Secret(Buffer.from(sealed)) },
    signing: room.keys,
    issuer: () => 'http://127.0.0.1:4317',
    rules: {},
    onBadRow: () => {},
  })
  await identity.load()
  const agent = await identity.addAgent({ name: 'tony' }, by)
  const tokens = new VaultTokens(
    identity,
    AUDIENCE,
    () => room.clock.now(),
    () => undefined,
  )
  const issue = async () => {
    const jti = randomUUID()
    const claims = { sub: 'tony', jti, service: 'shop', srv: 'srv_shop', via: 'tok_x', scope: ['a'], ctx: {} }
    const door = { id: sessionIdOf(jti)!, scope: undefined }
    const asked = { agent: agent.id, audience: AUDIENCE, typ: 'JWT', lifeMs: MAX_TTL_SECONDS * 1_000, door } as const
    return (await openSession(identity.room, { ...asked, claims }, { kind: 'agent', id: agent.id })).accessToken
  }
  const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.', 1)[0]!, 'base64url').toString()).kid
  const said = (token: string) => {
    try {
      return tokens.read(token).access.status
    } catch (error) {
      return (error as { error: string }).error
    }
  }

  room.clock.advance(3 * MINUTE_MS)
  const before = await issue()
  await room.keys.rotate(by)
  const after = await issue()
  assert.deepEqual([kidOf(before), kidOf(after)], [room.kidOf('retiring'), room.kidOf('active')])
  assert.notEqual(kidOf(before), kidOf(after))
  assert.deepEqual([said(before), said(after)], ['active', 'active'])
  identity.accessTokens.forget()
  room.clock.advance(MAX_TTL_SECONDS * 1_000 - 1)
  await room.keys.settle()
  assert.deepEqual([said(before), said(after)], ['active', 'active'])
  room.clock.advance(1_000)
  assert.deepEqual([said(before), said(after)], ['jwt expired', 'jwt expired'])
  await storage.close()
  database.remove()
  await room.end()
})
