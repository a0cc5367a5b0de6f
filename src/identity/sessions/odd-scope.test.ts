import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { fromKey } from '../../crypto/p256.ts'
import { by, TestIdentity } from '../identity.support.ts'
import { register } from '../keys/register.ts'
import { openSession } from './tokens.ts'

describe('an access token for the gateway whose scope is no text', () => {
  let house: TestIdentity
  let count = 0
  before(async () => {
    house = await new TestIdentity().start()
  })
  after(() => house.end())

  const tokenWith = async (claims: object) => {
    const { room, accessTokens } = house.identity
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { agent, key } = await register(room, {
      name: `odd-${count++}`,
      key: fromKey(publicKey),
      proven: true,
      behind: { operator: by },
    })
    const asked = { agent: agent.id, keyId: key.id, audience: room.issuer(), typ: 'JWT', lifeMs: 60_000 } as const
    const issued = await openSession(room, { ...asked, claims: { ...claims } }, { kind: 'agent', id: agent.id })
    return accessTokens.recognise(issued.accessToken)
  }
  const call = { action: 'data.get', required: ['shop:data:read'] }

  for (const scope of [['shop:data:read'], ['*:*'], [], null, 1, true, { shop: true }]) {
    test(`${JSON.stringify(scope)} leaves nothing in it`, async () => {
      const token = await tokenWith({ scope })
      assert.deepEqual([token?.covers('shop', call), token?.whole, token?.scopes], [false, false, []])
    })
  }

  test('one without any has no bound', async () => {
    const token = await tokenWith({})
    assert.deepEqual([token?.covers('shop', call), token?.whole], [true, true])
  })
})
