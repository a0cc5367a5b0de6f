// The admin routes of the Clauth door, sessions and tokens, and the holes of clauth.md §8 that are about them.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type AskedProxy, ClauthWorld, refusal } from './instruments/clauth-world.ts'
import { Gateway } from './instruments/gateway.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'

let world: ClauthWorld
before(async () => {
  world = await ClauthWorld.start()
})
after(() => world[Symbol.asyncDispose]())

const given = <T>(reply: Reply): T => {
  assert.equal(reply.status, 200, reply.text())
  return reply.json() as T
}
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const JSON_TYPE = { 'content-type': 'application/json' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('the admin token', () => {
  const routes = [
    'POST /emergency-revoke',
    'POST /admin/skill-token/issue',
    'POST /admin/skill-token/revoke',
    'GET /admin/skill-token/list',
    'POST /admin/session-token/issue',
    'POST /admin/session-token/revoke',
    'GET /admin/session-token/revocations',
    'POST /admin/alerts/test',
    'DELETE /identity/proofs/x',
  ]

  test('is wanted by each of its routes, and a skill token, an agent token, an operator token are none', async () => {
    await using own = await ClauthWorld.start()
    for (const [at, line] of routes.entries()) {
      const [method = '', path = ''] = line.split(' ')
      // A source for each, so that nobody has to wait: what is tried here is another thing.
      if (at > 0 && at % 2 === 0) await own.gateway.restart()
      for (const token of ['', own.token]) {
        const reply = await own.admin(method, path, method === 'POST' ? {} : undefined, token)
        assert.deepEqual(refusal(reply), [401, 'UNAUTHORIZED', 'Invalid admin token'], line)
      }
    }
  })

  test('is nobody’s where it is not set, and stands in no file, no output and no setting where it is', async () => {
    await using without = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAUTH_ADMIN_TOKEN: '' } })
    const wanted = [503, 'ADMIN_AUTH_DISABLED', 'CLAUTH_ADMIN_TOKEN is not configured']
    for (const line of routes) {
      const [method = '', path = ''] = line.split(' ')
      const headers = { 'x-clauth-admin-token': 'x' }
      assert.deepEqual(refusal(await without.agent(method, `/clauth/v1${path}`, { headers })), wanted)
    }
    const { settings } = await world.gateway.does<{ settings: object }>('GET', '/config')
    assert.ok(!JSON.stringify(settings).includes('admin-token-of-the-test'))
    assert.ok(!world.gateway.output().includes('admin-token-of-the-test'))
  })

  test('makes whoever guesses wait (CL-18)', async () => {
    await using own = await ClauthWorld.start()
    const guess = () => own.admin('GET', '/admin/skill-token/list', undefined, 'guess')
    for (let n = 0; n < 5; n += 1) assert.equal(refusal(await guess())[0], 401)
    // Twice as long each time: it is looked at when a pause has come that nobody sits out by being slow.
    let waiting = await guess()
    const pauseOf = ({ status, headers }: Reply) => (status === 429 ? Number(headers['retry-after']) : 0)
    await until(async () => {
      waiting = await guess()
      return pauseOf(waiting) >= 4
    })
    assert.deepEqual(refusal(waiting).slice(0, 2), [429, 'RATE_LIMITED'])
    assert.equal((await own.admin('GET', '/admin/skill-token/list')).status, 429)
    await until(async () => (await own.admin('GET', '/admin/skill-token/list')).status === 200)
  })
})

describe('skill tokens', () => {
  const list = async () =>
    given<{ tokens: { skillId: string; active: boolean; createdAt: string; updatedAt: string }[] }>(
      await world.admin('GET', '/admin/skill-token/list'),
    ).tokens

  test('are issued, rotated, revoked and listed, and count with the next request', async () => {
    const issue = async () =>
      given<{ skillId: string; token: string }>(
        await world.admin('POST', '/admin/skill-token/issue', { skillId: 'rotating' }),
      )
    const first = await issue()
    assert.deepEqual(Object.keys(first), ['skillId', 'token'])
    assert.match(first.token, /^[A-Za-z0-9_-]{43}$/)
    await world.grant({ skillId: 'rotating' })
    const call = async (token: string) =>
      (await world.proxy({ skillId: 'rotating' }, { 'x-clauth-skill-token': token })).status
    const second = await issue()
    assert.deepEqual([await call(first.token), await call(second.token)], [401, 200])
    const revoke = async (skillId: string) =>
      given<object>(await world.admin('POST', '/admin/skill-token/revoke', { skillId }))
    assert.deepEqual(await revoke('rotating'), { skillId: 'rotating', revoked: true })
    assert.equal(await call(second.token), 401)
    assert.deepEqual(await revoke('rotating'), { skillId: 'rotating', revoked: false })
    assert.deepEqual(await revoke('nobody'), { skillId: 'nobody', revoked: false })
    assert.equal((await list()).find(({ skillId }) => skillId === 'rotating')?.active, false)
    const third = await issue()
    assert.equal(await call(third.token), 200)
    const shown = (await list()).find(({ skillId }) => skillId === 'rotating')
    assert.equal(shown?.active, true)
    for (const time of [shown.createdAt, shown.updatedAt]) assert.match(time, ISO)
    await world.gateway.restart()
    assert.deepEqual([await call(second.token), await call(third.token)], [401, 200])
  })

  test('are of agents: the agent that a skill is can be seen, locked, and asked for its tokens', async () => {
    const { items } = await world.gateway.does<{ items: { id: string; name: string; label?: string }[] }>(
      'GET',
      '/agents',
    )
    const agent = items.find(({ label }) => label === 'My Skill')
    assert.match(agent?.name ?? '', /^skill-my-skill-[0-9a-f]{16}$/)
    const { items: tokens } = await world.gateway.does<{ items: { kind: string }[] }>(
      'GET',
      `/tokens?agent=${agent?.id}`,
    )
    assert.deepEqual(
      tokens.map(({ kind }) => kind),
      ['clauth'],
    )
    await world.gateway.does('POST', `/agents/${agent?.id}/lock`)
    assert.deepEqual(refusal(await world.proxy()), [401, 'UNAUTHORIZED', 'Invalid skill token'])
    await world.gateway.does('POST', `/agents/${agent?.id}/unlock`)
    assert.equal((await world.proxy()).status, 200)
    // Elsewhere such a token is none.
    for (const headers of [bearer(world.token), { 'x-api-key': world.token }]) {
      assert.equal((await world.gateway.agent('GET', '/to/github/ok', { headers })).status, 401)
    }
  })
})

describe('session tokens', () => {
  interface Issued {
    readonly skillId: string
    readonly token: string
    readonly jti: string
    readonly issuedAt: string
    readonly expiresAt: string
  }
  const issue = async (more: object = {}) =>
    given<Issued>(await world.admin('POST', '/admin/session-token/issue', { skillId: 'My Skill', ...more }))
  const revoke = async (body: object) =>
    given<Record<string, unknown>>(await world.admin('POST', '/admin/session-token/revoke', body))
  const revocations = async () =>
    given<{ revocations: { jti: string; reason: string; revokedAt: string; expiresAt: number }[] }>(
      await world.admin('GET', '/admin/session-token/revocations'),
    ).revocations
  const call = (token: string, more: AskedProxy = {}) => world.proxy(more, bearer(token))

  test('stand for the skill, with or without its name; for another they do not, but its token may', async () => {
    const issued = await issue()
    assert.deepEqual(Object.keys(issued), ['skillId', 'token', 'jti', 'issuedAt', 'expiresAt'])
    for (const time of [issued.issuedAt, issued.expiresAt]) assert.match(time, ISO)
    assert.equal(Date.parse(issued.expiresAt) - Date.parse(issued.issuedAt), 3_600_000)
    assert.equal((await call(issued.token)).status, 200)
    assert.equal((await call(issued.token, { skillId: undefined })).status, 200)
    const missing = [401, 'UNAUTHORIZED', 'Missing skill token']
    assert.deepEqual(refusal(await call(issued.token, { skillId: 'other' })), missing)
    assert.deepEqual(refusal(await call('no.real.token')), missing)
    const both = { ...bearer('no.real.token'), 'x-clauth-skill-token': world.token }
    assert.equal((await world.proxy({}, both)).status, 200)
    assert.equal((await world.gateway.agent('GET', '/to/github/ok', { headers: bearer(issued.token) })).status, 401)
  })

  test('are held to their scope, in name and in methods (CL-12)', async () => {
    await world.grant({ scope: 'github:*', rateLimitPerMinute: 1_000 })
    const { token } = await issue({ scope: ' GitHub:Read ' })
    assert.equal((await call(token)).status, 200)
    world.upstream.forget()
    const wanted = (scope: string) => [
      403,
      'ACCESS_DENIED',
      `No active grant for skill 'My Skill' provider 'github' scope '${scope}'.`,
    ]
    for (const scope of ['github:write', 'github:list', 'github:*', 'github:delete']) {
      assert.deepEqual(refusal(await call(token, { scope })), wanted(scope))
    }
    assert.deepEqual(refusal(await call(token, { method: 'POST' })), wanted('github:read'))
    assert.equal(world.upstream.receipts.length, 0)
    assert.equal((await world.proxy({ scope: 'github:write', method: 'POST' })).status, 200)
    for (const scope of ['github', 'github:repo:read', 'x']) {
      const reply = await world.admin('POST', '/admin/session-token/issue', { skillId: 'My Skill', scope })
      assert.deepEqual(refusal(reply), [422, 'VALIDATION_ERROR', 'Scope must follow provider:action format.'])
    }
  })

  test('end by token or jti, once, and are listed until they would have ended', async () => {
    const [one, two] = [await issue({ ttlSeconds: 600 }), await issue()]
    assert.equal(Date.parse(one.expiresAt) - Date.parse(one.issuedAt), 600_000)
    assert.deepEqual(await revoke({ token: one.token, jti: two.jti }), {
      revoked: true,
      jti: one.jti,
      expiresAt: one.expiresAt,
    })
    assert.deepEqual([(await call(one.token)).status, (await call(two.token)).status], [401, 200])
    assert.equal((await revoke({ token: one.token })).revoked, false)
    assert.deepEqual(await revoke({ token: 'no.real.token' }), { revoked: false })
    assert.equal((await revoke({ jti: two.jti })).revoked, true)
    assert.equal((await call(two.token)).status, 401)
    assert.equal((await revoke({ jti: two.jti })).revoked, false)
    const exp = Math.floor(Date.now() / 1_000) + 500
    const unknown = await revoke({ jti: 'of-another-installation', exp })
    assert.deepEqual(unknown, {
      revoked: true,
      jti: 'of-another-installation',
      expiresAt: new Date(exp * 1_000).toISOString(),
    })
    const listed = await revocations()
    assert.deepEqual(
      listed.map(({ jti, reason }) => [jti, reason]),
      [
        [one.jti, 'admin-api'],
        [two.jti, 'admin-api'],
        ['of-another-installation', 'admin-api'],
      ],
    )
    for (const { revokedAt, expiresAt } of listed) {
      assert.match(revokedAt, ISO)
      assert.equal(typeof expiresAt, 'number')
    }
    await world.gateway.restart()
    assert.deepEqual([(await call(one.token)).status, (await revocations()).length], [401, 3])
    const wanted = [422, 'VALIDATION_ERROR', 'token or jti is required']
    assert.deepEqual(refusal(await world.admin('POST', '/admin/session-token/revoke', {})), wanted)
  })
})

describe('whoever finds a token of the door', () => {
  test('can make it harmless', async () => {
    const token = await world.issue('careless')
    const { token: session } = given<{ token: string }>(
      await world.admin('POST', '/admin/session-token/issue', { skillId: 'careless' }),
    )
    await world.grant({ skillId: 'careless' })
    const call = async (headers: Record<string, string>) => (await world.proxy({ skillId: 'careless' }, headers)).status
    const both = async () => [await call({ 'x-clauth-skill-token': token }), await call(bearer(session))]
    assert.deepEqual(await both(), [200, 200])
    for (const found of [token, session]) {
      assert.equal(
        (await world.ask('POST', '/claviger/v1/tokens/revoke-leaked', { token: found }, JSON_TYPE)).status,
        200,
      )
    }
    assert.deepEqual(await both(), [401, 401])
  })
})

describe('emergency revoke', () => {
  test('is kept from nobody by strangers who guess, with a token of 32 random bytes (CL-18)', async () => {
    const strong = randomBytes(32).toString('hex')
    await using own = await ClauthWorld.start({ admin: strong })
    const guess = async (n: number) => refusal(await own.admin('POST', '/emergency-revoke', undefined, `guess-${n}`))
    for (let n = 0; n < 5; n += 1) assert.equal((await guess(n))[0], 401)
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual((await guess(n)).slice(0, 2), [429, 'RATE_LIMITED'])
      const near = await own.admin('POST', '/emergency-revoke', undefined, strong.slice(1))
      assert.equal(near.status, 429)
    }
    assert.deepEqual((await own.admin('POST', '/emergency-revoke')).json(), { revoked: 1 })
    assert.equal((await own.proxy()).status, 401)
  })

  test('ends grants, tokens, sessions and running calls, and nothing comes back (CL-13)', async () => {
    await using own = await ClauthWorld.start()
    await own.grant({ skillId: 'second' })
    const { token: session } = (
      await own.admin('POST', '/admin/session-token/issue', { skillId: 'My Skill' })
    ).json() as {
      token: string
    }
    const running = own.proxy({ endpoint: own.url('/stall-trickle') })
    await until(() => own.upstream.received('/stall-trickle').length === 1)
    assert.deepEqual((await own.admin('POST', '/emergency-revoke')).json(), { revoked: 2 })
    assert.deepEqual(refusal(await running).slice(0, 2), [403, 'ACCESS_DENIED'])
    await until(() => own.upstream.received('/stall-trickle')[0]?.aborted === true)
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(refusal(await own.proxy())[2], 'Invalid skill token')
      assert.equal((await own.proxy({}, bearer(session))).status, 401)
      const challenge = { provider: 'github', accountId: 'x' }
      const headers = { 'x-clauth-skill-token': own.token }
      assert.equal((await own.ask('POST', '/clauth/v1/identity/challenge', challenge, headers)).status, 401)
      await own.gateway.restart()
    }
    assert.deepEqual((await own.admin('POST', '/emergency-revoke', undefined)).json(), { revoked: 0 })
    own.token = await own.issue('My Skill')
    assert.equal(refusal(await own.proxy())[1], 'ACCESS_DENIED')
    await own.grant({})
    assert.equal((await own.proxy()).status, 200)
  })

  test('is not lost, whatever else is asked at the same time: 100 trials (CL-01)', async () => {
    await using own = await ClauthWorld.start()
    const active = async () =>
      ((await own.ask('GET', '/clauth/v1/status')).json() as { activeGrants: number }).activeGrants
    let lost = 0
    for (let trial = 0; trial < 100; trial += 1) {
      await own.grant({ rateLimitPerMinute: 1_000 })
      own.token = await own.issue('My Skill')
      const others = [own.proxy(), own.proxy({ scope: 'github:write' }), active(), own.proxy(), own.issue(`s${trial}`)]
      const revoked = own.admin('POST', '/emergency-revoke')
      assert.equal(((await revoked).json() as { revoked: number }).revoked, 1)
      const later = await Promise.all([own.proxy(), own.proxy()])
      await Promise.all(others)
      if ((await active()) !== 0 || later.some(({ status }) => status !== 401)) lost += 1
    }
    assert.equal(lost, 0)
    await own.gateway.kill9()
    await own.gateway.restart()
    assert.equal(await active(), 0)
  })
})

describe('a test alert', () => {
  test('goes to an endpoint of the operators, signed; elsewhere only to what is public (CL-29)', async () => {
    const seen: { body: Record<string, unknown>; headers: NodeJS.Dict<string | string[]> }[] = []
    const receiver = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        seen.push({ body: JSON.parse(Buffer.concat(chunks).toString()), headers: request.headers })
        response.writeHead(request.url === '/fails' ? 500 : 204).end()
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    const base = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
    const ask = async (url: string) => given<object>(await world.admin('POST', '/admin/alerts/test', { url }))
    assert.deepEqual(await ask(`${base}/hook`), { ok: false, url: `${base}/hook` })
    assert.equal(seen.length, 0)
    for (const path of ['/hook', '/fails']) {
      await world.gateway.does('POST', '/webhooks', {
        url: `${base}${path}`,
        events: ['audit.doubt'],
        addresses: ['127.0.0.1'],
      })
    }
    assert.deepEqual(await ask(`${base}/hook`), { ok: true, url: `${base}/hook` })
    assert.deepEqual(await ask(`${base}/fails`), { ok: false, url: `${base}/fails` })
    const { timestamp, ...body } = seen[0]!.body
    const wanted = { severity: 'info', category: 'test', message: 'Clauth alert test', metadata: { test: true } }
    assert.deepEqual(body, wanted)
    assert.match(timestamp as string, ISO)
    assert.match(String(seen[0]!.headers['webhook-signature']), /^v1,/)
    assert.deepEqual(refusal(await world.admin('POST', '/admin/alerts/test', {})), [
      422,
      'VALIDATION_ERROR',
      'url is required',
    ])
    for (const url of ['not a url', 'file:///etc/passwd', 'http://169.254.169.254/']) {
      assert.deepEqual(await ask(url), { ok: false, url })
    }
    receiver.closeAllConnections()
    receiver.close()
  })
})
