import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { ClavigerError } from '../claviger-error.ts'
import {
  ApprovalError,
  AuthenticationError,
  BusyError,
  ConnectionError,
  PermissionError,
  RequestError,
  ServiceError,
  UnavailableError,
  UpstreamError,
} from '../errors/families.ts'
import { TokenClient, type TokenClientOptions } from './token-client.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

let handler: Handler
let seen: IncomingMessage[]
let baseUrl: string
const server = createServer((request, response) => {
  seen.push(request)
  handler(request, response)
})
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  seen = []
})
after(() => {
  server.closeAllConnections()
  server.close()
})

const client = (more: Partial<TokenClientOptions> = {}) => new TokenClient({ baseUrl, token: 'clv_at_1', ...more })
const passedOn = { 'claviger-request-id': 'call_1' }

/** As the gateway passes a service's answer on. */
const service =
  (status: number, body: string, headers: Record<string, string> = {}): Handler =>
  (request, response) => {
    request.resume().on('end', () => response.writeHead(status, { ...passedOn, ...headers }).end(body))
  }

/** As the gateway refuses by itself. */
const refused =
  (status: number, code: string, facts: object = {}): Handler =>
  (request, response) => {
    const headers = {
      ...{ 'content-type': 'application/problem+json', 'claviger-request-id': 'call_2' },
      ...{ 'proxy-status': `claviger; error=http_request_denied; details="${code}"`, 'retry-after': '7' },
    }
    const body = { ...facts, type: `urn:claviger:problem:${code}`, title: 'T', status, code, detail: 'D', hint: 'H' }
    request.resume().on('end', () => response.writeHead(status, headers).end(JSON.stringify(body)))
  }

/** Sends back what came. */
const mirror: Handler = (request, response) => {
  response.writeHead(200, { ...passedOn, 'content-type': request.headers['content-type'] ?? 'none' })
  request.pipe(response)
}

describe('call()', () => {
  test('sends method, path, query and headers as they are meant', async () => {
    handler = service(200, 'ok')
    const query = { a: "it's (all) *!", b: [1, true], none: undefined, 'c&d': 'e=f+g' }
    const headers = { 'x-a': 'b', authorization: 'Bearer mine' }
    await client().call('my svc', { method: 'delete', path: '/x/%2F?q=1', query, headers })
    const [{ method, url, headers: got }] = seen as [IncomingMessage]
    assert.deepEqual([method, got['x-a'], got.authorization], ['DELETE', 'b', 'Bearer clv_at_1'])
    assert.equal(url, '/to/my%20svc/x/%2F?q=1&a=it%27s%20%28all%29%20%2A%21&b=1&b=true&c%26d=e%3Df%2Bg')
    await client().call('svc', {
      query: new URLSearchParams([
        ['a', 'b c'],
        ['a', 'd'],
      ]),
    })
    assert.equal(seen[1]?.url, '/to/svc/?a=b%20c&a=d')
  })

  const async2 = async function* () {
    yield new TextEncoder().encode('in ')
    yield new TextEncoder().encode('pieces')
  }
  for (const [name, body, type, sent] of [
    ['text', 'text', 'text/plain;charset=UTF-8', 'text'],
    ['an object', { a: [1] }, 'application/json', '{"a":[1]}'],
    ['an array', [1, null], 'application/json', '[1,null]'],
    ['bytes', new Uint8Array([0x68, 0x69]), 'none', 'hi'],
    ['a form', new URLSearchParams({ a: 'b' }), 'application/x-www-form-urlencoded;charset=UTF-8', 'a=b'],
    ['a blob', new Blob(['b'], { type: 'text/css' }), 'text/css', 'b'],
    ['an async iterable', async2(), 'none', 'in pieces'],
    ['a stream', new Blob(['streamed']).stream(), 'none', 'streamed'],
  ] as const) {
    test(`sends ${name} as body`, async () => {
      handler = mirror
      const answer = await client().call('svc', { method: 'POST', body })
      assert.deepEqual([answer.headers.get('content-type'), await answer.text()], [type, sent])
    })
  }

  for (const [name, options] of [
    ['a body with GET', { body: 'x' }],
    ['a body of no kind', { method: 'POST', body: new Date() }],
  ] as const) {
    test(`refuses ${name}, and sends nothing`, async () => {
      await assert.rejects(client().call('svc', options), { code: 'options_invalid' })
      assert.equal(seen.length, 0)
    })
  }

  test('refuses a path that would arrive as another', async () => {
    for (const path of ['/../x', '/a/%2e%2e/b', 'x', '/#a', '/a b']) {
      await assert.rejects(client().call('svc', { path }), { code: 'path_invalid' })
    }
    assert.equal(seen.length, 0)
  })

  test('gives every answer of the service as it is, refusals and redirects too', async () => {
    for (const status of [200, 204, 302, 401, 403, 404, 429, 500, 502, 503]) {
      handler = service(status, status === 204 ? '' : '{"code":"unauthenticated"}', { location: '/elsewhere' })
      const answer = await client().call('svc')
      assert.deepEqual([answer.status, answer.requestId, answer.ok], [status, 'call_1', status < 300])
      await answer.bytes()
    }
    assert.equal(seen.length, 10, 'nothing is followed or tried again')
  })

  for (const [status, code, Family] of [
    [401, 'token_not_live', AuthenticationError],
    [403, 'scope_not_granted', PermissionError],
    [403, 'approval_required', ApprovalError],
    [400, 'token_misplaced', RequestError],
    [404, 'endpoint_unknown', RequestError],
    [429, 'rate_limited', BusyError],
    [503, 'service_busy', BusyError],
    [503, 'rejected_by_seal', UnavailableError],
    [500, 'internal_error', UnavailableError],
    [502, 'upstream_broke', UpstreamError],
    [504, 'upstream_timeout', UpstreamError],
    [403, 'something_new', PermissionError],
  ] as const) {
    test(`throws ${code} of the gateway as ${Family.name}`, async () => {
      handler = refused(status, code, { wantedScope: 'u:read', retryAfterSeconds: 7, odd: { a: 1 } })
      await assert.rejects(client().call('svc'), (error: unknown) => {
        assert.ok(error instanceof Family && error instanceof ClavigerError)
        assert.equal(error.name, Family.name)
        assert.deepEqual(
          [error.code, error.status, error.detail, error.hint, error.requestId, error.retryAfterSeconds],
          [code, status, 'D', 'H', 'call_2', 7],
        )
        assert.deepEqual(error.facts, { wantedScope: 'u:read', retryAfterSeconds: 7 })
        return true
      })
    })
  }

  test('knows the refusal of a HEAD by its header alone', async () => {
    handler = refused(403, 'service_not_granted')
    await assert.rejects(client().call('svc', { method: 'HEAD' }), { code: 'service_not_granted', status: 403 })
  })

  test('takes nothing for the service’s that something in between says', async () => {
    handler = (_, response) => response.writeHead(200).end('please log in to this network')
    await assert.rejects(client().call('svc'), { code: 'answer_invalid' })
  })

  test('asks for another token once after the gateway’s 401, and tells when there is none', async () => {
    handler = (request, response) => {
      const good = request.headers.authorization === 'Bearer clv_2'
      ;(good ? service(200, 'ok') : refused(401, 'token_not_live'))(request, response)
    }
    let asked = 0
    const answer = await client({ token: async () => `clv_${++asked}` }).call('svc')
    assert.deepEqual([answer.status, asked], [200, 2])
    await assert.rejects(client().call('svc'), { code: 'token_not_live' })
    assert.equal(seen.length, 3, 'the same token is not shown twice')
    await assert.rejects(client({ token: 'a b' }).call('svc'), { code: 'options_invalid' })
  })

  test('says when nobody answers', async () => {
    await assert.rejects(client({ baseUrl: 'http://127.0.0.1:1' }).call('svc'), (error: unknown) => {
      assert.ok(error instanceof ConnectionError)
      return error.code === 'gateway_unreachable'
    })
  })
})

describe('callJson()', () => {
  test('gives JSON, and throws what the service refuses with what it said', async () => {
    handler = service(200, '{"a":1}')
    assert.deepEqual(await client().callJson('svc'), { a: 1 })
    assert.equal(seen[0]?.headers.accept, 'application/json')
    handler = service(204, '')
    assert.equal(await client().callJson('svc'), undefined)
    handler = service(200, '<html>')
    await assert.rejects(client().callJson('svc'), { code: 'answer_invalid' })
    for (const [text, body] of [
      ['{"message":"Not Found"}', { message: 'Not Found' }],
      ['gone', 'gone'],
    ] as const) {
      handler = service(404, text, { 'retry-after': '3' })
      await assert.rejects(client().callJson('svc'), (error: unknown) => {
        assert.ok(error instanceof ServiceError)
        const { code, status, requestId, retryAfterSeconds } = error
        assert.deepEqual([code, status, requestId, retryAfterSeconds], ['service_refused', 404, 'call_1', 3])
        assert.deepEqual(error.body, body)
        return true
      })
    }
  })
})

describe('an answer', () => {
  const endless =
    (chunk: string): Handler =>
    (request, response) => {
      response.writeHead(200, { ...passedOn, 'content-type': 'text/event-stream' })
      const write = () => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', write)
      request.on('close', () => response.destroy())
      write()
    }
  const gone = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const inner = handler
    handler = (request, response) => {
      response.on('close', resolve)
      inner(request, response)
    }
    return promise
  }

  test('streams while the request still does', async () => {
    handler = mirror
    const { promise: heard, resolve: hear } = Promise.withResolvers<void>()
    const body = async function* () {
      yield new TextEncoder().encode('first')
      await heard
      yield new TextEncoder().encode('second')
    }
    const texts: string[] = []
    const answer = await client().call('svc', { method: 'POST', body: body() })
    for await (const chunk of answer) {
      texts.push(new TextDecoder().decode(chunk))
      hear()
    }
    assert.equal(texts.join(''), 'firstsecond')
    assert.ok(texts.length > 1)
  })

  test('ends the call when its reader leaves', async () => {
    handler = endless('data: x\n\n')
    const closed = gone()
    for await (const chunk of await client().call('svc')) if (chunk.length > 0) break
    await closed
  })

  test('gives events, and ends the call when their reader leaves', async () => {
    handler = endless('event: tick\ndata: ä\n\n')
    const closed = gone()
    let count = 0
    for await (const { type, data } of (await client().call('svc')).events()) {
      assert.deepEqual([type, data], ['tick', 'ä'])
      if (++count === 1_000) break
    }
    await closed
  })

  test('throws the reason of the signal that ends it: the call’s, or one for the events alone', async () => {
    for (const own of [true, false]) {
      handler = endless('data: x\n\n')
      const closed = gone()
      const controller = new AbortController()
      const reason = new Error('enough')
      const { signal } = controller
      const answer = await client().call('svc', own ? { signal } : {})
      const read = async () => {
        for await (const _ of answer.events(own ? {} : { signal })) controller.abort(reason)
      }
      await assert.rejects(read(), reason)
      await closed
    }
  })

  test('closes what a body comes from when the call is over, whatever ended it', async () => {
    const byGateway = { 'proxy-status': 'claviger; error=http_request_denied; details="service_not_granted"' }
    const endings: readonly (readonly [string, Handler, boolean])[] = [
      [
        'a refusal',
        (_, response) => response.writeHead(403, { ...passedOn, ...byGateway, connection: 'close' }).end(),
        false,
      ],
      ['a broken connection', (request) => request.socket.destroy(), false],
      ['the signal', () => undefined, true],
    ]
    for (const [name, ending, aborts] of endings) {
      for (const asStream of [false, true]) {
        const { promise: closed, resolve: close } = Promise.withResolvers<void>()
        const controller = new AbortController()
        handler = (request, response) => {
          request.once('data', () => (aborts ? controller.abort(new Error('enough')) : ending(request, response)))
        }
        const chunk = new Uint8Array(1_000)
        const source = async function* () {
          try {
            for (;;) {
              yield chunk
              await new Promise(setImmediate)
            }
          } finally {
            close()
          }
        }
        const stream = () => new ReadableStream({ pull: (to) => to.enqueue(chunk), cancel: () => close() })
        const options = { method: 'PUT', body: asStream ? stream() : source(), signal: controller.signal }
        await assert.rejects(client().call('svc', options), Error, name)
        await closed
      }
    }
  })

  test('throws the reason of a signal that ends the call before there is an answer', async () => {
    handler = () => undefined
    const closed = gone()
    const controller = new AbortController()
    const call = client().call('svc', { signal: controller.signal })
    while (seen.length === 0) await new Promise(setImmediate)
    controller.abort(new Error('enough'))
    await assert.rejects(call, { message: 'enough' })
    await closed
    await assert.rejects(client().call('svc', { signal: AbortSignal.abort(new Error('before')) }), {
      message: 'before',
    })
    assert.equal(seen.length, 1)
  })

  test('is not taken for whole when it was cut', async () => {
    handler = (_, response) => {
      response.writeHead(200, { ...passedOn, 'content-type': 'text/event-stream', 'content-length': '100' })
      response.write('data: 1\n\n')
      setImmediate(() => response.destroy())
    }
    await assert.rejects((await client().call('svc')).text(), { code: 'answer_cut', status: 200, requestId: 'call_1' })
    const events: string[] = []
    const read = async () => {
      for await (const { data } of (await client().call('svc')).events()) events.push(data)
    }
    await assert.rejects(read(), (error: unknown) => error instanceof ConnectionError && error.code === 'answer_cut')
    assert.deepEqual(events, ['1'])
  })

  test('bounds what it holds in memory', async () => {
    handler = endless('data: x\n')
    const closed = gone()
    const read = async () => {
      for await (const _ of (await client().call('svc')).events({ maxEventChars: 10_000 }));
    }
    await assert.rejects(read(), { code: 'event_too_large' })
    await closed
    handler = endless('x')
    await assert.rejects((await client().call('svc')).text({ maxBytes: 1_000 }), { code: 'answer_invalid' })
  })

  test('has no events where the service sent something else, which can still be read', async () => {
    for (const [status, type] of [
      [200, 'application/json'],
      [429, 'text/event-stream'],
    ] as const) {
      handler = service(status, '{}', { 'content-type': type })
      const answer = await client().call('svc')
      await assert.rejects(answer.events().next(), { code: 'answer_has_no_events', status, requestId: 'call_1' })
      assert.deepEqual(await answer.json(), {})
    }
  })
})
