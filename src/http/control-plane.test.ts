import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { z } from 'zod'
import { addressSet } from '../ground/addresses.ts'
import { problemsOf } from '../ground/problem.ts'
import { Secret } from '../ground/secret.ts'
import { hostNames } from './check-head.ts'
import { clientAddresses } from './client-address.ts'
import { buildControlPlane } from './control-plane.ts'
import { bind, bindReadyMade, endpoint } from './endpoint.ts'
import { type Listener, listenTcp } from './listen.ts'
import { httpProblem } from './problems.ts'

const thing = endpoint({
  method: 'POST',
  path: '/claviger/v1/things/{name}',
  caller: 'agent',
  summary: 'A thing',
  params: z.strictObject({ name: z.string().regex(/^[a-z]+$/) }),
  body: z.strictObject({ count: z.int(), note: z.string().optional() }),
  reply: z.object({ name: z.string(), count: z.int() }),
  status: 201,
})
const list = endpoint({
  method: 'GET',
  path: '/claviger/v1/things',
  caller: 'anyone',
  summary: 'Things',
  reply: z.object({ items: z.array(z.string()) }),
})
const made = endpoint({
  method: 'GET',
  path: '/claviger/v1/made',
  caller: 'anyone',
  summary: 'Made once',
  reply: z.object({ items: z.array(z.string()) }),
  readyMade: true,
  cacheSeconds: 60,
})
const broken = endpoint({
  method: 'POST',
  path: '/claviger/v1/broken',
  caller: 'anyone',
  summary: 'Fails',
  body: z.strictObject({ how: z.string() }),
  reply: z.object({}),
})
const boom = problemsOf({ promised: { status: 409, title: 'Promised', hint: 'Do otherwise' } })

const bugs: unknown[] = []
let listener: Listener
let base: string

before(async () => {
  let count = 0
  const app = await buildControlPlane<string | undefined>({
    endpoints: [
      bind(
        thing,
        ({ params, body }) =>
          ({ name: params.name, count: body.count, extra: 'stripped' }) as { name: string; count: number },
      ),
      bind(list, () => ({ items: [] })),
      bindReadyMade(made, () => Buffer.from('{ "items": [] }')),
      bind(broken, ({ body }) => {
        if (body.how === 'promised') throw boom('promised', { detail: 'this once', facts: { path: '/x' } })
        throw new Error(`bug with ${Secret.fromText('hunter2hunter2').reveal().toString()}`)
      }),
    ],
    authenticate: ({ headers }, { caller }) => {
      if (caller === 'anyone') return undefined
      if (headers.authorization !== 'Bearer good') throw httpProblem('unauthenticated')
      return 'somebody'
    },
    clientOf: clientAddresses(addressSet([])),
    nextRid: () => `call_${count++}`,
    onBug: (error) => bugs.push(error),
  })
  const options = {
    handle: (req: Parameters<typeof app.routing>[0], res: Parameters<typeof app.routing>[1]) => app.routing(req, res),
    nextRid: () => `call_${count++}`,
  }
  listener = await listenTcp({ ...options, hosts: (port) => hostNames('127.0.0.1', port, []) }, '127.0.0.1', 0)
  base = `http://127.0.0.1:${listener.port}`
})
after(() => listener.close(0))

async function send(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}) {
  const all = {
    authorization: 'Bearer good',
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...headers,
  }
  const answer = await request(base + path, {
    method: method as 'GET',
    headers: all,
    ...(body !== undefined && { body }),
  })
  const text = await answer.body.text()
  return {
    status: answer.statusCode,
    headers: answer.headers,
    text,
    json: text.startsWith('{') ? JSON.parse(text) : undefined,
  }
}

describe('the control plane', () => {
  test('answers a good call, strips what the reply does not promise, and names the request', async () => {
    const { status, json, headers } = await send('POST', '/claviger/v1/things/abc', '{"count":3}')
    assert.equal(status, 201)
    assert.deepEqual(json, { name: 'abc', count: 3 })
    assert.match(String(headers['claviger-request-id']), /^call_/)
  })

  test('sends a ready-made reply byte for byte and lets it be kept; anything else is kept by nobody', async () => {
    const { status, text, headers } = await send('GET', '/claviger/v1/made')
    assert.equal(status, 200)
    assert.equal(text, '{ "items": [] }')
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['cache-control'], 'public, max-age=60')
    for (const path of ['/claviger/v1/things', '/claviger/v1/made?x=1', '/claviger/v1/nothing'])
      assert.equal((await send('GET', path)).headers['cache-control'], 'no-store', path)
  })

  const bad: [
    name: string,
    expected: string,
    method: string,
    path: string,
    body?: string | Buffer,
    headers?: Record<string, string>,
  ][] = [
    ['no token', 'unauthenticated', 'POST', '/claviger/v1/things/abc', '{"count":3}', { authorization: '' }],
    ['an unknown member', 'request_invalid', 'POST', '/claviger/v1/things/abc', '{"count":3,"admin":true}'],
    ['a wrong type', 'request_invalid', 'POST', '/claviger/v1/things/abc', '{"count":"3"}'],
    ['a float for an integer', 'request_invalid', 'POST', '/claviger/v1/things/abc', '{"count":3.5}'],
    ['no body', 'request_invalid', 'POST', '/claviger/v1/things/abc'],
    ['an empty body', 'json_invalid', 'POST', '/claviger/v1/things/abc', ''],
    ['half a body', 'json_invalid', 'POST', '/claviger/v1/things/abc', '{"count":'],
    ['a member twice', 'json_invalid', 'POST', '/claviger/v1/things/abc', '{"count":3,"count":4}'],
    ['a byte order mark', 'json_invalid', 'POST', '/claviger/v1/things/abc', '\ufeff{"count":3}'],
    [
      'bytes that are no UTF-8',
      'json_invalid',
      'POST',
      '/claviger/v1/things/abc',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ],
    ['an array', 'request_invalid', 'POST', '/claviger/v1/things/abc', '[1]'],
    ['a bare null', 'request_invalid', 'POST', '/claviger/v1/things/abc', 'null'],
    ['deep nesting', 'json_invalid', 'POST', '/claviger/v1/things/abc', '['.repeat(5_000)],
    ['__proto__', 'json_invalid', 'POST', '/claviger/v1/things/abc', '{"count":3,"__proto__":{"a":1}}'],
    [
      'another media type',
      'media_type_refused',
      'POST',
      '/claviger/v1/things/abc',
      'count=3',
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    [
      'text/plain',
      'media_type_refused',
      'POST',
      '/claviger/v1/things/abc',
      '{"count":3}',
      { 'content-type': 'text/plain' },
    ],
    ['a bad parameter', 'request_invalid', 'POST', '/claviger/v1/things/ABC', '{"count":3}'],
    ['a NUL in the path', 'request_invalid', 'POST', '/claviger/v1/things/a%00', '{"count":3}'],
    ['a broken escape', 'request_invalid', 'POST', '/claviger/v1/things/%zz', '{"count":3}'],
    ['a query that nobody asked for', 'request_invalid', 'GET', '/claviger/v1/things?admin=1'],
    ['an unknown path', 'endpoint_unknown', 'GET', '/claviger/v2/things'],
    ['two slashes', 'endpoint_unknown', 'GET', '//'],
    ['another method', 'method_refused', 'DELETE', '/claviger/v1/things'],
    [
      'a large body of an agent',
      'body_too_large',
      'POST',
      '/claviger/v1/things/abc',
      `{"count":3,"note":"${'x'.repeat(70_000)}"}`,
    ],
    ['a body of anyone', 'body_too_large', 'POST', '/claviger/v1/broken', `{"how":"${'x'.repeat(5_000)}"}`],
    ['a body for nothing', 'body_too_large', 'POST', '/claviger/v2/things', `{"how":"${'x'.repeat(5_000)}"}`],
    ['a promised failure', 'promised', 'POST', '/claviger/v1/broken', '{"how":"promised"}'],
  ]
  for (const [name, expected, method, path, body, headers] of bad) {
    test(`refuses ${name} with ${expected}`, async () => {
      const { status, json, headers: answered } = await send(method, path, body, headers)
      assert.equal(json?.code, expected)
      assert.equal(json.status, status)
      assert.ok(status >= 400 && status < 500, String(status))
      assert.match(String(answered['content-type']), /^application\/problem\+json/)
      assert.match(String(answered['proxy-status']), /^claviger; error=/)
      assert.doesNotMatch(JSON.stringify(json), /\.ts:|node_modules|at \w+ \(/)
    })
  }

  test('a bug gives internal_error, a request id, and nothing of the error', async () => {
    const before = bugs.length
    const { status, text, json } = await send('POST', '/claviger/v1/broken', '{"how":"bug"}')
    assert.equal(status, 500)
    assert.equal(json.code, 'internal_error')
    assert.ok(json.requestId)
    assert.doesNotMatch(text, /hunter2|stack|Error:/)
    assert.equal(bugs.length, before + 1)
  })
})
