import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { send } from '../../test/instruments/send.ts'
import { addressSet } from '../ground/addresses.ts'
import { problemsOf } from '../ground/problem.ts'
import { clientAddresses } from './client-address.ts'
import { type Listener, listenTcp } from './listen.ts'
import { plainRoutes } from './plain-routes.ts'

const promised = problemsOf({ no_blue: { status: 409, title: 'There is no blue' } })
const bugs: unknown[] = []
let listener: Listener

before(async () => {
  let count = 0
  const handle = plainRoutes({
    routes: [
      {
        method: 'POST',
        path: '/paint',
        maxBody: 100,
        handle: async (asked) => ({ status: 200, body: { got: await asked.json() } }),
      },
      {
        method: 'GET',
        path: '/of/{id}/x',
        handle: ({ params, query }) => ({
          status: 201,
          headers: { 'x-a': 'b' },
          body: { ...params, q: query.get('q') },
        }),
      },
      {
        method: 'GET',
        path: '/blue',
        handle: () => {
          throw promised('no_blue', { facts: { retryAfterSeconds: 3 } })
        },
      },
      {
        method: 'GET',
        path: '/bug',
        handle: () => {
          throw new TypeError('secret text')
        },
      },
      {
        method: 'GET',
        path: '/bytes',
        handle: () => ({ status: 200, headers: { 'content-type': 'image/png' }, body: Buffer.from([0, 255]) }),
      },
    ],
    wording: ({ code, status }, rid) => ({ status, headers: { 'x-why': code }, body: { error: code, rid } }),
    clientOf: clientAddresses(addressSet([])),
    onBug: (error) => bugs.push(error),
  })
  const nextRid = () => `call_${count++}`
  listener = await listenTcp({ nextRid, hosts: () => new Set(['127.0.0.1']), handle }, '127.0.0.1', 0)
})
after(() => listener.close(0))

const ask = (method: string, path: string, body?: string | Buffer) =>
  send({ port: listener.port, method, path, ...(body !== undefined && { body }), headers: { host: '127.0.0.1' } })

describe('plainRoutes()', () => {
  test('reads JSON whatever type it is said to be, and nothing as {}', async () => {
    assert.deepEqual((await ask('POST', '/paint', '{"a":[1]}')).json(), { got: { a: [1] } })
    assert.deepEqual((await ask('POST', '/paint')).json(), { got: {} })
  })

  test('gives what stands in path and query, and the route’s own headers', async () => {
    const reply = await ask('GET', '/of/a%2Fb/x?q=1')
    assert.deepEqual([reply.status, reply.headers['x-a'], reply.json()], [201, 'b', { id: 'a/b', q: '1' }])
    assert.deepEqual([...(await ask('GET', '/bytes')).body], [0, 255])
  })

  const refused: readonly (readonly [
    method: string,
    path: string,
    body: string | Buffer | undefined,
    status: number,
    code: string,
  ])[] = [
    ['GET', '/nothing', undefined, 404, 'endpoint_unknown'],
    ['GET', '/paint', undefined, 404, 'endpoint_unknown'],
    ['PUT', '/paint', '{}', 404, 'endpoint_unknown'],
    ['GET', '/of//x', undefined, 404, 'endpoint_unknown'],
    ['GET', '/of/%zz/x', undefined, 404, 'endpoint_unknown'],
    ['GET', '/of/a/b/x', undefined, 404, 'endpoint_unknown'],
    ['POST', '/paint', '{', 400, 'json_invalid'],
    ['POST', '/paint', '{"a":1,"a":2}', 400, 'json_invalid'],
    ['POST', '/paint', Buffer.from([0xff]), 400, 'json_invalid'],
    ['POST', '/paint', `"${'x'.repeat(200)}"`, 413, 'body_too_large'],
    ['GET', '/blue', undefined, 409, 'no_blue'],
    ['GET', '/bug', undefined, 500, 'internal_error'],
  ]
  for (const [method, path, body, status, code] of refused) {
    test(`words ${method} ${path} ${body ?? ''} as ${code}`.slice(0, 80), async () => {
      const reply = await ask(method, path, body)
      assert.deepEqual([reply.status, reply.headers['x-why']], [status, code])
      assert.equal((reply.json() as { error: string }).error, code)
      assert.ok(!reply.text().includes('secret text'))
    })
  }

  test('says when to come again, answers HEAD without a body, and tells of bugs', async () => {
    assert.equal((await ask('GET', '/blue')).headers['retry-after'], '3')
    const head = await ask('HEAD', '/bytes')
    assert.deepEqual([head.status, head.body.length], [404, 0])
    assert.ok(bugs.some((error) => error instanceof TypeError))
  })

  test('holds so many bodies that are still coming, and no more', async () => {
    const sockets = Array.from({ length: 70 }, () => connect(listener.port, '127.0.0.1').on('error', () => {}))
    const answers = sockets.map(
      (socket) => new Promise<string>((resolve) => socket.setEncoding('latin1').once('data', resolve)),
    )
    for (const socket of sockets) socket.write('POST /paint HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{')
    const refusals = await Promise.race([
      Promise.all(answers),
      new Promise<string[]>((resolve) => {
        const seen: string[] = []
        for (const answer of answers) void answer.then((text) => seen.push(text) === 6 && resolve(seen))
      }),
    ])
    assert.equal(refusals.length, 6)
    for (const text of refusals) assert.match(text, /^HTTP\/1\.1 429/)
    for (const socket of sockets) socket.write('}')
    const all = await Promise.all(answers)
    assert.equal(all.filter((text) => text.startsWith('HTTP/1.1 200')).length, 64)
    for (const socket of sockets) socket.destroy()
  })
})
