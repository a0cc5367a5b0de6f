// Every endpoint of the ClawAuth door and every refusal, with the statuses and members of the contract's §1 to §3.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { fromKey } from '../src/crypto/p256.ts'
import {
  ask,
  type Challenge,
  ClawAuthClient,
  type DoorTokens,
  given,
  possession,
  type RelyingService,
  refused,
  registration,
  relyingService,
} from './instruments/clawauth-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { noOwnAddress, ownAddress } from './instruments/own-address.ts'
import { claimsOf, newKeys, pemOf } from './instruments/proofs.ts'
import { send } from './instruments/send.ts'

let gateway: Gateway
let shop: RelyingService
let bank: RelyingService
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
  shop = await relyingService(gateway, 'shop')
  bank = await relyingService(gateway, 'bank')
  for (const [id, permissions] of [
    ['buyer', ['orders.create', 'orders.read']],
    ['clerk', []],
  ] as const) {
    await gateway.does('PUT', `/relying/shop/roles/${id}`, { permissions })
  }
})
after(() => gateway[Symbol.asyncDispose]())

let count = 0
const client = () => {
  count += 1
  return ClawAuthClient.register(gateway, `agent-${count}`)
}
const REGISTERED = ['agentId', 'keyId', 'publicKeyHash', 'status']
const CHALLENGED = ['challengeId', 'expiresAt', 'nonce', 'signingInput', 'version']
const TOKENS = ['accessToken', 'expiresIn', 'refreshToken']
const AGENT = ['email', 'id', 'lastSeenAt', 'name', 'permissions', 'roles', 'status', 'trustScore']

describe('POST /auth/register', () => {
  const register = (body: object, token?: string) => ask(gateway, 'POST /auth/register', { body, token })

  test('gives an active agent to an operator who has its proof', async () => {
    const keys = newKeys()
    const made = given<{ agentId: string; publicKeyHash: string; status: string }>(
      await register(registration('first', keys), gateway.operatorToken),
      201,
      REGISTERED,
    )
    assert.match(made.agentId, /^agent_[0-9A-Za-z]{22}$/)
    assert.deepEqual([made.publicKeyHash, made.status], [fromKey(keys.publicKey).hash, 'active'])
  })

  test('leaves one without proof waiting, whoever stands behind it (CA-05)', async () => {
    const keys = newKeys()
    const { proof: _, ...bare } = registration('unproven', keys)
    const made = given<{ agentId: string; status: string }>(
      await register(bare, gateway.operatorToken),
      201,
      REGISTERED,
    )
    assert.equal(made.status, 'pending')
  })

  test('takes names as people write them, and keeps agents apart that have the same', async () => {
    const names = ['Мой бот №1', 'Build Bot!', 'Build Bot!', 'x'.repeat(100)]
    const ids = []
    for (const name of names) {
      const body = { ...registration('somebody', newKeys()), name }
      ids.push((await register(body, gateway.operatorToken)).json() as { agentId: string })
    }
    const shown = await Promise.all(
      ids.map(({ agentId }) => ask(gateway, `GET /agents/${agentId}`, { token: shop.key })),
    )
    assert.deepEqual(
      shown.map((reply) => (reply.json() as { name: string }).name),
      names,
    )
  })

  test('takes an invite in place of the operator, once', async () => {
    const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
    const made = await register({ ...registration('invited', newKeys()), invite })
    assert.equal(given<{ status: string }>(made, 201, REGISTERED).status, 'active')
    refused(await register({ ...registration('invited-too', newKeys()), invite }), 403, 'FORBIDDEN')
  })

  test('refuses strangers, other curves, bad proofs, keys that somebody has, agents and services', async () => {
    const keys = newKeys()
    const good = registration('refused', keys)
    const agent = await client()
    const { accessToken } = await agent.signIn()
    refused(await register(good), 403, 'FORBIDDEN')
    refused(await register(good, accessToken), 403, 'FORBIDDEN')
    refused(await register(good, shop.key), 403, 'FORBIDDEN')
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pkcs8 = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    for (const publicKey of [pemOf(other.publicKey), pemOf(rsa.publicKey), pkcs8, 'x', ''])
      refused(await register({ ...good, publicKey }, gateway.operatorToken), 422, 'VALIDATION_ERROR')
    for (const proof of [possession(newKeys()), possession(keys).replace(/.$/, (x) => (x === '0' ? '1' : '0')), 'zz'])
      refused(await register({ ...good, proof }, gateway.operatorToken), 401, 'INVALID_SIGNATURE')
    const unseen = ['a\0b', 'a\nb', 'a\u202eb'].flatMap((text) => [{ name: text }, { email: `${text}@example.com` }])
    for (const bad of [{ email: 'x' }, { name: '' }, { name: 5 }, { email: undefined }, ...unseen])
      refused(await register({ ...good, ...bad }, gateway.operatorToken), 422, 'VALIDATION_ERROR')
    const taken = { ...good, publicKey: pemOf(agent.keys.publicKey), proof: possession(agent.keys) }
    refused(await register(taken, gateway.operatorToken), 409, 'CONFLICT')
  })
})

describe('challenge, proof, refresh', () => {
  test('POST /auth/challenge gives a nonce for five minutes, and the text of the bound form', async () => {
    const { id } = await client()
    const from = Date.now()
    const reply = await ask(gateway, 'POST /auth/challenge', { body: { agentId: id, audience: shop.id, more: 1 } })
    const { challengeId, nonce, expiresAt, signingInput, version } = given<Challenge>(reply, 200, CHALLENGED)
    assert.match(challengeId, /^chal_/)
    assert.match(nonce, /^[0-9a-f]{64}$/)
    const life = Date.parse(expiresAt) - 5 * 60_000
    assert.ok(from <= life && life <= Date.now(), expiresAt)
    assert.equal(version, 2)
    assert.equal(signingInput, ['clawauth-v2', gateway.url, id, challengeId, shop.id, nonce].join('\n'))
    const plain = (await ask(gateway, 'POST /auth/challenge', { body: { agentId: id } })).json() as Challenge
    assert.equal(plain.signingInput.split('\n')[4], '-')
    refused(
      await ask(gateway, 'POST /auth/challenge', { body: { agentId: id, audience: 'x' } }),
      422,
      'VALIDATION_ERROR',
    )
  })

  test('POST /auth/challenge for one key is answered by that key alone', async () => {
    const agent = await client()
    const { accessToken } = await agent.signIn()
    const second = newKeys()
    const body = { publicKey: pemOf(second.publicKey), proof: possession(second) }
    const added = await ask(gateway, `POST /agents/${agent.id}/keys`, { token: accessToken, body })
    const { keyId } = added.json() as { keyId: string }
    const one = () => agent.challenge({ keyId })
    refused(await agent.byInput(await one()), 401, 'INVALID_SIGNATURE')
    assert.equal((await agent.byInput(await one(), second.privateKey)).status, 200)
  })

  test('POST /auth/authenticate gives three things, and a token with the claims of §4.1', async () => {
    const agent = await client()
    await ask(gateway, `POST /agents/${agent.id}/roles`, { token: shop.key, body: { roleId: 'buyer' } })
    const reply = await agent.byNonce(await agent.challenge({ audience: shop.id }))
    const { accessToken, refreshToken, expiresIn } = given<DoorTokens>(reply, 200, TOKENS)
    assert.match(refreshToken, /^rf_/)
    assert.equal(expiresIn, 3600)
    const keySet = (await gateway.agent('GET', '/.well-known/jwks.json')).json() as Parameters<
      typeof createLocalJWKSet
    >[0]
    const { payload, protectedHeader } = await jwtVerify(accessToken, createLocalJWKSet(keySet), {
      algorithms: ['ES256'],
      issuer: gateway.url,
      audience: shop.id,
      typ: 'JWT',
    })
    assert.deepEqual(Object.keys(protectedHeader).toSorted(), ['alg', 'kid', 'typ'])
    const { sub, iat, exp, jti, roles, permissions, trustScore } = payload
    assert.deepEqual(
      [sub, (exp as number) - (iat as number), typeof jti, roles, permissions, trustScore],
      [agent.id, 3600, 'string', ['buyer'], ['orders.create', 'orders.read'], 5],
    )
  })

  test('POST /auth/authenticate refuses what is unknown, used or no signature, and a locked agent', async () => {
    const agent = await client()
    const used = await agent.challenge()
    assert.equal((await agent.byNonce(used)).status, 200)
    refused(await agent.byNonce(used), 401, 'INVALID_SIGNATURE')
    refused(await agent.byNonce({ ...used, challengeId: 'chal_nothing' }), 401, 'INVALID_SIGNATURE')
    const bad = { challengeId: used.challengeId }
    for (const body of [bad, { ...bad, signature: '' }, { ...bad, signature: 'x', version: 3 }, {}])
      refused(await agent.authenticate(body), 422, 'VALIDATION_ERROR')
    await gateway.does('POST', `/agents/${agent.id}/lock`)
    refused(await agent.byNonce(await agent.challenge()), 403, 'FORBIDDEN')
    await gateway.does('POST', `/agents/${agent.id}/unlock`)
    assert.equal((await agent.byNonce(await agent.challenge())).status, 200)
    await gateway.does('POST', `/agents/${agent.id}/revoke`)
    refused(await agent.byNonce(await agent.challenge()), 403, 'FORBIDDEN')
  })

  test('POST /auth/refresh gives the same three; a used one ends the family', async () => {
    const agent = await client()
    const refresh = (refreshToken: string) => ask(gateway, 'POST /auth/refresh', { body: { refreshToken } })
    const first = await agent.signIn(shop.id)
    const second = given<DoorTokens>(await refresh(first.refreshToken), 200, TOKENS)
    assert.notEqual(second.refreshToken, first.refreshToken)
    assert.equal(claimsOf(second.accessToken).aud, shop.id)
    assert.deepEqual(await verify(second.accessToken), undefined)
    refused(await refresh(first.refreshToken), 401, 'INVALID_TOKEN')
    refused(await refresh(second.refreshToken), 401, 'INVALID_TOKEN')
    for (const token of [first, second]) assert.equal(await verify(token.accessToken), 'revoked')
    refused(await refresh('rf_nothing'), 401, 'INVALID_TOKEN')
    refused(await ask(gateway, 'POST /auth/refresh', { body: {} }), 422, 'VALIDATION_ERROR')
    const locked = await agent.signIn(shop.id)
    await gateway.does('POST', `/agents/${agent.id}/lock`)
    refused(await refresh(locked.refreshToken), 403, 'FORBIDDEN')
  })

  const verify = async (token: string) => {
    const reply = await ask(gateway, 'POST /auth/verify', { token: shop.key, body: { token } })
    return (reply.json() as { error?: string }).error
  }
})

describe('a service', () => {
  test('POST /auth/verify says whose a token is, and 200 of a bad one too', async () => {
    const agent = await client()
    await ask(gateway, `POST /agents/${agent.id}/roles`, { token: shop.key, body: { roleId: 'buyer' } })
    const { accessToken } = await agent.signIn(shop.id)
    const verify = (token: string, key = shop.key) => ask(gateway, 'POST /auth/verify', { token: key, body: { token } })
    const good = given<{ valid: boolean; agent: Record<string, unknown> }>(await verify(accessToken), 200, [
      'agent',
      'valid',
    ])
    assert.deepEqual(Object.keys(good.agent).toSorted(), [...AGENT, 'scopes'].toSorted())
    const { id, name, email, trustScore, roles, permissions, scopes } = good.agent
    const may = ['orders.create', 'orders.read']
    assert.deepEqual(
      [good.valid, id, email, trustScore, roles, permissions, scopes],
      [true, agent.id, '', 5, ['buyer'], may, may],
    )
    assert.match(name as string, /^agent-\d+$/)
    const bad = async (token: string, key?: string) => {
      const said = given<{ valid: boolean; error: string }>(await verify(token, key), 200, ['error', 'valid'])
      assert.equal(said.valid, false)
      return said.error
    }
    assert.equal(await bad('x'), 'malformed')
    assert.equal(await bad(''), 'malformed')
    assert.equal(await bad(`${accessToken.slice(0, -2)}AA`), 'bad_signature')
    assert.equal(await bad(accessToken, bank.key), 'wrong_audience')
    await gateway.does('POST', `/agents/${agent.id}/lock`)
    assert.equal(await bad(accessToken), 'agent_inactive')
    await gateway.does('POST', `/agents/${agent.id}/unlock`)
    await ask(gateway, 'POST /auth/revoke', { body: { token: accessToken } })
    assert.equal(await bad(accessToken), 'revoked')
    refused(await ask(gateway, 'POST /auth/verify', { token: shop.key, body: {} }), 422, 'VALIDATION_ERROR')
  })

  test('GET /agents/:id tells of an agent by its id alone', async () => {
    const agent = await client()
    const look = (id: string) => ask(gateway, `GET /agents/${id}`, { token: shop.key })
    const before = given<Record<string, unknown>>(await look(agent.id), 200, AGENT)
    assert.deepEqual([before.id, before.status, before.lastSeenAt, before.email], [agent.id, 'active', null, ''])
    await agent.signIn()
    const { lastSeenAt } = (await look(agent.id)).json() as { lastSeenAt: string }
    assert.equal(new Date(lastSeenAt).toISOString(), lastSeenAt)
    for (const id of ['agent_nothing', before.name as string]) refused(await look(id), 404, 'NOT_FOUND')
  })

  test('POST and DELETE /agents/:id/roles give a role and take it back', async () => {
    const { id } = await client()
    const give = (body: object, key = shop.key) => ask(gateway, `POST /agents/${id}/roles`, { token: key, body })
    const take = (role: string, key = shop.key) => ask(gateway, `DELETE /agents/${id}/roles/${role}`, { token: key })
    const GIVEN = ['agentId', 'expiresAt', 'roleId', 'serviceId']
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
    const first = given(await give({ roleId: 'buyer' }), 201, GIVEN)
    assert.deepEqual(first, { agentId: id, roleId: 'buyer', serviceId: shop.id, expiresAt: null })
    const again = given<{ expiresAt: string }>(await give({ roleId: 'buyer', expiresAt }), 200, GIVEN)
    assert.equal(again.expiresAt, expiresAt)
    refused(await give({ roleId: 'nobody-has-it' }), 404, 'NOT_FOUND')
    refused(await give({ roleId: 'buyer', expiresAt: '2020-01-01T00:00:00Z' }), 422, 'VALIDATION_ERROR')
    refused(await give({ roleId: 'buyer', expiresAt: 'tomorrow' }), 422, 'VALIDATION_ERROR')
    refused(await give({}), 422, 'VALIDATION_ERROR')
    refused(await give({ roleId: 'buyer' }, bank.key), 403, 'FORBIDDEN')
    refused(await take('buyer', bank.key), 403, 'FORBIDDEN')
    assert.deepEqual(given(await take('buyer'), 200, ['ok']), { ok: true })
    refused(await take('buyer'), 404, 'NOT_FOUND')
    const stranger = await ask(gateway, 'POST /agents/agent_nothing/roles', {
      token: shop.key,
      body: { roleId: 'buyer' },
    })
    refused(stranger, 404, 'NOT_FOUND')
  })

  test('POST and GET /agents/:id/trust report and explain', async () => {
    const { id } = await client()
    const report = (body: unknown) => ask(gateway, `POST /agents/${id}/trust`, { token: bank.key, body })
    const said = given<Record<string, unknown>>(await report({ score: 0, reason: 'rude' }), 201, [
      'counted',
      'id',
      'trustScore',
    ])
    assert.match(said.id as string, /^rpt_/)
    assert.deepEqual([said.counted, said.trustScore], [true, 4.9]) // a new service weighs a tenth
    const shown = given<Record<string, unknown>>(
      await ask(gateway, `GET /agents/${id}/trust`, { token: shop.key }),
      200,
      ['agentId', 'band', 'confidence', 'samples', 'trustScore', 'updatedAt'],
    )
    assert.deepEqual([shown.agentId, shown.trustScore, shown.band, shown.samples], [id, 4.9, 'Low Trust', 1])
    assert.equal(new Date(shown.updatedAt as string).toISOString(), shown.updatedAt)
    const reason = 'x'.repeat(500)
    assert.equal((await report({ score: 10, reason })).status, 201)
    for (const body of [{ score: 10.1, reason }, { score: -0.1, reason }, { score: 5, reason: '' }, { score: 5 }, {}])
      refused(await report(body), 422, 'VALIDATION_ERROR')
    refused(await report({ score: 5, reason: `${reason}x` }), 422, 'VALIDATION_ERROR')
    refused(await report({ score: '5', reason }), 422, 'VALIDATION_ERROR')
    // Owner left out: the operator, who stands behind the agent too.
    await gateway.does('POST', '/relying', { name: 'own-shop' })
    const { key } = await gateway.does<{ key: string }>('POST', '/relying/own-shop/keys', {})
    const own = await ask(gateway, `POST /agents/${id}/trust`, { token: key, body: { score: 9, reason } })
    refused(own, 403, 'FORBIDDEN')
  })
})

describe('POST /auth/revoke', () => {
  test('ends tokens for their holder, and by jti for the service they are for', async () => {
    const agent = await client()
    const revoke = (body: object, token?: string) => ask(gateway, 'POST /auth/revoke', { body, token })
    const said = async (body: object, token?: string) =>
      given<{ revoked: boolean }>(await revoke(body, token), 200, ['revoked']).revoked
    const state = async (token: string) => {
      const reply = await ask(gateway, 'POST /auth/verify', { token: shop.key, body: { token } })
      return (reply.json() as { error?: string }).error ?? 'valid'
    }
    const [byToken, byRefresh, byJti] = [
      await agent.signIn(shop.id),
      await agent.signIn(shop.id),
      await agent.signIn(shop.id),
    ]
    assert.equal(await said({ token: byToken.accessToken }), true)
    assert.equal(await said({ refreshToken: byRefresh.refreshToken }), true)
    const jti = claimsOf(byJti.accessToken).jti as string
    refused(await revoke({ jti }), 401, 'UNAUTHORIZED')
    refused(await revoke({ jti }, (await agent.signIn()).accessToken), 403, 'FORBIDDEN')
    assert.equal(await said({ jti }, bank.key), false)
    assert.equal(await state(byJti.accessToken), 'valid')
    assert.equal(await said({ jti }, shop.key), true)
    for (const { accessToken } of [byToken, byRefresh, byJti]) assert.equal(await state(accessToken), 'revoked')
    for (const { refreshToken } of [byToken, byRefresh, byJti])
      refused(await ask(gateway, 'POST /auth/refresh', { body: { refreshToken } }), 401, 'INVALID_TOKEN')
    assert.equal(await said({ token: 'x' }), false)
    for (const body of [{}, { token: 'x', refreshToken: 'y' }, { token: 5 }])
      refused(await revoke(body), 422, 'VALIDATION_ERROR')
  })
})

describe('an agent', () => {
  test('POST and DELETE /agents/:id/keys add a key and retire one, never the last', async () => {
    const agent = await client()
    const other = await client()
    const { accessToken: token } = await agent.signIn()
    const second = newKeys()
    const body = { publicKey: pemOf(second.publicKey), proof: possession(second) }
    const add = (id: string, more: object = {}, as: string | undefined = token) =>
      ask(gateway, `POST /agents/${id}/keys`, { token: as, body: { ...body, ...more } })
    const remove = (keyId: string, as = token) =>
      ask(gateway, `DELETE /agents/${agent.id}/keys/${keyId}`, { token: as })
    refused(await remove(agent.keyId), 409, 'CONFLICT')
    refused(await add(agent.id, { proof: possession(newKeys()) }), 401, 'INVALID_SIGNATURE')
    refused(await add(agent.id, { proof: undefined }), 422, 'VALIDATION_ERROR')
    refused(await add(agent.id, { publicKey: 'x' }), 422, 'VALIDATION_ERROR')
    refused(await add(other.id), 403, 'FORBIDDEN')
    refused(await add(agent.id, {}, shop.key), 403, 'FORBIDDEN')
    refused(await add(agent.id, {}, ''), 401, 'UNAUTHORIZED')
    const { accessToken: forShop } = await agent.signIn(shop.id)
    refused(await add(agent.id, {}, forShop), 401, 'INVALID_TOKEN')
    const added = given<{ keyId: string; publicKeyHash: string; status: string }>(await add(agent.id), 201, [
      'keyId',
      'publicKeyHash',
      'status',
    ])
    assert.deepEqual([added.publicKeyHash, added.status], [fromKey(second.publicKey).hash, 'active'])
    refused(await add(agent.id), 409, 'CONFLICT')
    refused(await remove('key_nothing'), 404, 'NOT_FOUND')
    refused(await remove(other.keyId), 404, 'NOT_FOUND')
    const signed = await agent.byInput(await agent.challenge(), second.privateKey)
    const { accessToken: fresh } = signed.json() as DoorTokens
    assert.deepEqual(given(await remove(agent.keyId, fresh), 200, ['ok']), { ok: true })
    refused(await agent.byInput(await agent.challenge()), 401, 'INVALID_SIGNATURE')
    refused(await remove(added.keyId, fresh), 409, 'CONFLICT')
    refused(await remove(added.keyId), 401, 'INVALID_TOKEN') // the key that this token came by is gone
  })

  test('GET /agents/:id/auth-log shows its attempts to itself and to operators, in pages', async () => {
    const agent = await client()
    for (let i = 0; i < 3; i += 1) await agent.byInput(await agent.challenge(), newKeys().privateKey)
    const { accessToken } = await agent.signIn()
    const look = (query = '', token = accessToken, id = agent.id) =>
      ask(gateway, `GET /agents/${id}/auth-log${query}`, { token })
    const PAGE = ['items', 'nextCursor']
    const all = given<{ items: { result: string; form: string; door: string }[]; nextCursor: null }>(
      await look(),
      200,
      PAGE,
    )
    assert.deepEqual(
      all.items.map(({ result, form, door }) => [result, form, door]),
      [
        ['ok', 'bound', 'clawauth'],
        ...Array(3).fill(['bad_signature', 'bound', 'clawauth']),
        ['ok', 'register', 'clawauth'],
      ],
    )
    assert.equal(all.nextCursor, null)
    const first = given<{ items: object[]; nextCursor: string }>(await look('?limit=3'), 200, PAGE)
    const rest = given<{ items: object[] }>(await look(`?limit=3&cursor=${first.nextCursor}`), 200, PAGE)
    assert.deepEqual([...first.items, ...rest.items], all.items)
    assert.equal((await look('', gateway.operatorToken)).status, 200)
    for (const query of ['?limit=0', '?limit=201', '?limit=x', '?cursor=x'])
      refused(await look(query), 422, 'VALIDATION_ERROR')
    refused(await look('', accessToken, (await client()).id), 403, 'FORBIDDEN')
    refused(await look('', shop.key), 403, 'FORBIDDEN')
    refused(await look('', ''), 401, 'UNAUTHORIZED')
    refused(await look('', gateway.operatorToken, 'agent_nothing'), 404, 'NOT_FOUND')
  })
})

describe('refusals (CA-14)', () => {
  const posts = [
    '/auth/register',
    '/auth/challenge',
    '/auth/authenticate',
    '/auth/refresh',
    '/auth/revoke',
    '/auth/verify',
  ]

  test('have one shape where there is nothing, and no such method, too', async () => {
    for (const path of [
      '/auth',
      '/auth/',
      '/auth/login',
      '/auth/verify/x',
      '/agents',
      '/agents/x/y/z',
      '/webhooks/x/y',
    ])
      for (const method of ['GET', 'POST']) refused(await ask(gateway, `${method} ${path}`), 404, 'NOT_FOUND')
    const methods = [
      'GET /auth/verify',
      'PUT /auth/register?x=1',
      'POST /agents/x',
      'PATCH /webhooks',
      'PUT /webhooks/x',
    ]
    for (const line of methods) refused(await ask(gateway, line), 404, 'NOT_FOUND')
    for (const path of ['/author', '/claviger/v1/auth/login', '/claviger/v1/webhooks/x/y']) {
      const reply = await ask(gateway, `GET ${path}`)
      assert.deepEqual([reply.status, reply.code], [404, 'endpoint_unknown'])
    }
  })

  test('have one shape: what is no JSON is 400, what has no caller 401', async () => {
    for (const path of posts) {
      const token = path === '/auth/verify' ? shop.key : undefined
      for (const body of ['', '{', '{"a":1,"a":2}', '\ufeff{}', '{} x'])
        refused(await ask(gateway, `POST ${path}`, { body, token }), 400, 'INVALID_JSON')
      for (const body of ['[]', 'null', '5', '{}'])
        refused(await ask(gateway, `POST ${path}`, { body, token }), 422, 'VALIDATION_ERROR')
    }
    const guarded = [
      'POST /auth/verify',
      'GET /agents/x',
      'POST /agents/x/roles',
      'DELETE /agents/x/roles/y',
      'POST /agents/x/trust',
      'GET /agents/x/trust',
      'POST /agents/x/keys',
      'DELETE /agents/x/keys/y',
      'GET /agents/x/auth-log',
      'GET /webhooks',
      'DELETE /webhooks/x',
      'POST /webhooks/x/test',
    ]
    for (const line of guarded)
      for (const token of [undefined, 'nonsense', 'svc_nonsense', 'eyJhbGciOiJub25lIn0.e30.'])
        refused(await ask(gateway, line, { token }), 401, 'UNAUTHORIZED')
  })

  test('say 426 to plain HTTP from beyond this machine', { skip: noOwnAddress }, async () => {
    const host = ownAddress as string
    const env = { CLAVIGER_HOST: '0.0.0.0', CLAVIGER_UNSAFE_PLAIN_LISTEN: 'on', CLAVIGER_ALLOWED_HOSTS: host }
    await using open = await Gateway.start({ env: { ...env, CLAVIGER_DEMO: 'off' } })
    const lines = [...posts.map((path) => `POST ${path}`), 'GET /agents/x', 'GET /webhooks']
    for (const [method, path] of lines.map((line) => line.split(' ') as [string, string])) {
      const reply = await send({ host, port: open.port, method, path, headers: { connection: 'close' } })
      refused(reply, 426, 'HTTPS_REQUIRED')
    }
  })
})
