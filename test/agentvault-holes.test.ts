// The holes of the original (AV-01 to AV-18, section 8 of the contract): each as the contract wants it here.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Gateway } from './instruments/gateway.ts'
import { claimsOf } from './instruments/proofs.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import {
  ADMIN_TOKEN,
  asAdmin,
  call,
  done,
  mirror,
  refusedWith,
  rpc,
  serviceForm,
  VaultAgent,
  vaultEnv,
} from './instruments/vault-client.ts'
import { until } from './instruments/wait.ts'

const SECRET = 'sk-live-0123456789abcdef'
const READ = ['shop:data:read']
let gateway: Gateway
let upstream: RecordingUpstream
let tony: VaultAgent
let mallory: VaultAgent
before(async () => {
  upstream = await RecordingUpstream.start()
  upstream.on('v', mirror)
  upstream.on('moved', (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:9/x' }).end('moved'))
  upstream.on('shut', (_, response) => void response.writeHead(403).end('{"error":"POLICY_DENY"}'))
  upstream.on('say', (request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', link: `<https://x/?k=${SECRET}>` })
    response.end(`you sent ${request.headers.authorization} ${Buffer.from(SECRET).toString('base64')}`)
  })
  upstream.on('bytes', (_, response) => void response.writeHead(200).end(Buffer.from([0, 255, 254, 128, 13])))
  upstream.on('large', (_, response) => void response.writeHead(200).end(Buffer.alloc(11 * 1024 * 1024)))
  upstream.on('hang', () => {})
  gateway = await Gateway.start({ env: vaultEnv })
  tony = await VaultAgent.add(gateway, 'tony')
  mallory = await VaultAgent.add(gateway, 'mallory')
  const get = (path: string) => ({ method: 'GET', path, requiredScope: READ })
  const form = serviceForm('shop', upstream.origin, { masterSecret: SECRET })
  const more = Object.fromEntries(
    ['moved', 'shut', 'say', 'bytes', 'large', 'hang'].map((name) => [name, get(`/${name}`)]),
  )
  done(
    await asAdmin(gateway, 'addService', {
      ...form,
      allowedActions: [...form.allowedActions, ...Object.keys(more)],
      endpoints: { ...form.endpoints, ...more },
    }),
  )
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

const ask = async (action: string, more: object = {}) =>
  call(gateway, { token: (await tony.issue('shop', READ)).token, service: 'shop', action, ...more })

describe('who may', () => {
  test('AV-01 a token is for whoever asks, and nobody else asks', async () => {
    refusedWith(await rpc(gateway, '/vault.issueToken', { service: 'shop', scope: READ }), 'AGENT_UNAUTHORIZED')
    const wrong = await rpc(gateway, '/vault.issueToken', { service: 'shop', scope: READ }, 'clv_ak_nothing')
    refusedWith(wrong, 'AGENT_UNAUTHORIZED')
    refusedWith(await mallory.ask({ service: 'shop', scope: READ, agentId: 'tony' }), 'CONTEXT_MISMATCH:agentId')
  })

  test('AV-01 an address that holds its token stands for an agent', async () => {
    const reply = await rpc(gateway, `/a/${tony.credential}/vault.issueToken`, { service: 'shop', scope: READ })
    assert.equal(claimsOf(done<{ token: string }>(reply).token).sub, 'tony')
    assert.ok(!gateway.output().includes(tony.credential))
  })

  test('AV-02 agents see and revoke what is theirs, and strangers nothing', async () => {
    const { tokenId } = await tony.issue('shop', READ, { sessionId: 'of-tony', taskId: 'task-of-tony' })
    for (const body of [{ tokenId }, { sessionId: 'of-tony' }, { taskId: 'task-of-tony' }, { agentId: 'tony' }]) {
      refusedWith(await mallory.revoke(body), 'POLICY_DENY')
      refusedWith(await rpc(gateway, '/vault.revoke', body), 'AGENT_UNAUTHORIZED')
    }
    refusedWith(await rpc(gateway, '/vault.audit.query', {}), 'AGENT_UNAUTHORIZED')
    assert.ok((await tony.audit()).length > 0)
    assert.deepEqual(
      (await mallory.audit()).filter(({ event }) => event !== 'token.issue.denied'),
      [],
    )
    assert.equal(new URL(gateway.url).hostname, '127.0.0.1')
  })

  test('AV-03 the admin token is in no file, no environment of a child, and no answer', async () => {
    refusedWith(await asAdmin(gateway, 'listServices', {}, tony.credential), 'ADMIN_UNAUTHORIZED')
    const listed = await asAdmin(gateway, 'listServices')
    for (const text of [listed.text(), gateway.output()]) assert.ok(!text.includes(ADMIN_TOKEN))
    for (const file of ['claviger.db', 'claviger.db-wal']) {
      assert.ok(!readFileSync(`${gateway.home}/${file}`).includes(ADMIN_TOKEN), file)
    }
  })

  test('AV-04 what is stated must be so; what is left out is the token’s', async () => {
    const { token } = await tony.issue('shop', READ, { sessionId: 's1', taskId: 't1' })
    const state = (context: object) => call(gateway, { token, service: 'shop', action: 'data.list', context })
    for (const [field, value] of [
      ['sessionId', 'auto-x'],
      ['taskId', 't2'],
      ['skillId', 'auto-default'],
      ['agentId', 'mallory'],
    ] as const) {
      refusedWith(await state({ [field]: value }), `CONTEXT_MISMATCH:${field}`)
    }
    done(await state({ agentId: 'tony', sessionId: 's1', taskId: 't1', skillId: 'default', tool: 'other' }))
    done(await state({}))
    done(await ask('data.list', { context: { sessionId: 'anything' } }))
  })

  test('AV-05 what is revoked gets no new token', async () => {
    const other = await VaultAgent.add(gateway, 'revoked')
    const issued = await other.issue('shop', READ, { sessionId: 'gone', taskId: 'done' })
    done(await other.revoke({ sessionId: 'gone' }))
    refusedWith(await other.ask({ service: 'shop', scope: READ, sessionId: 'gone' }), 'SESSION_REVOKED')
    refusedWith(await call(gateway, { token: issued.token, service: 'shop', action: 'data.list' }), 'SESSION_REVOKED')
    done(await rpc(gateway, '/vault.revoke', { taskId: 'done' }, ADMIN_TOKEN))
    refusedWith(await other.ask({ service: 'shop', scope: READ, taskId: 'done' }), 'TASK_REVOKED')
    done(await other.revoke({ agentId: 'revoked' }))
    refusedWith(await other.ask({ service: 'shop', scope: READ }), 'AGENT_REVOKED')
    await gateway.restart()
    refusedWith(await other.ask({ service: 'shop', scope: READ }), 'AGENT_REVOKED')
    await tony.issue('shop', READ, { sessionId: 'gone' }) // another's session of that name is not revoked
    const { items } = await gateway.does<{ items: { id: string; kind: string; value: string }[] }>(
      'GET',
      '/agentvault/revocations',
    )
    const own = items.find(({ kind, value }) => kind === 'agent' && value === other.id)!
    await gateway.does('DELETE', `/agentvault/revocations/${own.id}`)
    assert.equal((await gateway.operator('DELETE', `/agentvault/revocations/${own.id}`)).status, 404)
    await other.issue('shop', READ)
  })

  test('AV-05 an agent that is locked neither gets nor uses tokens', async () => {
    const other = await VaultAgent.add(gateway, 'locked')
    const { token } = await other.issue('shop', READ)
    await gateway.does('POST', '/agents/locked/lock')
    refusedWith(await other.ask({ service: 'shop', scope: READ }), 'AGENT_REVOKED')
    refusedWith(await call(gateway, { token, service: 'shop', action: 'data.list' }), 'AGENT_REVOKED')
  })

  test('AV-07 tokens have a kid; a key that is revoked takes its own along, and the next one signs', async () => {
    const { token, tokenId } = await tony.issue('shop', READ)
    const header = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())
    assert.deepEqual([header.alg, typeof header.kid], ['ES256', 'string'])
    const { sub, aud, jti, service, scope } = claimsOf(token)
    assert.deepEqual(
      { sub, aud, jti, service, scope },
      {
        sub: 'tony',
        aud: 'agentic-credential-vault-proxy',
        jti: tokenId,
        service: 'shop',
        scope: READ,
      },
    )
    await gateway.does('POST', '/signing-keys/rotate', { emergency: true })
    refusedWith(await call(gateway, { token, service: 'shop', action: 'data.list' }), 'invalid signature')
    done(await ask('data.list'))
  })

  test('AV-11 a call without context is its token’s agent’s', async () => {
    done(
      await asAdmin(gateway, 'addService', {
        ...serviceForm('own', upstream.origin),
        secretRef: null,
        allowedAgents: ['tony'],
      }),
    )
    const { token } = await tony.issue('own', ['own:data:read'], { agentId: 'tony' })
    done(await call(gateway, { token, service: 'own', action: 'data.list' }))
    refusedWith(await mallory.ask({ service: 'own', scope: ['own:data:read'] }), 'POLICY_DENY')
  })
})

describe('what goes out and comes back', () => {
  test('AV-06 a redirect is handed over, not followed', async () => {
    const reply = await ask('moved')
    assert.deepEqual([reply.status, reply.text(), reply.headers['x-vault-error']], [302, 'moved', undefined])
  })

  test('AV-08 the record keeps names, and no values', async () => {
    await ask('data.list', { params: { password: 'hunter2-hunter2' } })
    const denied = await tony.issue('shop', READ)
    await call(gateway, { token: denied.token, service: 'shop', action: 'data.put', params: { id: 'patient-4711' } })
    let rows = ''
    await until(async () => {
      rows = JSON.stringify(await tony.audit({ limit: 1_000 }))
      return rows.includes('INSUFFICIENT_SCOPE')
    })
    for (const value of ['hunter2', 'patient-4711', denied.token, SECRET]) assert.ok(!rows.includes(value), value)
    assert.match(rows, /data\?password=\[REDACTED\]/)
    assert.match(rows, /"params":\{"id":"\[REDACTED\]"\}/)
  })

  test('AV-10 AV-12 the secret is scrubbed, and only failures of the vault are marked', async () => {
    const reply = await ask('say')
    assert.equal(reply.status, 200)
    for (const text of [reply.text(), JSON.stringify(reply.headers)]) {
      assert.ok(!text.includes(SECRET) && !text.includes(Buffer.from(SECRET).toString('base64')), text)
    }
    const shut = await ask('shut')
    assert.deepEqual(
      [shut.status, shut.headers['x-vault-error'], shut.text()],
      [403, undefined, '{"error":"POLICY_DENY"}'],
    )
    refusedWith(await ask('nothing'), 'POLICY_DENY')
  })

  const fine = [
    ['README.md', '/v/files/README.md'],
    ['feature/my-branch', '/v/files/feature/my-branch'],
    ['a b/c#d?', '/v/files/a%20b/c%23d%3F'],
  ] as const
  for (const [path, url] of fine) {
    test(`AV-15 ${path} is a path`, async () => {
      assert.deepEqual(done(await ask('file.get', { params: { path } })), { method: 'GET', url })
    })
  }

  for (const path of ['..', 'a/../b', 'a//b', '/a', 'a/', './a', 'a%2Fb', 'a\\b', 'a\nb', 'a\0b', '\uff0e\uff0e/a']) {
    test(`AV-15 ${JSON.stringify(path)} is none`, async () => {
      refusedWith(await ask('file.get', { params: { path } }), 'PARAM_INVALID:path')
    })
  }
  for (const id of ['a/b', '..', '.', '%2e%2e', 'a%2Fb', 'a;b', 'a\u0007', { deep: 1 }]) {
    test(`AV-15 ${JSON.stringify(id)} is no id`, async () => {
      refusedWith(await ask('data.get', { params: { id } }), 'PARAM_INVALID:id')
    })
  }

  for (const ttl of [0, -1, 1.5, '60', 'x', true]) {
    test(`AV-16 a life of ${JSON.stringify(ttl)} is none`, async () => {
      refusedWith(await tony.ask({ service: 'shop', scope: READ, ttl }), 'TTL_INVALID')
    })
  }
  test('AV-16 more than 900 seconds are 900', async () => {
    for (const [ttl, life] of [
      [1, 1],
      [901, 900],
      [1e9, 900],
    ] as const) {
      const { expiresInSec, token } = await tony.issue('shop', READ, { ttl })
      const { iat, exp } = claimsOf(token) as { iat: number; exp: number }
      assert.deepEqual([expiresInSec, exp - iat], [life, life])
    }
  })

  test('AV-17 bytes come as they are, and not without end', async () => {
    assert.deepEqual((await ask('bytes')).body, Buffer.from([0, 255, 254, 128, 13]))
    refusedWith(await ask('large'), 'fetch failed')
  })

  test('a running call ends with its session', async () => {
    const { token } = await tony.issue('shop', READ, { sessionId: 'runs' })
    const running = call(gateway, { token, service: 'shop', action: 'hang' })
    await until(() => upstream.receipts.some(({ url }) => url === '/hang'))
    done(await tony.revoke({ sessionId: 'runs' }))
    refusedWith(await running, 'SESSION_REVOKED')
  })
})

describe('what is stored', () => {
  test('AV-13 anthropic works after one loadTemplate, and null takes an endpoint away', async () => {
    const loaded = await asAdmin(gateway, 'loadTemplate', { template: 'Anthropic', masterSecret: 'sk-ant-0123456789' })
    assert.deepEqual(done(loaded), { ok: true, service: 'anthropic', template: 'anthropic', secretConfigured: true })
    const { services } = done<{ services: Record<string, unknown>[] }>(await asAdmin(gateway, 'listServices'))
    assert.equal(services.find(({ service }) => service === 'anthropic')?.authHeader, 'x-api-key')
    done(await asAdmin(gateway, 'updateService', { service: 'own', endpoints: { 'data.put': null } }))
    const own = done<{ services: Record<string, unknown>[] }>(await asAdmin(gateway, 'listServices'))
    const names = own.services.find(({ service }) => service === 'own')?.endpointNames
    assert.deepEqual(names, ['data.get', 'data.list', 'file.get'])
  })

  test('AV-14 a request that fails leaves neither service nor secret', async () => {
    const before = await gateway.does<{ items: object[] }>('GET', '/credentials')
    const form = serviceForm('half', upstream.origin)
    const bad = [
      [{ ...form, masterSecret: 'short' }, 'MASTERSECRET_INVALID'],
      [{ ...form, masterSecret: 'with\nbreak-and-more' }, 'MASTERSECRET_INVALID'],
      [{ ...form, baseUrl: 'http://example.com', masterSecret: SECRET }, 'BASEURL_INVALID'],
      [{ ...form, masterSecret: SECRET, service: 'shop' }, 'SERVICE_ALREADY_EXISTS'],
    ] as const
    for (const [body, error] of bad) refusedWith(await asAdmin(gateway, 'addService', body), error, 400)
    refusedWith(
      await asAdmin(gateway, 'loadTemplate', { template: 'stripe', masterSecret: 'x' }),
      'MASTERSECRET_INVALID',
      400,
    )
    assert.deepEqual(await gateway.does('GET', '/credentials'), before)
    refusedWith(await tony.ask({ service: 'half', scope: ['x'] }), 'UNKNOWN_SERVICE')
    refusedWith(await asAdmin(gateway, 'removeService', { service: 'stripe' }), 'UNKNOWN_SERVICE', 400)
  })

  test('AV-18 forty requests at once leave every service whole, over a restart', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `many${n}`)
    const forms = names
      .flatMap((name) => [name, name])
      .map((name) => serviceForm(name, upstream.origin, { masterSecret: SECRET }))
    const replies = await Promise.all(forms.map((form) => asAdmin(gateway, 'addService', form)))
    assert.equal(replies.filter(({ status }) => status === 200).length, 20)
    await gateway.restart()
    const { services } = done<{ services: { service: string }[] }>(await asAdmin(gateway, 'listServices'))
    assert.equal(services.filter(({ service }) => service.startsWith('many')).length, 20)
    const { token } = await tony.issue('many7', ['many7:data:read'])
    done(await call(gateway, { token, service: 'many7', action: 'data.list' }))
  })

  test('AV-07 guesses of the admin token cost time, whoever guesses', async () => {
    for (let n = 0; n < 20; n++)
      refusedWith(await asAdmin(gateway, 'addSecret', {}, `guess-${n}`), 'ADMIN_UNAUTHORIZED', 400)
    const reply = await asAdmin(gateway, 'listServices')
    refusedWith(reply, 'RATE_LIMITED', 429)
    assert.match(String(reply.headers['retry-after']), /^[1-9][0-9]*$/)
  })
})

test('AV-09 calls are limited by agent and service', async () => {
  await using limited = await Gateway.start({
    env: { ...vaultEnv, CLAVIGER_VAULT_RPM: '3', CLAVIGER_VAULT_ISSUES_PER_MINUTE: '2' },
  })
  const agent = await VaultAgent.add(limited, 'fast')
  const other = await VaultAgent.add(limited, 'calm')
  done(await asAdmin(limited, 'addService', serviceForm('shop', upstream.origin, { masterSecret: SECRET })))
  const { token } = await agent.issue('shop', READ)
  const body = { token, service: 'shop', action: 'data.list' }
  for (let n = 0; n < 3; n++) done(await call(limited, body))
  const reply = await call(limited, body)
  refusedWith(reply, 'RATE_LIMITED', 429)
  assert.match(String(reply.headers['retry-after']), /^[1-9][0-9]?$/)
  await agent.issue('shop', READ)
  refusedWith(await agent.ask({ service: 'shop', scope: READ }), 'RATE_LIMITED', 429)
  const calm = await other.issue('shop', READ)
  done(await call(limited, { ...body, token: calm.token }))
})

describe('whoever knows an agent’s token', () => {
  test('cannot guess the admin’s beside it', async () => {
    await using own = await Gateway.start({ env: vaultEnv })
    const agent = await VaultAgent.add(own, 'guesser')
    const guess = (token: string) =>
      own.agent('POST', '/vault.revoke', {
        headers: { authorization: `Bearer ${token}`, 'x-api-key': agent.credential },
        body: '{"agentId":"somebody"}',
      })
    const seen = new Set<number>()
    for (let at = 0; at < 25; at += 1) seen.add((await guess(`guess-${at}`)).status)
    assert.deepEqual([...seen], [403, 429])
    assert.equal((await guess(ADMIN_TOKEN)).status, 429)
  })

  test('cannot keep an admin out whose token is 32 random bytes', async () => {
    const strong = randomBytes(32).toString('hex')
    await using own = await Gateway.start({ env: { ...vaultEnv, VAULT_ADMIN_TOKEN: strong } })
    const seen = new Set<number>()
    for (let at = 0; at < 25; at += 1) seen.add((await asAdmin(own, 'listServices', {}, `guess-${at}`)).status)
    assert.deepEqual([...seen], [403, 429])
    done(await asAdmin(own, 'listServices', {}, strong))
  })

  test('has one look at the audit rows at a time', async () => {
    await using own = await Gateway.start({ env: vaultEnv })
    const agent = await VaultAgent.add(own, 'looker')
    const look = () => rpc(own, '/vault.audit.query', { filters: { tokenId: 'none' } }, agent.credential)
    // Whether they meet there is chance: they are tried until they did.
    await until(async () => {
      const statuses = new Set((await Promise.all(Array.from({ length: 8 }, look))).map(({ status }) => status))
      assert.ok(statuses.has(200) && statuses.isSubsetOf(new Set([200, 429])), [...statuses].join())
      return statuses.has(429)
    })
    assert.equal((await look()).status, 200)
  })
})
