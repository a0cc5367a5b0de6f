import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { RequestError } from '../errors/families.ts'
import { TokenClient } from './token-client.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const ID = 'apr_1'
const OWN = `/claviger/v1/agents/self/approvals/${ID}`
let handlers: Handler[]
let seen: IncomingMessage[]
let baseUrl: string
const server = createServer((request, response) => {
  seen.push(request)
  const handle = handlers.length > 1 ? handlers.shift() : handlers[0]
  request.resume().on('end', () => handle?.(request, response))
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

const client = () => new TokenClient({ baseUrl, token: 'clv_ak_1' })
const json =
  (status: number, body: object, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, { 'claviger-request-id': 'call_1', 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
const problem = (status: number, code: string, facts: object = {}) =>
  json(status, { ...facts, title: 'T', status, code }, { 'content-type': 'application/problem+json' })
const left = json(202, { approval: ID, status: 'pending' }, { 'proxy-status': 'claviger; details="respond_async"' })
const standing = (status: string, more: object = {}) =>
  json(200, { id: ID, status, digest: 'd', expiresAt: '2026-01-01T00:00:00.000Z', ...more })
const kept = (status: number, body: string, headers: object[] = []) =>
  json(200, { status, headers, bytes: body.length, base64: Buffer.from(body).toString('base64'), at: 'T' })
const paths = () => seen.map(({ method, url = '' }) => `${method} ${url.split('?')[0]}`)

describe('callLater()', () => {
  test('resolves when the gateway has the call, and gives its answer when that is kept', async () => {
    handlers = [left, standing('pending'), standing('consumed'), problem(404, 'answer_not_yet')]
    handlers.push(kept(201, '{"paid":true}', [{ name: 'x-a', value: 'b' }]))
    const call = await client().callLater('shop', { method: 'POST', path: '/pay', body: { a: 1 }, idempotencyKey: 'k' })
    assert.equal(call.approvalId, ID)
    const answer = await call.answer()
    assert.deepEqual([answer.status, answer.ok, answer.headers.get('x-a')], [201, true, 'b'])
    assert.deepEqual(await answer.json(), { paid: true })
    const own = `GET ${OWN}`
    assert.deepEqual(paths(), ['POST /to/shop/pay', own, own, `${own}/answer`, `${own}/answer`])
    const { prefer, authorization, 'idempotency-key': key, 'accept-encoding': coding } = seen[0]?.headers ?? {}
    assert.deepEqual([prefer, authorization, key, coding], ['respond-async', 'Bearer clv_ak_1', 'k', 'identity'])
  })

  test('gives the answer at once where nobody is asked, also one of a service that would pass for the gateway', async () => {
    const forged = { approval: 'apr_2', status: 'pending' }
    for (const [status, headers] of [
      [200, {}],
      [202, { 'preference-applied': 'respond-async', location: `${OWN}` }],
    ] as const) {
      handlers = [json(status, forged, headers)]
      const { approvalId, answer } = await client().callLater('shop')
      assert.deepEqual([approvalId, (await answer()).status], [undefined, status])
      assert.deepEqual(await (await answer()).json(), forged)
      assert.deepEqual(paths().slice(-1), ['GET /to/shop/'])
    }
  })

  test('waits first where the caller says so', async () => {
    handlers = [left]
    await client().callLater('shop', { headers: { prefer: 'wait=10' } })
    await client().callLater('shop', { headers: { prefer: 'respond-async, wait=10' } })
    assert.deepEqual(
      seen.map(({ headers }) => headers.prefer),
      ['wait=10, respond-async', 'respond-async, wait=10'],
    )
  })

  test('throws what the gateway refuses', async () => {
    const marked = { 'proxy-status': 'claviger; error=http_request_denied; details="async_refused"' }
    handlers = [json(422, { title: 'T', status: 422, code: 'async_refused' }, marked)]
    await assert.rejects(client().callLater('shop'), { code: 'async_refused' })
    handlers = [json(202, {}, { 'proxy-status': 'claviger; details="respond_async"' })]
    await assert.rejects(client().callLater('shop'), { code: 'answer_invalid' })
  })
})

describe('answerTo()', () => {
  for (const [status, code] of [
    ['denied', 'approval_denied'],
    ['expired', 'approval_not_given'],
    ['cancelled', 'approval_not_given'],
  ] as const) {
    test(`throws ApprovalError for one that is ${status}`, async () => {
      handlers = [standing(status)]
      await assert.rejects(client().answerTo(ID), { code, approvalId: ID, name: 'ApprovalError' })
    })
  }

  test('says whether it may have been sent, and why there is no answer', async () => {
    const facts = { became: 'consumed', sending: 'failed', reason: 'upstream_broke' }
    handlers = [standing('consumed'), problem(404, 'answer_none', facts)]
    await assert.rejects(client().answerTo(ID), (error: unknown) => {
      assert.ok(error instanceof RequestError)
      assert.deepEqual([error.code, error.facts], ['answer_none', facts])
      return true
    })
  })

  test('asks again where the gateway does not answer, or says that it cannot now', async () => {
    const broken: Handler = (request) => request.socket.destroy()
    handlers = [broken, problem(503, 'vault_sealed'), standing('approved'), broken, kept(204, '')]
    const answer = await client().answerTo(ID)
    assert.deepEqual([answer.status, await answer.text()], [204, ''])
  })

  test('ends with the caller’s time, and with its signal’s reason', async () => {
    handlers = [standing('approved'), problem(404, 'answer_not_yet')]
    await assert.rejects(client().answerTo(ID, { timeoutMs: 1 }), { code: 'answer_timeout' })
    handlers = [standing('pending')]
    await assert.rejects(client().answerTo(ID, { timeoutMs: 1 }), { code: 'verdict_timeout' })
    const reason = new Error('the user left')
    await assert.rejects(client().answerTo(ID, { signal: AbortSignal.abort(reason) }), reason)
    const leaving = new AbortController()
    handlers = [
      standing('approved'),
      (request, response) => {
        problem(404, 'answer_not_yet')(request, response)
        leaving.abort(reason)
      },
    ]
    await assert.rejects(client().answerTo(ID, { signal: leaving.signal }), reason)
  })

  for (const [name, body] of [
    ['no status', { headers: [], base64: '' }],
    ['a status that no answer has', { status: 101, headers: [], base64: '' }],
    ['a body that is no base64', { status: 200, headers: [], base64: '=' }],
    ['no headers', { status: 200, base64: '' }],
  ] as const) {
    test(`refuses an answer with ${name}`, async () => {
      handlers = [standing('consumed'), json(200, body)]
      await assert.rejects(client().answerTo(ID), { code: 'answer_invalid' })
    })
  }
})
