// The agentic-credential-vault door by its contract: order of checks, codes, admin, audit rows.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import {
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

const SECRET = 'sk-live-0123456789abcdef'
let gateway: Gateway
let upstream: RecordingUpstream
let main: VaultAgent
before(async () => {
  upstream = await RecordingUpstream.start()
  upstream.on('v', mirror)
  gateway = await Gateway.start({ env: vaultEnv })
  main = await VaultAgent.add(gateway, 'main')
  const form = serviceForm('shop', upstream.origin, { masterSecret: SECRET, agentScopes: { limited: [] } })
  done(await asAdmin(gateway, 'addService', { ...form, allowedActions: [...form.allowedActions, 'ghost'] }))
  done(await asAdmin(gateway, 'addService', { ...serviceForm('other', upstream.origin), allowedActions: ['data.get'] }))
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

describe('POST /vault.issueToken', () => {
  const refusals = [
    [{}, 'SERVICE_REQUIRED'],
    [{ service: 'nothing', agentId: 'x' }, 'UNKNOWN_SERVICE'],
    [{ service: 'other', agentId: 'x' }, 'CONTEXT_MISMATCH:agentId'],
    [{ service: 'other' }, 'POLICY_DENY'],
    [{ service: 'shop' }, 'SCOPE_REQUIRED'],
    [{ service: 'shop', scope: [] }, 'SCOPE_REQUIRED'],
    [{ service: 'shop', scope: ['a', 'shop:data:read', 'b'], ttl: 0 }, 'INVALID_SCOPE:a,b'],
    [{ service: 'shop', scope: ['shop:data:read'], ttl: 0 }, 'TTL_INVALID'],
  ] as const
  for (const [body, error] of refusals) {
    test(`answers ${error} to ${JSON.stringify(body)}`, async () => refusedWith(await main.ask(body), error))
  }

  test('gives an agent with an empty entry nothing', async () => {
    const limited = await VaultAgent.add(gateway, 'limited')
    const reply = await limited.ask({ service: 'shop', scope: ['shop:data:read', 'shop:data:write'] })
    refusedWith(reply, 'INSUFFICIENT_SCOPE:shop:data:read,shop:data:write')
  })
})

describe('POST /vault.call', () => {
  const body = { service: 'shop', action: 'data.get', params: { id: '1' } }

  test('checks in the order of the contract', async () => {
    const { token } = await main.issue('shop', ['shop:data:read'], { sessionId: 's' })
    const cases = [
      [{}, 'UNKNOWN_SERVICE'],
      [{ service: 'shop', action: 'nothing' }, 'POLICY_DENY'],
      [{ service: 'other', action: 'data.list' }, 'POLICY_DENY'],
      [body, 'jwt must be provided'],
      [{ ...body, token: 'x' }, 'jwt malformed'],
      [{ ...body, token: `${token.slice(0, -8)}AAAAAAAA` }, 'invalid signature'],
      [{ ...body, token, service: 'other', context: { sessionId: 'x' } }, 'CONTEXT_MISMATCH:sessionId'],
      [{ ...body, token, service: 'other' }, 'SERVICE_MISMATCH'],
      [{ ...body, token, action: 'ghost' }, 'UNKNOWN_ACTION'],
      [{ ...body, token, action: 'data.put', params: {} }, 'INSUFFICIENT_SCOPE:shop:data:write'],
      [{ ...body, token, params: {} }, 'MISSING_PATH_PARAM:id'],
      [{ ...body, token, params: { deep: { x: 1 } } }, 'MISSING_PATH_PARAM:id'],
      [{ ...body, token, params: { id: 1, deep: { x: 1 } } }, 'PARAM_INVALID:deep'],
    ] as const
    for (const [asked, error] of cases) refusedWith(await call(gateway, asked), error)
    refusedWith(await rpc(gateway, '/vault.call', '{"a":'), 'INVALID_JSON', 400)
    refusedWith(await rpc(gateway, '/vault.call', '[1]'), 'INVALID_JSON', 400)
  })

  test('asks for the agent that is stated, by name or id, before the token, and then whether it is the token’s', async () => {
    const other = await VaultAgent.add(gateway, 'other')
    const byId = {
      ...serviceForm('by-id', upstream.origin, { masterSecret: SECRET }),
      allowedAgents: [main.id, 'other'],
    }
    done(await asAdmin(gateway, 'addService', byId))
    const { token } = await main.issue('by-id', ['by-id:data:read'], { agentId: main.id })
    const as = (agentId: unknown, shown = token) =>
      call(gateway, { ...body, token: shown, service: 'by-id', context: { agentId } })
    for (const said of ['main', main.id, undefined, null]) done(await as(said))
    refusedWith(await as('nobody', 'x'), 'POLICY_DENY')
    refusedWith(await as('other', 'x'), 'jwt malformed')
    for (const said of ['other', other.id]) refusedWith(await as(said), 'CONTEXT_MISMATCH:agentId')
    done(await asAdmin(gateway, 'updateService', { service: 'by-id', allowedAgents: ['other'] }))
    for (const said of ['other', other.id]) refusedWith(await as(said), 'CONTEXT_MISMATCH:agentId')
    for (const said of ['main', main.id, undefined]) refusedWith(await as(said), 'POLICY_DENY')
  })

  test('says that a token is over, and that it is for somebody else', async () => {
    const { token } = await main.issue('shop', ['shop:data:read'], { ttl: 1 })
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    refusedWith(await call(gateway, { ...body, token }), 'jwt expired')
    await using elsewhere = await Gateway.start({ env: { ...vaultEnv, VAULT_AUDIENCE: 'somebody-else' } })
    const agent = await VaultAgent.add(elsewhere, 'main')
    done(await asAdmin(elsewhere, 'addService', serviceForm('shop', upstream.origin, { masterSecret: SECRET })))
    const issued = await agent.issue('shop', ['shop:data:read'])
    await elsewhere.restart({ VAULT_AUDIENCE: 'the-first' })
    const reply = await call(elsewhere, { ...body, token: issued.token })
    refusedWith(reply, 'jwt audience invalid. expected: the-first')
  })

  test('sends what the contract says: path, query, body, headers', async () => {
    const { token } = await main.issue('shop', ['shop:data:read', 'shop:data:write'])
    const put = await call(gateway, {
      token,
      service: 'shop',
      action: 'data.put',
      params: { id: 'ä', list: [1, { a: null }] },
    })
    assert.deepEqual(done(put), { method: 'PUT', url: '/v/data/%C3%A4', body: { list: [1, { a: null }] } })
    assert.deepEqual(upstream.receipts.at(-1)?.headers.get('content-type'), ['application/json'])
    assert.equal(put.headers['x-ratelimit-remaining'], '41')
    assert.equal(put.headers['x-own'], undefined)
    const get = await call(gateway, { token, ...body, params: { id: 1, q: 'a&b=c', n: 2, on: true } })
    assert.deepEqual(done(get), { method: 'GET', url: '/v/data/1?q=a%26b%3Dc&n=2&on=true' })
  })
})

describe('POST /vault.admin.*', () => {
  const add = (body: object) => asAdmin(gateway, 'addService', body)
  const form = () => serviceForm('made', upstream.origin)
  const refusals = [
    [{ service: '' }, 'SERVICE_REQUIRED'],
    [{ baseUrl: undefined }, 'BASEURL_REQUIRED'],
    [{ baseUrl: 'https://a:b@example.com' }, 'BASEURL_INVALID'],
    [{ baseUrl: 'https://example.com/?a=b' }, 'BASEURL_INVALID'],
    [{ baseUrl: 'https://example.com/#a' }, 'BASEURL_INVALID'],
    [{ baseUrl: 'ftp://example.com' }, 'BASEURL_INVALID'],
    [{ baseUrl: 'https://10.0.0.1' }, 'BASEURL_INVALID'],
    [{ allowedAgents: [] }, 'ALLOWEDAGENTS_REQUIRED'],
    [{ allowedActions: [1] }, 'ALLOWEDACTIONS_INVALID'],
    [{ allowedScopes: undefined }, 'ALLOWEDSCOPES_REQUIRED'],
    [{ endpoints: undefined }, 'ENDPOINTS_REQUIRED'],
    [{ endpoints: { 'a b': {} } }, 'ENDPOINT_NAME_INVALID'],
    [{ endpoints: { 'x.y': 1 } }, 'ENDPOINT_INVALID:x.y'],
    [{ endpoints: { 'x.y': { path: '/' } } }, 'ENDPOINT.X.Y.METHOD_REQUIRED'],
    [{ endpoints: { 'x.y': { method: 'GET' } } }, 'ENDPOINT.X.Y.PATH_REQUIRED'],
    [{ endpoints: { x: { method: 'GET', path: '/', requiredScope: 'a' } } }, 'ENDPOINT_REQUIRED_SCOPE_INVALID:x'],
    [{ endpoints: { x: { method: 'GET', path: '/../a' } } }, 'ENDPOINT_INVALID:x'],
    [{ endpoints: { x: { method: 'GET', path: '/', headers: { host: 'a' } } } }, 'ENDPOINT_INVALID:x'],
    [{ agentscopes: {} }, 'FIELD_NOT_ALLOWED:agentscopes'],
    [{ service: 'shop' }, 'SERVICE_ALREADY_EXISTS'],
  ] as const
  for (const [change, error] of refusals) {
    test(`addService answers ${error} to ${JSON.stringify(change)}`, async () => {
      refusedWith(await add({ ...form(), ...change }), error, 400)
    })
  }

  test('a service file is taken as it is (§3), and its list shows no scheme', async () => {
    const file = {
      baseUrl: 'https://api.example.com',
      secretRef: 'my_key',
      authHeader: 'X-Api-Key',
      authScheme: 'Token',
      allowedAgents: ['main'],
      allowedActions: ['issue', 'data.get'],
      allowedScopes: ['myapi:data:read'],
      agentScopes: { limited: [] },
      endpoints: { 'data.get': { method: 'GET', path: '/data/{id}', requiredScope: ['myapi:data:read'], headers: {} } },
    }
    done(await add({ service: 'myapi', ...file }))
    const { services } = done<{ services: Listed[] }>(await asAdmin(gateway, 'listServices'))
    const { authScheme: _, endpoints, ...shown } = file
    const listed = services.find(({ service }) => service === 'myapi')
    assert.deepEqual(listed, { service: 'myapi', ...shown, endpointNames: Object.keys(endpoints) })
    done(await asAdmin(gateway, 'removeService', { service: 'myapi' }))
  })

  test('a secret may come before its service, after it, and go', async () => {
    done(await asAdmin(gateway, 'addSecret', { secretRef: 'made_key', secret: 'first-0123456789' }))
    done(await add(form()))
    done(await add({ ...serviceForm('twin', upstream.origin), secretRef: 'made_key' }))
    const sent = () => upstream.receipts.at(-1)?.headers.get('authorization')?.[0]
    const use = async (service: string) => {
      const { token } = await main.issue(service, [`${service}:data:read`])
      return call(gateway, { token, service, action: 'data.list' })
    }
    for (const service of ['made', 'twin']) {
      done(await use(service))
      assert.equal(sent(), 'Bearer first-0123456789')
    }
    done(await asAdmin(gateway, 'addSecret', { secretRef: 'made_key', secret: 'second-0123456789' }))
    for (const service of ['made', 'twin']) {
      done(await use(service))
      assert.equal(sent(), 'Bearer second-0123456789')
    }
    const { token } = await main.issue('made', ['made:data:read'])
    done(await asAdmin(gateway, 'removeSecret', { secretRef: 'made_key' }))
    refusedWith(await call(gateway, { token, service: 'made', action: 'data.list' }), 'MISSING_MASTER_SECRET:made_key')
    done(await asAdmin(gateway, 'addSecret', { secretRef: 'made_key', secret: 'third-0123456789' }))
    done(await call(gateway, { token, service: 'made', action: 'data.list' }))
    assert.equal(sent(), 'Bearer third-0123456789')
    done(await asAdmin(gateway, 'removeService', { service: 'twin' }))
    done(await use('made'))
  })

  test('updateService merges, refuses secrets, and holds at once for tokens that are out', async () => {
    const { token } = await main.issue('shop', ['shop:data:read'])
    for (const key of ['masterSecret', 'secret']) {
      refusedWith(
        await asAdmin(gateway, 'updateService', { service: 'shop', [key]: 'x' }),
        `FIELD_NOT_ALLOWED:${key}`,
        400,
      )
    }
    done(await asAdmin(gateway, 'updateService', { service: 'shop', authHeader: 'X-Key', authScheme: 'Token' }))
    done(await call(gateway, { token, service: 'shop', action: 'data.list' }))
    assert.equal(upstream.receipts.at(-1)?.headers.get('x-key')?.[0], `Token ${SECRET}`)
    done(await asAdmin(gateway, 'updateService', { service: 'shop', allowedAgents: ['nobody'] }))
    refusedWith(await call(gateway, { token, service: 'shop', action: 'data.list' }), 'POLICY_DENY')
    const explicit = await gateway.agent('POST', '/claviger/v1/call', {
      headers: { authorization: `Bearer ${main.credential}`, 'content-type': 'application/json' },
      body: JSON.stringify({ service: 'shop', method: 'GET', path: '/v/data' }),
    })
    assert.equal(explicit.code, 'service_not_granted')
    done(
      await asAdmin(gateway, 'updateService', {
        service: 'shop',
        allowedAgents: ['*'],
        authHeader: null,
        authScheme: null,
      }),
    )
  })

  test('templates: five, GitHub with its 22 actions, and what is merged stays', async () => {
    const { templates } = done<{ templates: string[] }>(await asAdmin(gateway, 'listTemplates'))
    assert.deepEqual(templates, ['anthropic', 'github', 'openai', 'shopify', 'stripe'])
    for (const template of templates)
      done(await asAdmin(gateway, 'loadTemplate', { template, allowedAgents: ['main'] }))
    const { services } = done<{ services: Listed[] }>(await asAdmin(gateway, 'listServices'))
    const github = services.find(({ service }) => service === 'github')!
    assert.deepEqual([github.endpointNames.length, github.allowedActions.length], [22, 23])
    assert.deepEqual(
      [github.secretRef, github.allowedAgents, github.baseUrl],
      ['github_pat', ['main'], 'https://api.github.com'],
    )
    done(await asAdmin(gateway, 'loadTemplate', { template: 'github', masterSecret: 'github_pat_0123456789' }))
    await main.issue('github', ['github:repos:read', 'github:git:write', 'github:prs:write'])
    refusedWith(await asAdmin(gateway, 'loadTemplate', { template: 'nope' }), 'UNKNOWN_TEMPLATE:nope', 400)
    refusedWith(await asAdmin(gateway, 'loadTemplate', {}), 'TEMPLATE_REQUIRED', 400)
  })

  test('refuses whoever has no token, with the status of the endpoint', async () => {
    for (const name of ['listTemplates', 'listServices'])
      refusedWith(await asAdmin(gateway, name, {}, 'x'), 'ADMIN_UNAUTHORIZED')
    refusedWith(await rpc(gateway, '/vault.admin.addSecret', {}), 'ADMIN_UNAUTHORIZED', 400)
    await using without = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
    refusedWith(await asAdmin(without, 'listServices'), 'ADMIN_NOT_CONFIGURED')
    refusedWith(await asAdmin(without, 'removeSecret'), 'ADMIN_NOT_CONFIGURED', 400)
  })
})

interface Listed {
  readonly service: string
  readonly baseUrl: string
  readonly secretRef: string | null
  readonly allowedAgents: string[]
  readonly allowedActions: string[]
  readonly endpointNames: string[]
}

describe('POST /vault.audit.query', () => {
  test('gives rows with the contract’s fields, the last that fit, oldest first', async () => {
    const { token, tokenId } = await main.issue('shop', ['shop:data:read'], { sessionId: 'audited', tool: 'mine' })
    done(await call(gateway, { token, service: 'shop', action: 'data.list' }))
    done(await main.revoke({ tokenId, reason: 'over' }))
    const rows = await main.audit({ filters: { sessionId: 'audited' } })
    assert.deepEqual(
      rows.map(({ event }) => event),
      ['token.issued', 'proxy.call'],
    )
    const context = {
      agentId: 'main',
      sessionId: 'audited',
      taskId: rows[0]!.context,
      skillId: 'default',
      tool: 'mine',
    }
    context.taskId = (rows[0]!.context as { taskId: string }).taskId
    const shared = { service: 'shop', scope: ['shop:data:read'], tokenId, context }
    const [issued, called] = rows.map(({ ts, ...row }) => (assert.ok(ts > 1e12), row))
    assert.deepEqual(issued, { event: 'token.issued', ...shared, ttl: 600 })
    assert.deepEqual(called, {
      event: 'proxy.call',
      ...shared,
      action: 'data.list',
      status: 200,
      upstream: `${upstream.origin}/v/data`,
    })
    const [revoked] = (await main.audit({ filters: { event: 'token.revoked', tokenId } })).map(
      ({ ts: _, ...row }) => row,
    )
    assert.deepEqual(revoked, { event: 'token.revoked', tokenId, reason: 'over' })
    assert.equal((await main.audit({ limit: 1 })).length, 1)
    assert.equal((await main.audit({ limit: null, filters: null })).length > 1, true)
    done(await main.revoke({ tokenId, reason: null }))
    assert.deepEqual(await main.audit({ filters: { service: 'nowhere' } }), [])
  })

  test('is empty for an agent that did nothing', async () => {
    assert.deepEqual(await (await VaultAgent.add(gateway, 'idle')).audit(), [])
  })
})

test('the door has a listener of its own, which serves nothing else', async () => {
  await using own = await Gateway.start({ env: { ...vaultEnv, CLAVIGER_VAULT_LISTEN: 'unix:own.sock' } })
  const { send } = await import('./instruments/send.ts')
  const ask = (method: string, path: string) =>
    send({ socketPath: `${own.folder}/own.sock`, method, path, headers: { host: 'x' } })
  assert.equal((done(await ask('GET', '/health')) as { ok: boolean }).ok, true)
  refusedWith(await ask('GET', '/vault.call'), 'NOT_FOUND', 404)
  refusedWith(await ask('POST', '/claviger/v1/call'), 'NOT_FOUND', 404)
})
