import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { by } from '../identity.support.ts'
import { revokeKey } from '../keys/agent-keys.ts'
import { compact, forgeries, type Genuine } from './jwt-forgeries.support.ts'
import { type TestAgent, TestOAuth } from './oauth.support.ts'

let house: TestOAuth
let agent: TestAgent
let stranger: TestAgent
before(async () => {
  house = await new TestOAuth().start()
  agent = await house.agent()
  stranger = await house.agent()
})
after(() => house.end())

const ask = (assertion: string, more = {}) =>
  house.token({ grant_type: 'client_credentials', ...house.proof(assertion), ...more })
const refused = (work: Promise<unknown>) => assert.rejects(work, { code: 'invalid_client', status: 401 })

describe('private_key_jwt', () => {
  test('lets an agent in that signs for itself, once', async () => {
    const assertion = house.assertion(agent)
    assert.equal((await ask(assertion)).token_type, 'Bearer')
    await refused(ask(assertion))
    assert.equal(house.attempts.at(-1)?.result, 'replayed')
    await house.restart()
    await refused(ask(assertion))
  })

  for (const [what, claims, header] of [
    ['without kid', {}, { kid: undefined }],
    ['with typ JWT', {}, { typ: 'JWT' }],
    ['with the typ of RFC 7523bis', {}, { typ: 'client-authentication+jwt' }],
    ['for the token endpoint', { aud: 'http://127.0.0.1:4317/oauth/token' }, {}],
    ['for us alone, in a list', { aud: ['http://127.0.0.1:4317'] }, {}],
    ['without iat and nbf', { iat: undefined, nbf: undefined }, {}],
  ] as const) {
    test(`takes an assertion ${what}`, async () => {
      assert.ok((await ask(house.assertion(agent, claims, header))).access_token)
    })
  }

  test('takes a client_id that says the same, and no other', async () => {
    assert.ok((await ask(house.assertion(agent), { client_id: agent.id })).access_token)
    await refused(ask(house.assertion(agent), { client_id: stranger.id }))
  })

  test('has one winner among many that show the same', async () => {
    const assertion = house.assertion(agent)
    const tries = await Promise.allSettled(Array.from({ length: 64 }, () => ask(assertion)))
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  test('knows an assertion by its jti, not by its signature', async () => {
    const claims = house.claimsOf(agent)
    const [one, other] = [0, 1].map(() => compact({ alg: 'ES256', kid: agent.kid }, claims, agent.key)) as [
      string,
      string,
    ]
    assert.notEqual(one, other)
    await ask(one)
    await refused(ask(other))
  })

  const genuine = (): Genuine => ({
    header: { alg: 'ES256', kid: agent.kid },
    claims: house.claimsOf(agent),
    key: agent.key,
    public: agent.publicKey,
    strangers: stranger.key,
    strangersKid: stranger.kid,
  })
  test(`takes none of ${Object.keys(forgeries).length} forgeries (F-04)`, async () => {
    assert.ok(Object.keys(forgeries).length >= 40)
    for (const [what, forge] of Object.entries(forgeries)) {
      const text = forge(genuine())
      await assert.rejects(ask(text), { code: 'invalid_client' }, what)
    }
    assert.ok((await ask(house.assertion(agent))).access_token)
  })

  const now = () => house.seconds
  const bad: Readonly<Record<string, readonly unknown[]>> = {
    iss: [undefined, null, '', 'agent_x', 7, ['agent_x'], {}, 'https://evil.example'],
    sub: [undefined, null, '', 'agent_x', 7, ['agent_x'], {}, 'agent-1'],
    aud: [
      undefined,
      null,
      '',
      'http://127.0.0.1:4318',
      7,
      [],
      ['http://127.0.0.1:4317', 'x'],
      'http://127.0.0.1:4317/',
    ],
    exp: [undefined, null, '', '9999999999', -1, [], () => now() - 6, () => now() + 306],
    iat: [null, '', 'now', true, [], {}, () => now() + 6, () => now() - 250],
    nbf: [null, '', 'now', true, [], {}, () => now() + 6, 9_999_999_999],
    jti: [undefined, null, '', 7, [], {}, 'x'.repeat(129), true],
  }
  for (const [claim, values] of Object.entries(bad)) {
    test(`refuses ${values.length} bad values of ${claim} (F-05)`, async () => {
      assert.equal(values.length, 8)
      for (const value of values) {
        const given = typeof value === 'function' ? (value as () => unknown)() : value
        const late = claim === 'iat' && given === now() - 250 ? { exp: now() + 60 } : {}
        await refused(ask(house.assertion(agent, { ...late, [claim]: given })))
      }
    })
  }

  for (const [what, form] of [
    ['nothing', {}],
    ['a secret', { client_id: 'x', client_secret: 'y' }],
    ['an assertion of no type', { client_assertion: 'x' }],
    [
      'an assertion of another type',
      { client_assertion: 'x', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
    ],
  ] as const) {
    test(`refuses ${what}`, () => refused(house.token({ grant_type: 'client_credentials', ...form })))
  }

  test('refuses an assertion with a secret beside it', () =>
    refused(ask(house.assertion(agent), { client_secret: 'x' })))

  test('says the same of an agent that is not there as of a wrong key', async () => {
    const told = async (assertion: string) => {
      const error = await ask(assertion).catch((thrown: Error & { toBody(): object }) => thrown)
      return (error as { toBody(): object }).toBody()
    }
    const nobody = { ...agent, id: 'agent_nobody' }
    const wrong = compact({ alg: 'ES256', kid: agent.kid }, house.claimsOf(agent), stranger.key)
    assert.deepEqual(await told(house.assertion(nobody)), await told(wrong))
    assert.deepEqual(
      house.attempts.slice(-2).map(({ result }) => result),
      ['unknown_agent', 'bad_signature'],
    )
  })

  test('is bound to what the agent and its key are now', async () => {
    const mine = await house.agent()
    await house.identity.lockAgent(mine.id, by)
    await assert.rejects(ask(house.assertion(mine)), { code: 'invalid_client', detail: 'The agent is suspended' })
    await house.identity.unlockAgent(mine.id, by)
    await ask(house.assertion(mine))
    await revokeKey(house.identity.room, { agent: mine.id, key: mine.keyId, evenLast: true }, by)
    await refused(ask(house.assertion(mine)))
  })

  test('is asked for no more often than the limits say', async () => {
    const strict = new TestOAuth()
    strict.limits = { authenticate: '2/min' }
    await strict.start()
    const one = await strict.agent()
    for (let n = 0; n < 2; n++) await strict.ask(one, { grant_type: 'client_credentials' })
    await assert.rejects(strict.ask(one, { grant_type: 'client_credentials' }), { code: 'rate_limited' })
    await strict.end()
  })
})

test(`access tokens are none of ${Object.keys(forgeries).length} forgeries either (F-04)`, async () => {
  const { access_token } = await ask(house.assertion(agent))
  const [header, claims] = access_token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  const good = { header, claims, key: house.signer.privateKey, public: house.signer.publicKey }
  const given: Genuine = { ...good, strangers: stranger.key, strangersKid: stranger.kid }
  assert.equal(house.identity.accessTokens.verifyAny(compact(header, claims, good.key)).ok, true)
  for (const [what, forge] of Object.entries(forgeries)) {
    const text = forge(given)
    assert.equal(house.identity.accessTokens.verifyAny(text).ok, false, what)
    assert.equal(house.identity.authenticate(text), undefined, what)
  }
})

const ofTokens: Readonly<Record<string, readonly unknown[]>> = {
  iss: [undefined, null, '', 'https://evil.example', 'http://127.0.0.1:4317/', 7, [], {}],
  sub: [undefined, null, '', 'agent_x', 'agent-1', 7, [], {}],
  aud: [undefined, null, '', 'rel_shop', 'http://127.0.0.1:4317/', 7, [], ['http://127.0.0.1:4317', 'x']],
  exp: [undefined, null, '', '9999999999', -1, 1, [], {}],
  iat: [undefined, null, '', '1', 9_999_999_999, [], {}, true],
  jti: [undefined, null, 7, [], {}, true, 1.5, false],
  sid: [undefined, null, '', 'ses_x', '__proto__', 7, [], {}],
}
for (const [claim, values] of Object.entries(ofTokens)) {
  test(`no access token says one of ${values.length} bad values of ${claim} (F-05)`, async () => {
    assert.equal(values.length, 8)
    const { access_token } = await ask(house.assertion(agent))
    const [header, claims] = access_token
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
    for (const value of values) {
      const text = compact(header, { ...claims, [claim]: value }, house.signer.privateKey)
      assert.equal(
        house.identity.accessTokens.verify(text, house.issuer).ok,
        false,
        `${claim} ${JSON.stringify(value)}`,
      )
    }
  })
}
