// What a service says of a credential, asked through the gate.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import { loopback } from './instruments/world.ts'

const GOOD = 'sk-good-0123456789abcdef'
let gateway: Gateway
let upstream: RecordingUpstream
before(async () => {
  upstream = await RecordingUpstream.start()
  const json = { 'content-type': 'application/json' }
  upstream.on('who', (request, response) => {
    const known = request.headers.authorization === `Bearer ${GOOD}`
    response.writeHead(known ? 200 : 401, json).end(JSON.stringify(known ? { user: { login: 'octo' } } : {}))
  })
  upstream.on('graphql', (request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { query } = JSON.parse(body || '{}')
      const said = query === '{ viewer { id } }' && request.headers['x-version'] === '7'
      response.writeHead(said ? 200 : 400, json).end(JSON.stringify({ data: { viewer: { id: 4711 } } }))
    })
  })
  upstream.on('echo', (request, response) => {
    response.writeHead(200, json).end(JSON.stringify({ user: { login: request.headers.authorization } }))
  })
  upstream.on('nobody', (_, response) => void response.writeHead(200, json).end('{"ok":false}'))
  upstream.on('broken', (_, response) => void response.writeHead(503).end())
  gateway = await Gateway.start()
  const shared = { origins: [upstream.origin], addresses: loopback, injection: { kind: 'bearer' } }
  const probe = (path: string) => ({ probe: { method: 'GET', path, pointer: '/user/login' } })
  const services: readonly [string, object, string][] = [
    ['good', probe('/who'), GOOD],
    ['bad', probe('/who'), 'sk-other-0123456789abc'],
    ['nobody', probe('/nobody'), GOOD],
    ['broken', probe('/broken'), GOOD],
    ['echo', probe('/echo'), GOOD],
    ['silent', {}, GOOD],
    [
      'graph',
      {
        probe: { method: 'POST', path: '/graphql', body: '{"query":"{ viewer { id } }"}', pointer: '/data/viewer/id' },
        actions: {
          ask: { method: 'POST', path: '/graphql', scopes: ['graph:graphql:any'], headers: { 'x-version': '7' } },
        },
      },
      GOOD,
    ],
  ]
  for (const [name, more, secret] of services) {
    await gateway.does('POST', '/services', { name, ...shared, ...more })
    await gateway.does('POST', '/credentials', { handle: `${name}-main`, service: name, secret })
  }
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

interface Checked {
  readonly outcome: string
  readonly identity?: string
  readonly status?: number
  readonly why?: string
  readonly call?: string
}
const check = async (handle: string, code = 0): Promise<Checked> =>
  JSON.parse((await asOperator(gateway, `credential check ${handle} --json`, code)).stdout)

describe('claviger credential check', () => {
  const rows: readonly [string, string, string | undefined, number | undefined][] = [
    ['good', 'works', 'octo', 200],
    ['graph', 'works', '4711', 200],
    ['bad', 'refused', undefined, 401],
    ['nobody', 'refused', undefined, 200],
    ['broken', 'unknown', undefined, 503],
    ['silent', 'unknown', undefined, undefined],
  ]
  for (const [name, outcome, identity, status] of rows) {
    test(`says ${outcome} of ${name}`, async () => {
      const said = await check(`${name}-main`, outcome === 'works' ? 0 : 1)
      assert.deepEqual([said.outcome, said.identity, said.status], [outcome, identity, status])
      assert.equal(said.why === undefined, outcome === 'works')
    })
  }

  test('shows no secret that comes back, and knows no handle that is not there', async () => {
    const said = await check('echo-main')
    assert.ok(!JSON.stringify(said).includes(GOOD))
    assert.match(said.identity ?? '', /redacted/)
    await asOperator(gateway, 'credential check no-such', 1)
  })

  test('is a call on record, and leaves no authority behind', async () => {
    const { call } = await check('good-main')
    const { items } = await gateway.does<{ items: { type: string; rid?: string }[] }>('GET', '/audit/records?limit=500')
    const types = items.filter(({ rid }) => rid === call).map(({ type }) => type)
    assert.ok(types.includes('intent') && types.includes('outcome'), types.join())
    const grants = await gateway.does<{ items: { status: string }[] }>('GET', '/grants?agent=credential-check')
    assert.ok(grants.items.length > 0 && grants.items.every(({ status }) => status !== 'active'))
    const tokens = await gateway.does<{ items: { agent?: string; status: string }[] }>('GET', '/tokens')
    const own = tokens.items.filter(({ agent }) => agent === 'credential-check')
    assert.ok(own.length > 0 && own.every(({ status }) => status === 'revoked'))
  })

  test('takes its turn where many are asked at once', async () => {
    const ask = (name: string) => gateway.does<Checked>('POST', `/credentials/${name}-main/check`)
    const said = await Promise.all(['good', 'bad', 'good', 'good', 'graph'].map(ask))
    assert.deepEqual(
      said.map(({ outcome }) => outcome),
      ['works', 'refused', 'works', 'works', 'works'],
    )
  })

  test('is refused by the gate like any call, and says so', async () => {
    await gateway.does('POST', '/agents/credential-check/lock')
    const said = await check('good-main', 1)
    assert.deepEqual([said.outcome, said.why?.includes('agent_not_active')], ['unknown', true])
    await gateway.does('POST', '/agents/credential-check/unlock')
    assert.equal((await check('good-main')).outcome, 'works')
  })
})
