import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { fromKey } from '../../crypto/p256.ts'
import { by, TestIdentity } from '../identity.support.ts'
import { register } from '../keys/register.ts'
import { compact } from '../oauth/jwt-forgeries.support.ts'
import { openSession } from './tokens.ts'

describe('an access token that says it was issued later than now (CA-09)', () => {
  let house: TestIdentity
  let header: Record<string, unknown>
  let claims: Record<string, unknown>
  before(async () => {
    house = await new TestIdentity().start()
    const { room } = house.identity
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const behind = { operator: by }
    const { agent, key } = await register(room, { name: 'ahead', key: fromKey(publicKey), proven: true, behind })
    const audience = 'rel_shop'
    const asked = { agent: agent.id, keyId: key.id, audience, typ: 'JWT', lifeMs: 3_600_000 } as const
    const { accessToken } = await openSession(room, asked, { kind: 'agent', id: agent.id })
    ;[header, claims] = accessToken
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString())) as [typeof header, typeof claims]
  })
  after(() => house.end())

  const said = (ahead: number) => {
    const iat = Math.floor(house.clock.now() / 1_000) + ahead
    const text = compact(header, { ...claims, iat, exp: iat + 3_600, jti: randomUUID() }, house.signer.privateKey)
    return house.identity.accessTokens.verify(text, 'rel_shop').ok
  }
  for (const ahead of [6, 60, 61, 3_600, 86_400 * 365]) {
    test(`by ${ahead} s is refused, though its signature is ours`, () => assert.equal(said(ahead), false))
  }
  for (const ahead of [-3_000, 0, 5]) test(`by ${ahead} s is good`, () => assert.equal(said(ahead), true))
})
