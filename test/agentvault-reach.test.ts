// What the vault's door gives reaches no further than the door, and ends where the door says so.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import {
  ADMIN_TOKEN,
  asAdmin,
  call,
  done,
  mirror,
  refusedWith,
  rpc,
  VaultAgent,
  vaultEnv,
} from './instruments/vault-client.ts'

const SECRET = 'sk-live-0123456789abcdef'
let gateway: Gateway
let upstream: RecordingUpstream
let tony: VaultAgent
let limited: VaultAgent
before(async () => {
  upstream = await RecordingUpstream.start()
  upstream.on('v', mirror)
  gateway = await Gateway.start({ env: vaultEnv })
  tony = await VaultAgent.add(gateway, 'tony')
  limited = await VaultAgent.add(gateway, 'limited')
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

const add = async (service: string, more: object) => {
  const known = { service, baseUrl: upstream.origin, secretRef: `${service}_key`, masterSecret: SECRET }
  done(await asAdmin(gateway, 'addService', { ...known, allowedAgents: ['tony', 'limited'], ...more }))
}
const native = (who: VaultAgent, path: string) =>
  gateway.agent('GET', path, { headers: { authorization: `Bearer ${who.credential}` } })
const deniedNatively = async (who: VaultAgent, path: string) => {
  const reply = await native(who, path)
  assert.deepEqual([reply.status, (reply.json() as { code: string }).code], [403, 'service_not_granted'], path)
}
/** What passes by the vault's own checks, whatever they are, does not pass. */
test('a grant that the door made opens nothing on other ways in', async () => {
  const get = (path: string, requiredScope: string[]) => ({ method: 'GET', path, requiredScope })
  const allowedActions = ['issue', 'data.get']
  await add('two', {
    allowedActions,
    allowedScopes: ['two:read'],
    endpoints: { 'data.get': get('/v/data/{id}', ['two:read']) },
  })
  await add('fixed', {
    allowedActions,
    allowedScopes: ['fixed:pub:read'],
    endpoints: { 'data.get': get('/v/search?vis=public&q={q}', ['fixed:pub:read']) },
  })
  await add('none', {
    allowedActions,
    allowedScopes: ['none:a:read'],
    agentScopes: { limited: [] },
    endpoints: { 'data.get': { method: 'GET', path: '/v/open' } },
  })
  await add('noissue', {
    allowedActions: ['data.get'],
    allowedScopes: ['noissue:a:read'],
    endpoints: { 'data.get': get('/v/x', ['noissue:a:read']) },
  })
  const { token } = await tony.issue('two', ['two:read'])
  done(await call(gateway, { token, service: 'two', action: 'data.get', params: { id: '1' } }))
  const seen = upstream.receipts.length
  await deniedNatively(tony, '/to/two/v/data/1')
  await deniedNatively(tony, '/to/two/v/admin/secrets')
  await deniedNatively(tony, '/to/fixed/v/search?vis=all&q=x')
  await deniedNatively(limited, '/to/none/v/open')
  await deniedNatively(tony, '/to/noissue/v/x')
  assert.equal(upstream.receipts.length, seen)
})

test('an operator’s grant opens the other ways in, and neither takes the other’s place', async () => {
  const view = await gateway.does<{ id: string }>('POST', '/grants', {
    ...{ agent: 'tony', service: 'two', scopes: ['two:data.get', 'two:read'] },
  })
  assert.equal((await native(tony, '/to/two/v/data/1')).status, 200)
  const { token } = await tony.issue('two', ['two:read'])
  const ask = () => call(gateway, { token, service: 'two', action: 'data.get', params: { id: '1' } })
  done(await ask())
  await gateway.does('DELETE', `/grants/${view.id}`)
  done(await ask())
  await deniedNatively(tony, '/to/two/v/data/1')
})

test('an agent that is revoked at the door has no grants there, and gets none until an operator gives it back', async () => {
  const { token } = await tony.issue('two', ['two:read'])
  const ask = () => call(gateway, { token, service: 'two', action: 'data.get', params: { id: '1' } })
  done(await ask())
  const live = async () => {
    const { items } = await gateway.does<{ items: { door?: string; status: string }[] }>('GET', '/grants?agent=tony')
    return items.filter(({ door, status }) => door === 'agentvault' && status === 'active').length
  }
  assert.ok((await live()) > 0)
  done(await rpc(gateway, '/vault.revoke', { agentId: 'tony' }, ADMIN_TOKEN))
  assert.equal(await live(), 0)
  refusedWith(await ask(), 'AGENT_REVOKED')
  await add('later', {
    allowedActions: ['issue', 'x.get'],
    allowedScopes: ['later:a:read'],
    endpoints: { 'x.get': { method: 'GET', path: '/v/x', requiredScope: ['later:a:read'] } },
  })
  assert.equal(await live(), 0)
  const { items } = await gateway.does<{ items: { id: string; kind: string; value: string }[] }>(
    'GET',
    '/agentvault/revocations',
  )
  const own = items.find(({ kind, value }) => kind === 'agent' && value === tony.id)!
  await gateway.does('DELETE', `/agentvault/revocations/${own.id}`)
  done(await ask())
})

test('what a template says of its query nobody says again, however it is written', async () => {
  await add('query', {
    allowedActions: ['issue', 'search'],
    allowedScopes: ['query:pub:read'],
    endpoints: { search: { method: 'GET', path: '/v/search?vis=public&q={q}', requiredScope: ['query:pub:read'] } },
  })
  const { token } = await limited.issue('query', ['query:pub:read'])
  const search = (params: object) => call(gateway, { token, service: 'query', action: 'search', params })
  for (const name of ['vis', 'VIS', ' vis', 'vis[]', 'x&vis', 'Q']) {
    refusedWith(await search({ q: 'x', [name]: 'all' }), `PARAM_INVALID:${name}`)
  }
  assert.equal((await search({ q: 'x', ｖis: 'all' })).status, 403)
  refusedWith(await search({ q: 'x', page: '1&vis=all' }), 'PARAM_INVALID:page')
  refusedWith(await search({ q: 'x&vis=all' }), 'PARAM_INVALID:q')
  const half = await rpc(
    gateway,
    '/vault.call',
    `{"token":"${token}","service":"query","action":"search","params":{"q":"\\ud800"}}`,
  )
  assert.ok([400, 403].includes(half.status), half.text())
  const passed = done<{ url: string }>(await search({ q: 'a&b', page: 2, visibility: 'x' }))
  assert.equal(passed.url, '/v/search?vis=public&q=a%26b&page=2&visibility=x')
})

test('an action with two parameters in one segment is no wider in the house than at the door', async () => {
  const form = {
    allowedActions: ['issue', 'compare'],
    allowedScopes: ['pair:a:read'],
    endpoints: { compare: { method: 'GET', path: '/v/{base}...{head}', requiredScope: ['pair:a:read'] } },
  }
  await add('pair', form)
  await gateway.does('POST', '/grants', { agent: 'limited', service: 'pair', scopes: ['pair:compare'] })
  assert.equal((await native(limited, '/to/pair/v/main...topic')).status, 200)
  const seen = upstream.receipts.length
  for (const path of ['secrets', 'main..topic', '...topic', 'main...']) {
    const reply = await native(limited, `/to/pair/v/${path}`)
    assert.deepEqual([reply.status, (reply.json() as { code: string }).code], [403, 'scope_not_granted'], path)
  }
  assert.equal(upstream.receipts.length, seen)
  const { token } = await tony.issue('pair', ['pair:a:read'])
  done(await call(gateway, { token, service: 'pair', action: 'compare', params: { base: 'a', head: 'b-c' } }))
})

test('a path that the house cannot say exactly is refused', async () => {
  const rows: readonly [string, string[]][] = [
    ['/v/{a}{b}', []],
    ['/v/{a}-{b}', ['b']],
    ['/v/x{a}', ['a']],
  ]
  for (const [path, multiSegment] of rows) {
    const endpoints = { 'x.get': { method: 'GET', path, requiredScope: ['odd:a:read'], multiSegment } }
    const form = { service: 'odd', baseUrl: upstream.origin, secretRef: 'odd_key', allowedAgents: ['tony'] }
    const lists = { allowedActions: ['x.get'], allowedScopes: ['odd:a:read'] }
    refusedWith(await asAdmin(gateway, 'addService', { ...form, ...lists, endpoints }), 'ENDPOINT_INVALID:x.get', 400)
  }
})

test('a service that the door made by the name of an LLM vendor is not given the vendor’s key', async () => {
  await add('openai', {
    allowedActions: ['data.get'],
    allowedScopes: ['openai:a:read'],
    endpoints: { 'data.get': { method: 'GET', path: '/v/x', requiredScope: ['openai:a:read'] } },
  })
  const file = join(gateway.folder, 'openai.key')
  writeFileSync(file, 'sk-of-the-operator-0123456789', { mode: 0o600 })
  const astray = await asOperator(gateway, `llm key add openai --secret-file ${file}`, 1)
  assert.match(astray.stderr, /llm_service_elsewhere/)
})
