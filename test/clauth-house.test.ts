// The Clauth door as a whole: what it says of itself, its listeners, its record, and what it does with nonsense.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ClauthWorld, refusal } from './instruments/clauth-world.ts'
import { send } from './instruments/send.ts'
import { until } from './instruments/wait.ts'

let world: ClauthWorld
before(async () => {
  world = await ClauthWorld.start()
})
after(() => world[Symbol.asyncDispose]())

describe('what everybody may see', () => {
  test('capabilities and health, in exactly these members', async () => {
    const reply = await world.ask('GET', '/clauth/v1/capabilities')
    assert.equal(reply.headers['content-type'], 'application/json')
    assert.equal(reply.headers['content-length'], String(reply.body.length))
    assert.deepEqual(reply.json(), {
      product: 'clauth',
      version: '0.1.0',
      brokeredExecution: true,
      endpointPolicyEnforced: true,
      transport: 'tcp',
      requireSkillToken: true,
      supportsIdentityBroker: false,
      supportedProofMethods: [],
    })
    const { timestamp, ...health } = (await world.ask('GET', '/health')).json() as Record<string, unknown>
    assert.equal(typeof timestamp, 'number')
    assert.deepEqual(health, {
      ...{ ok: true, status: 'ok', service: 'clauth', version: '0.1.0', state: 'unsealed' },
      ...{ telegram: 'not_configured', telegram_configured: false, database: 'ok', public_url: null },
    })
    const native = (await world.ask('GET', '/claviger/v1/health')).json() as Record<string, unknown>
    assert.deepEqual([native.service, native.ok], ['claviger', true])
  })

  test('pages and icons', async () => {
    for (const path of ['/', '/dashboard']) {
      const page = await world.ask('GET', path)
      assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8'])
      assert.match(page.text(), /Claviger/)
    }
    const sides = {
      favicon: 64,
      'favicon-32': 32,
      'apple-touch-icon': 180,
      'icon-192': 192,
      'icon-512': 512,
      logo: 256,
    }
    for (const [name, side] of Object.entries(sides)) {
      const icon = await world.ask('GET', `/${name}.png`)
      const { 'content-type': type, 'cache-control': cache } = icon.headers
      assert.deepEqual([icon.status, type, cache], [200, 'image/png', 'public, max-age=86400'])
      assert.equal(icon.body.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n')
      assert.deepEqual([icon.body.readUInt32BE(16), icon.body.readUInt32BE(20)], [side, side])
    }
  })
})

describe('identity routes', () => {
  test('say that there are no proofs, to a skill; to others that they are not known', async () => {
    const headers = { 'x-clauth-skill-token': world.token }
    for (const line of [
      'POST /challenge',
      'POST /verify',
      'GET /challenge/x/status',
      'GET /proofs',
      'GET /proofs?skillId=My%20Skill',
    ]) {
      const [method = '', path = ''] = line.split(' ')
      const ask = (sent: Record<string, string>) =>
        world.ask(method, `/clauth/v1/identity${path}`, method === 'POST' ? {} : undefined, sent)
      assert.deepEqual(refusal(await ask(headers)).slice(0, 2), [422, 'VALIDATION_ERROR'], line)
      assert.deepEqual(refusal(await ask({})), [401, 'UNAUTHORIZED', 'Missing skill token'], line)
    }
    const foreign = await world.ask('GET', '/clauth/v1/identity/proofs?skillId=other', undefined, headers)
    assert.equal(foreign.status, 401)
    const callback = await world.ask('GET', '/clauth/v1/identity/oauth/callback?state=x')
    assert.deepEqual(refusal(callback), [422, 'VALIDATION_ERROR', 'state and code are required'])
    assert.deepEqual((await world.admin('DELETE', '/identity/proofs/x')).json(), { revoked: false })
  })
})

describe('nonsense', () => {
  test('of every type in every member is refused with 4xx, never 500 (CL-24)', async () => {
    const members = {
      '/proxy': ['skillId', 'provider', 'credentialHandle', 'scope', 'method', 'endpoint', 'headers'],
      '/admin/skill-token/issue': ['skillId'],
      '/admin/skill-token/revoke': ['skillId'],
      '/admin/session-token/issue': ['skillId', 'scope', 'ttlSeconds'],
      '/admin/session-token/revoke': ['token', 'jti', 'exp'],
      '/admin/alerts/test': ['url'],
      '/identity/challenge': ['skillId'],
    }
    const good = { skillId: 'My Skill', provider: 'github', credentialHandle: 'main', scope: 'github:read' }
    const headers = { 'x-clauth-skill-token': world.token, 'x-clauth-admin-token': 'admin-token-of-the-test' }
    for (const [path, names] of Object.entries(members)) {
      for (const name of names) {
        for (const value of [5, -1, 1e308, true, {}, [], [['x']], { a: 1 }, '__proto__', '\u202e', 'x'.repeat(9_000)]) {
          const body = { ...good, method: 'GET', endpoint: world.url('/ok'), jti: 'j', [name]: value }
          const reply = await world.ask('POST', `/clauth/v1${path}`, body, headers)
          assert.ok(reply.status < 500, `${path} ${name} ${JSON.stringify(value)}: ${reply.status} ${reply.text()}`)
        }
      }
      for (const body of ['[]', '"x"', '5', 'null', 'true']) {
        assert.deepEqual(refusal(await world.ask('POST', `/clauth/v1${path}`, body, headers)).slice(0, 2), [
          422,
          'VALIDATION_ERROR',
        ])
      }
    }
    for (const sent of [
      { 'x-y': 5 },
      { 'bad name': 'x' },
      { 'x-a': 'a\r\nx-b: c' },
      { host: 'evil.example' },
      'x',
      ['x'],
    ]) {
      const reply = await world.proxy({ headers: sent })
      assert.ok(reply.status === 422 || (reply.status === 200 && 'host' in (sent as object)), reply.text())
    }
  })
})

describe('the record', () => {
  const records = async (query: string) =>
    await world.gateway.does<{ items: Record<string, unknown>[]; size: number }>('GET', `/audit/records?${query}`)

  test('names the skill’s agent, the provider and the path, and no value of a query (CL-15)', async () => {
    await world.proxy({ endpoint: world.url('/ok/repos?access_token=canary-in-query&page=2') })
    await until(async () => JSON.stringify(await records('type=intent&service=github')).includes('/ok/repos'))
    const text = JSON.stringify(await records('limit=1000'))
    assert.ok(!text.includes('canary-in-query') && text.includes('access_token'))
    assert.ok(!text.includes(world.token) && !text.includes(world.secret))
  })

  test('is not filled by callers that nobody knows, and status walks no log for them (CL-19)', async () => {
    const before = (await records('limit=1')).size
    const wrong = { 'x-clauth-skill-token': 'x'.repeat(43) }
    await Promise.all(Array.from({ length: 600 }, () => world.proxy({}, wrong)))
    await Promise.all(Array.from({ length: 100 }, () => world.ask('GET', '/clauth/v1/status')))
    const after = (await records('limit=1')).size
    assert.ok(after - before < 200, `${after - before} records`)
  })

  test('that is whole stays so after the check that somebody asked for without knowing', async () => {
    const integrity = async () =>
      ((await world.ask('GET', '/clauth/v1/status')).json() as { auditIntegrity: Record<string, unknown> })
        .auditIntegrity
    await integrity()
    const state = async () => (await world.gateway.operator('GET', '/audit/verification')).json() as { state: string }
    await until(async () => (await state()).state === 'done')
    assert.equal((await integrity()).valid, true)
  })

  test('whose tail is cut off is said to be, after a start that stays sealed (CL-14)', async () => {
    await using own = await ClauthWorld.start()
    for (let n = 0; n < 20; n += 1) await own.proxy()
    await own.gateway.stop()
    const folder = join(own.gateway.home, 'audit', 'n1', 'seg')
    const segment = readdirSync(folder).sort().at(-1)
    assert.ok(segment, readdirSync(folder).join(' '))
    const file = join(folder, segment)
    const lines = readFileSync(file, 'utf8').split('\n')
    truncateSync(file, statSync(file).size - Buffer.byteLength(lines.slice(-12).join('\n')))
    await own.gateway.restart()
    const status = (await own.ask('GET', '/clauth/v1/status')).json() as { auditIntegrity: Record<string, unknown> }
    assert.equal(status.auditIntegrity.valid, false, JSON.stringify([status, own.gateway.ready]))
    assert.match(String(status.auditIntegrity.reason), /^(truncated|hash mismatch)$/)
  })
})

describe('listeners and settings', () => {
  test('a socket of its own serves the door alone, and goes with the process (CL-33)', async () => {
    await using own = await ClauthWorld.start()
    const path = join(own.gateway.folder, 'clauth.sock')
    await own.gateway.restart({ CLAVIGER_CLAUTH_LISTEN: `unix:${path}` })
    const ask = (method: string, to: string) => send({ socketPath: path, method, path: to, headers: { host: 'x' } })
    assert.equal(((await ask('GET', '/clauth/v1/capabilities')).json() as { transport: string }).transport, 'unix')
    const status = (await ask('GET', '/clauth/v1/status')).json() as Record<string, unknown>
    assert.deepEqual([status.transport, status.daemon], ['unix', `unix://${path}`])
    assert.equal((await ask('GET', '/health')).status, 200)
    for (const to of ['/claviger/v1/health', '/to/github/ok', '/oauth/token']) {
      assert.deepEqual(refusal(await ask('GET', to)), [404, 'NOT_FOUND', 'Route not found'])
    }
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(await own.gateway.stop(), 0)
    assert.throws(() => statSync(path), { code: 'ENOENT' })
  })

  test('a switch closes the door; plain endpoints and other machines need theirs', async () => {
    await using own = await ClauthWorld.start()
    await own.gateway.restart({ CLAUTH_ALLOW_INSECURE_HTTP: '' })
    const https = 'Only HTTPS endpoints are allowed. Set hardening.enforceHttps to false to allow HTTP.'
    assert.deepEqual(refusal(await own.proxy()), [422, 'VALIDATION_ERROR', https])
    await own.gateway.restart({ CLAUTH_HOME: '/x', CLAUTH_ALLOW_UNKNOWN_PROVIDER_HOSTS: '1' })
    for (const name of ['CLAUTH_HOME', 'CLAUTH_ALLOW_UNKNOWN_PROVIDER_HOSTS'])
      assert.ok(own.gateway.output().includes(name))
    assert.ok(!own.gateway.output().includes('CLAUTH_ADMIN_TOKEN'))
    await own.gateway.restart({ CLAVIGER_TRUSTED_PROXIES: '127.0.0.1' })
    const forwarded = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }
    const refused = [403, 'FORBIDDEN', `Remote address '203.0.113.9' is not allowed`]
    for (const path of ['/clauth/v1/status', '/clauth/v1/capabilities', '/dashboard', '/favicon.png']) {
      assert.deepEqual(refusal(await own.ask('GET', path, undefined, forwarded)), refused)
    }
    await own.gateway.restart({ CLAVIGER_TRUSTED_PROXIES: '127.0.0.1', CLAUTH_ALLOW_REMOTE: '1' })
    assert.equal((await own.ask('GET', '/clauth/v1/status', undefined, forwarded)).status, 200)
    await own.gateway.restart({ CLAVIGER_CLAUTH: 'off' })
    assert.equal((await own.ask('GET', '/clauth/v1/status')).code, 'endpoint_unknown')
    assert.equal((await own.gateway.operator('GET', '/clauth/grants')).status, 404)
  })
})

describe('grants in the words of Clauth', () => {
  test('are listed once a triple, revoked by what is said of them, and given again', async () => {
    const shown = async () =>
      (await world.gateway.does<{ items: Record<string, unknown>[] }>('GET', '/clauth/grants?skillId=listed')).items
    const given = await world.grant({ skillId: 'listed', handles: ['main'] })
    const { id: _, createdAt, updatedAt, ...rest } = given
    assert.deepEqual(rest, {
      ...{ skillId: 'listed', provider: 'github', scope: 'github:read', rateLimitPerMinute: 60 },
      ...{ active: true, handles: ['main'] },
    })
    await world.grant({ skillId: 'listed', scope: 'github:*', rateLimitPerMinute: 0 })
    const revoke = (more: object) => world.gateway.does('POST', '/clauth/grants/revoke', { skillId: 'listed', ...more })
    assert.deepEqual(await revoke({ scope: ' GitHub:Read ' }), { revoked: 1 })
    assert.deepEqual(
      (await shown()).map(({ scope, active }) => [scope, active]),
      [
        ['github:read', false],
        ['github:*', true],
      ],
    )
    const again = await world.grant({ skillId: 'listed', rateLimitPerMinute: 5 })
    assert.deepEqual([again.active, again.createdAt, (await shown()).length], [true, createdAt, 2])
    assert.ok(String(again.updatedAt) >= String(updatedAt))
    assert.deepEqual(await revoke({ provider: 'github' }), { revoked: 2 })
    assert.deepEqual([await revoke({}), await revoke({ provider: 'github' })], [{ revoked: 0 }, { revoked: 0 }])
    assert.equal(
      (await world.gateway.operator('POST', '/clauth/grants/revoke', { skillId: 'x', provider: 'no' })).code,
      'service_unknown',
    )
  })

  test('50 at once are 50 (CL-36)', async () => {
    const each = Array.from({ length: 50 }, (_, n) => n)
    await Promise.all(each.map((n) => world.grant({ skillId: 'crowd', scope: `github:word-${n}` })))
    await Promise.all(each.map((n) => world.grant({ skillId: `crowd-${n}` })))
    const { items } = await world.gateway.does<{ items: { skillId: string; active: boolean }[] }>(
      'GET',
      '/clauth/grants',
    )
    const crowd = items.filter(({ skillId, active }) => active && skillId.startsWith('crowd'))
    assert.equal(crowd.length, 100)
  })
})
