// Every row of clauth.md §2.2 in its order: a call that fails several rows is refused in the words of the first.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type AskedProxy, ClauthWorld, refusal } from './instruments/clauth-world.ts'
import { until } from './instruments/wait.ts'

const SKILL = 'order-skill'
let world: ClauthWorld
before(async () => {
  world = await ClauthWorld.start({}, SKILL)
  await world.gateway.does('POST', '/services', {
    name: 'slack',
    origins: ['https://slack.com'],
    injection: { kind: 'bearer' },
  })
  await world.gateway.does('POST', '/credentials', { handle: 'of-slack', service: 'slack', secret: 'xoxb-0123456789' })
  await world.store('reserved', 'sk-reserved-0123456789', { meta: { restricted: 'true' } })
  await world.store('short-lived', 'sk-short-0123456789', { ttlSeconds: 1 })
  await world.grant({ scope: 'github:none', rateLimitPerMinute: 0 })
  await until(async () => {
    const { items } = await world.gateway.does<{ items: { handle: string; status: string }[] }>('GET', '/credentials')
    return items.some(({ handle, status }) => handle === 'short-lived' && status === 'expired')
  })
})
after(() => world[Symbol.asyncDispose]())

const MISSING = 'skillId, provider, credentialHandle, scope, endpoint, and method are required.'
const noGrant = (scope: string, provider = 'github') =>
  `No active grant for skill '${SKILL}' provider '${provider}' scope '${scope}'.`

/** From the last row to the first: each spoils one thing more, so that its row and all below it fail. */
const rows: readonly [row: string, spoil: AskedProxy, status: number, code: string, message: () => string][] = [
  [
    '12 host',
    { endpoint: 'http://evil.example/x' },
    422,
    'VALIDATION_ERROR',
    () => `Endpoint host 'evil.example' is not allowed for provider 'github'. Allowed: 127.0.0.1`,
  ],
  [
    '11 provider',
    { credentialHandle: 'of-slack' },
    403,
    'ACCESS_DENIED',
    () => `Credential handle 'of-slack' does not match provider 'github'.`,
  ],
  [
    '10 expired',
    { credentialHandle: 'short-lived' },
    404,
    'NOT_FOUND',
    () => `Credential handle 'short-lived' has expired.`,
  ],
  ['10 unknown', { credentialHandle: 'nobody' }, 404, 'NOT_FOUND', () => `Credential handle 'nobody' not found.`],
  ['8 rate', { scope: 'github:none' }, 403, 'ACCESS_DENIED', () => `Rate limit exceeded for skill '${SKILL}' (0/min).`],
  ['7 grant', { scope: ' GitHub:Write ', provider: 'GitHub' }, 403, 'ACCESS_DENIED', () => noGrant('github:write')],
  [
    '6 scope',
    { scope: 'github:repo:read' },
    422,
    'VALIDATION_ERROR',
    () => 'Scope must follow provider:action format.',
  ],
  [
    '5 https',
    { endpoint: 'ftp://evil.example/x' },
    422,
    'VALIDATION_ERROR',
    () => 'Only HTTPS endpoints are allowed. Set hardening.enforceHttps to false to allow HTTP.',
  ],
  ['4 endpoint', { endpoint: 'not a url' }, 422, 'VALIDATION_ERROR', () => 'endpoint must be a valid URL.'],
  ['3 missing', { method: undefined }, 422, 'VALIDATION_ERROR', () => MISSING],
  ['2 principal', { skillId: 'somebody-else' }, 401, 'UNAUTHORIZED', () => 'Invalid skill token'],
]

describe('the rows of a call', () => {
  test('come in their order, and nothing is sent for any of them', async () => {
    world.upstream.forget()
    let asked: AskedProxy = {}
    for (const [row, spoil, status, code, message] of rows) {
      asked = { ...asked, ...spoil }
      assert.deepEqual(refusal(await world.proxy(asked)), [status, code, message()], row)
    }
    assert.equal(world.upstream.receipts.length, 0)
  })

  test('each by itself', async () => {
    world.upstream.forget()
    for (const [row, spoil, status, code, message] of rows) {
      assert.deepEqual(refusal(await world.proxy(spoil)), [status, code, message()], row)
    }
    assert.equal(world.upstream.receipts.length, 0)
    assert.equal((await world.proxy()).status, 200)
  })

  test('1: the body, before anybody is asked who they are; empty means {}', async () => {
    const post = (body: string, token = '') =>
      world.ask('POST', '/clauth/v1/proxy', body, { 'content-type': 'text/plain', 'x-clauth-skill-token': token })
    const [invalid, large] = ['Request body must be valid JSON', 'Request body exceeds maximum size of 1048576 bytes']
    for (const body of ['{', 'null x', '{"a":1}}', '\0']) {
      assert.deepEqual(refusal(await post(body)), [422, 'INVALID_JSON', invalid])
    }
    assert.deepEqual(refusal(await post(`"${'x'.repeat(1_048_576)}"`)), [413, 'VALIDATION_ERROR', large])
    assert.deepEqual(refusal(await post('')), [401, 'UNAUTHORIZED', 'Missing skill token'])
    assert.deepEqual(refusal(await post('{}', world.token)), [422, 'VALIDATION_ERROR', MISSING])
    assert.equal((await post(`{"x":"${'y'.repeat(1_048_560)}"}`, world.token)).status, 422)
  })

  test('2: who asks', async () => {
    const blank = 'skillId is required when skill token auth is enabled'
    assert.deepEqual(refusal(await world.proxy({ skillId: ' ' })), [401, 'UNAUTHORIZED', blank])
    assert.deepEqual(refusal(await world.proxy({ skillId: '' }, {})), [401, 'UNAUTHORIZED', blank])
    assert.deepEqual(refusal(await world.proxy({}, {})), [401, 'UNAUTHORIZED', 'Missing skill token'])
    const wrong = { 'x-clauth-skill-token': 'x'.repeat(43) }
    assert.deepEqual(refusal(await world.proxy({}, wrong)), [401, 'UNAUTHORIZED', 'Invalid skill token'])
    assert.deepEqual(refusal(await world.proxy({ skillId: undefined }, wrong)), [
      401,
      'UNAUTHORIZED',
      'Invalid skill token',
    ])
    assert.equal((await world.proxy({ skillId: undefined })).status, 200)
    assert.equal(
      (await world.proxy({ skillId: ` ${SKILL} ` }, { 'x-clauth-skill-token': ` ${world.token} ` })).status,
      200,
    )
    // An operator's or an agent's token is none of a skill.
    const { token } = await world.gateway.does<{ token: string }>('POST', '/tokens', { agent: SKILL })
    for (const presented of [token, world.gateway.operatorToken]) {
      const headers = { authorization: `Bearer ${presented}`, 'x-clauth-skill-token': presented }
      assert.deepEqual(refusal(await world.proxy({}, headers)), [401, 'UNAUTHORIZED', 'Invalid skill token'])
    }
  })

  test('3: each of the fields, missing, empty, or of another type', async () => {
    for (const name of ['provider', 'credentialHandle', 'scope', 'endpoint', 'method']) {
      for (const value of [undefined, null, '', ' ', 5, {}, ['x'], true]) {
        const reply = await world.proxy({ [name]: value })
        assert.deepEqual(refusal(reply), [422, 'VALIDATION_ERROR', MISSING], `${name} ${JSON.stringify(value)}`)
      }
    }
  })

  test('8: a rate that is used up says when it is not, and counts no call that was refused', async () => {
    const token = await world.issue('rated')
    await world.grant({ skillId: 'rated', rateLimitPerMinute: 2 })
    const call = (more: AskedProxy = {}) =>
      world.proxy({ skillId: 'rated', ...more }, { 'x-clauth-skill-token': token })
    for (const refused of [
      { credentialHandle: 'nobody' },
      { scope: 'github:write' },
      { endpoint: 'http://evil.example' },
    ]) {
      assert.notEqual((await call(refused)).status, 200)
    }
    assert.deepEqual([(await call()).status, (await call()).status], [200, 200])
    const third = await call()
    assert.deepEqual(refusal(third), [403, 'ACCESS_DENIED', `Rate limit exceeded for skill 'rated' (2/min).`])
    const wait = Number(third.headers['retry-after'])
    assert.ok(wait > 0 && wait <= 60, third.headers['retry-after'])
    const { error } = third.json() as { error: { requestId: string; retryAfter: number } }
    assert.deepEqual([error.retryAfter, typeof error.requestId], [wait, 'string'])
    // An overlapping grant does not give more: the narrowest that covers is the one that counts.
    await world.grant({ skillId: 'rated', scope: '*:*', rateLimitPerMinute: 50 })
    assert.equal((await call()).status, 403)
  })

  test('13: a provider that cannot be called', async () => {
    const failed = [502, 'UPSTREAM_ERROR', 'Failed to execute provider request']
    await world.gateway.does('POST', '/services', {
      ...{ name: 'gone', origins: ['http://127.0.0.1:59'], injection: { kind: 'bearer' }, addresses: ['127.0.0.1'] },
    })
    await world.gateway.does('POST', '/credentials', { handle: 'gone', service: 'gone', secret: 'sk-gone-0123456' })
    await world.grant({ provider: 'gone', scope: 'gone:read' })
    const asked = { provider: 'gone', credentialHandle: 'gone', scope: 'gone:read', endpoint: 'http://127.0.0.1:59/x' }
    assert.deepEqual(refusal(await world.proxy(asked)), failed)
    world.upstream.on('breaks', (request) => request.socket.destroy())
    assert.deepEqual(refusal(await world.proxy({ endpoint: world.url('/breaks') })), failed)
  })

  test('a vault that is locked is said to be, and a session of the door does not open it', async () => {
    const sealed = await ClauthWorld.start({}, SKILL)
    await sealed.gateway.does('POST', '/seal')
    assert.deepEqual(refusal(await sealed.proxy()), [403, 'ACCESS_DENIED', 'Vault is locked'])
    const status = (await sealed.ask('GET', '/clauth/v1/status')).json() as Record<string, unknown>
    assert.deepEqual([status.vaultUnlocked, status.activeGrants, status.activeSkillTokens], [false, 0, 0])
    assert.equal((await sealed.ask('GET', '/health')).status, 200)
    await sealed[Symbol.asyncDispose]()
  })
})
