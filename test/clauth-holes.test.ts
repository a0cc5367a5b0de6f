// The holes of the Clauth original, at its door (clauth.md §8): what a call may do, and what comes back of it.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type AskedProxy, ClauthWorld, refusal } from './instruments/clauth-world.ts'
import { plainEncodings } from './instruments/encodings.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'

let world: ClauthWorld
before(async () => {
  world = await ClauthWorld.start()
})
after(() => world[Symbol.asyncDispose]())
beforeEach(() => world.upstream.forget())

interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: unknown
  readonly bodyEncoding?: string
}
const answerOf = (reply: Reply): Answer => {
  assert.equal(reply.status, 200, reply.text())
  return reply.json() as Answer
}
const to = async (path: string, more: AskedProxy = {}) =>
  answerOf(await world.proxy({ endpoint: world.url(path), ...more }))
const noGrant = (scope: string) => [
  403,
  'ACCESS_DENIED',
  `No active grant for skill 'My Skill' provider 'github' scope '${scope}'.`,
]

/** A skill of its own, with a grant, and its calls. */
async function skill(skillId: string, grant: object) {
  const token = await world.issue(skillId)
  await world.grant({ skillId, ...grant })
  return (more: AskedProxy) => world.proxy({ skillId, ...more }, { 'x-clauth-skill-token': token })
}

describe('what comes back', () => {
  test('holds no copy of the credential, in body, headers or status text, however it is written (CL-02)', async () => {
    for (const encoding of Object.keys(plainEncodings)) {
      for (const place of ['in=body', 'in=header', 'in=body&status=500', 'split=12']) {
        // No header holds the zeroes of UTF-16.
        if (place === 'in=header' && encoding.startsWith('utf16')) continue
        const text = JSON.stringify(await to(`/echo/${encoding}?${place}`))
        assert.ok(!text.includes(world.secret) && text.includes('[REDACTED]'), `${encoding} ${place} ${text}`)
      }
    }
    for (const pack of ['gzip', 'br']) {
      const { body, headers } = await to(`/echo/raw?pack=${pack}`)
      assert.equal(body, 'before [REDACTED] after')
      // They describe the body as it is handed over.
      assert.deepEqual([headers['content-encoding'], headers['content-length']], [undefined, '23'])
    }
  })

  test('is a redirect where the provider redirects, and nothing follows it (CL-03)', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const answer = await to(`/redirect/${status}?to=${encodeURIComponent(world.url('/elsewhere'))}`)
      assert.equal(answer.status, status)
    }
    assert.ok(world.upstream.receipts.every(({ url }) => url.startsWith('/redirect/')))
  })

  test('is the body byte for byte: null, JSON, text, and base64 for what is no text (CL-31)', async () => {
    const bytes = Buffer.from([0x00, 0xff, 0xfe, 0x80])
    const answers: [type: string, body: Buffer, wanted: unknown][] = [
      ['application/octet-stream', bytes, bytes.toString('base64')],
      ['application/json', bytes, bytes.toString('base64')],
      ['application/json', Buffer.from('{"a":[1,2]}'), { a: [1, 2] }],
      ['Application/JSON; charset=utf-8', Buffer.from(' 12 '), 12],
      ['application/json', Buffer.from('{broken'), '{broken'],
      ['application/problem+json', Buffer.from('{"a":1}'), '{"a":1}'],
      ['text/plain', Buffer.from('{"a":1}'), '{"a":1}'],
      ['text/plain', Buffer.from('Größe "x"\n'), 'Größe "x"\n'],
      ['text/plain', Buffer.alloc(0), null],
      ['application/json', Buffer.alloc(0), null],
    ]
    for (const [type, body, wanted] of answers) {
      world.upstream.on('typed', (_request, response) => response.writeHead(200, { 'content-type': type }).end(body))
      const answer = await to('/typed')
      assert.deepEqual(answer.body, wanted)
      assert.equal(answer.bodyEncoding, body === bytes ? 'base64' : undefined)
      assert.equal(answer.headers['content-length'], String(body.length))
      assert.equal(answer.headers['content-type'], type)
    }
    world.upstream.on('typed', (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/problem+json' }).end('{"a":1}'),
    )
    const headers = { 'x-clauth-skill-token': world.token, 'x-claviger-parse': '1' }
    assert.deepEqual(answerOf(await world.proxy({ endpoint: world.url('/typed') }, headers)).body, { a: 1 })
  })

  test('is bounded, and ends when the caller leaves (CL-30)', async () => {
    const large = await world.proxy({ endpoint: world.url(`/bytes/${10 * 1024 * 1024 + 1}`) })
    assert.deepEqual(refusal(large), [502, 'UPSTREAM_ERROR', 'Failed to execute provider request'])
    assert.equal(((await to(`/bytes/${1024 * 1024}`)).body as string).length > 1024 * 1024, true)
    const leaving = new AbortController()
    const asked = fetch(`${world.gateway.url}/clauth/v1/proxy`, {
      method: 'POST',
      headers: { 'x-clauth-skill-token': world.token },
      body: JSON.stringify({
        ...{ provider: 'github', credentialHandle: 'main', scope: 'github:read', method: 'GET' },
        endpoint: world.url('/stall-trickle'),
      }),
      signal: leaving.signal,
    })
    await until(() => world.upstream.received('/stall-trickle').length === 1)
    leaving.abort()
    await assert.rejects(asked)
    await until(() => world.upstream.received('/stall-trickle')[0]?.aborted === true)
  })
})

describe('what goes out', () => {
  test('is what the contract says: method, headers, body and its type', async () => {
    const call = await skill('sender', { scope: 'github:*' })
    const sent = async (more: AskedProxy) => {
      world.upstream.forget()
      answerOf(await call({ scope: 'github:write', endpoint: world.url('/ok/a%20b?x=1&y=%2F#part'), ...more }))
      const [receipt] = world.upstream.receipts
      const { method, url, body, headers } = receipt!
      return { line: `${method} ${url}`, type: headers.get('content-type')?.[0], body: body.bytes.toString(), headers }
    }
    const bodies: [body: unknown, type: string | undefined, wanted: string][] = [
      [undefined, undefined, ''],
      [null, undefined, ''],
      ['text', 'application/json', 'text'],
      [{ a: [1, 'é'] }, 'application/json', '{"a":[1,"é"]}'],
      [false, 'application/json', 'false'],
      [0, 'application/json', '0'],
    ]
    for (const [body, type, wanted] of bodies) {
      const { line, ...rest } = await sent({ method: 'post', body })
      assert.deepEqual([line, rest.type, rest.body], ['POST /ok/a%20b?x=1&y=%2F', type, wanted])
    }
    const { type, headers } = await sent({
      method: 'PUT',
      body: 'a=1',
      headers: { 'Content-Type': 'text/csv', 'X-Own': 'yes', AUTHORIZATION: 'mine', 'Proxy-Authorization': 'mine' },
    })
    assert.deepEqual([type, headers.get('x-own')], ['text/csv', ['yes']])
    assert.deepEqual(
      [headers.get('authorization'), headers.get('proxy-authorization')],
      [[`Bearer ${world.secret}`], undefined],
    )
    assert.equal((await sent({ endpoint: world.url('/ok?q=a b&é') })).line, 'GET /ok?q=a%20b&%C3%A9')
  })

  test('is no copy of what the skill showed', async () => {
    const { token } = world
    for (const more of [{ headers: { 'x-copy': token } }, { endpoint: world.url(`/ok?t=${token}`) }]) {
      assert.equal((await world.proxy(more)).status, 422)
    }
    assert.equal(world.upstream.receipts.length, 0)
  })

  test('is nothing to a place that the provider is not (CL-17)', async () => {
    const places = ['http://127.0.0.1:1/x', 'http://169.254.169.254/latest', 'http://[::1]/x', 'http://localhost/x']
    const more = ['http://user:pass@127.0.0.1/x', 'https://evil.example/', 'https://127.0.0.1.evil.example/']
    for (const endpoint of [...places, ...more, world.upstream.origin.replace('http:', 'https:')]) {
      const [status, code, message] = refusal(await world.proxy({ endpoint }))
      assert.deepEqual([status, code], [422, 'VALIDATION_ERROR'], endpoint)
      assert.match(message, /^Endpoint host '.*' is not allowed for provider 'github'\. Allowed: 127\.0\.0\.1$/)
    }
    for (const path of ['/a/../b', '/a%2fb/..', '/a\\b', '/%zz']) {
      assert.equal((await world.proxy({ endpoint: `${world.upstream.origin}${path}` })).status, 422, path)
    }
    assert.equal(world.upstream.receipts.length, 0)
  })
})

describe('a scope', () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
  const table: [word: string, allowed: string][] = [
    ['read', 'GET HEAD'],
    ['list', 'GET HEAD'],
    ['get', 'GET HEAD'],
    ['write', 'GET HEAD POST PUT PATCH'],
    ['create', 'GET HEAD POST PUT PATCH'],
    ['update', 'GET HEAD POST PUT PATCH'],
    ['post', 'GET HEAD POST PUT PATCH'],
    ['send', 'GET HEAD POST PUT PATCH'],
    ['delete', 'GET HEAD DELETE'],
    ['admin', 'GET HEAD POST PUT PATCH DELETE'],
    ['deploy', 'GET HEAD'],
  ]

  test('means methods, whatever the grant is called, and nothing is sent for others (CL-04)', async () => {
    const call = await skill('wide', { scope: 'github:*', rateLimitPerMinute: 1_000 })
    for (const [word, allowed] of table) {
      const passed: string[] = []
      for (const method of methods) {
        const own = await skill(`only-${word}`, { scope: `github:${word}`, rateLimitPerMinute: 1_000 })
        const replies = [
          await own({ scope: `github:${word}`, method }),
          await call({ scope: `github:${word}`, method }),
        ]
        assert.equal(replies[0]?.status, replies[1]?.status, `${word} ${method}`)
        if (replies[0]?.status === 200) passed.push(method)
        else assert.equal(refusal(replies[0] as Reply)[1], 'ACCESS_DENIED')
      }
      assert.equal(passed.join(' '), allowed, word)
    }
    world.upstream.forget()
    assert.deepEqual(refusal(await world.proxy({ method: 'DELETE' })), noGrant('github:read'))
    assert.equal(world.upstream.receipts.length, 0)
    assert.equal((await call({ scope: 'github:*', method: 'DELETE' })).status, 200)
  })

  test('has two parts, at grant and at call (CL-05), and its provider is that of the grant', async () => {
    for (const scope of ['github:repo:read', 'github', 'github:', ':read', 'slack:read', 'github:re*']) {
      const reply = await world.gateway.operator('POST', '/clauth/grants', { skillId: 'x', provider: 'github', scope })
      assert.deepEqual([reply.status, reply.code], [422, 'label_invalid'], scope)
    }
    for (const scope of ['github:repo:read', 'github', 'a:b:c:d', ':', 'github:*:x']) {
      const wanted = [422, 'VALIDATION_ERROR', 'Scope must follow provider:action format.']
      assert.deepEqual(refusal(await world.proxy({ scope })), wanted)
    }
    const call = await skill('any-provider', { scope: '*:read' })
    assert.equal((await call({ scope: 'github:read' })).status, 200)
    assert.equal((await call({ scope: 'github:list' })).status, 403)
    assert.equal((await call({ scope: 'github:*' })).status, 403)
  })

  test("means what the operator's map says on a service, with methods and paths", async () => {
    const own = await ClauthWorld.start({
      service: { words: { deploy: [{ methods: ['POST'], paths: ['/ok/{name}'] }], write: [{ methods: ['PUT'] }] } },
    })
    await own.grant({ scope: 'github:*' })
    const status = async (word: string, method: string, path: string) =>
      (await own.proxy({ scope: `github:${word}`, method, endpoint: own.url(path) })).status
    assert.deepEqual(
      [
        await status('deploy', 'POST', '/ok/a'),
        await status('deploy', 'POST', '/ok'),
        await status('deploy', 'GET', '/ok/a'),
      ],
      [200, 403, 403],
    )
    assert.deepEqual([await status('write', 'PUT', '/ok'), await status('write', 'POST', '/ok')], [200, 403])
    assert.equal(await status('read', 'GET', '/ok'), 200)
    await own[Symbol.asyncDispose]()
  })
})

describe('a handle', () => {
  test('that a grant names, or that is restricted, goes out under grants that name it alone (CL-06)', async () => {
    await world.store('admin', 'sk-admin-0123456789')
    await world.store('kept', 'sk-kept-0123456789', { meta: { restricted: 'true' } })
    const [open, boss] = [await skill('open', {}), await skill('boss', { handles: ['kept'] })]
    assert.equal((await open({ credentialHandle: 'admin' })).status, 200)
    assert.equal((await boss({ credentialHandle: 'kept' })).status, 200)
    await world.grant({ skillId: 'boss', handles: ['admin', 'kept'] })
    world.upstream.forget()
    for (const credentialHandle of ['admin', 'kept']) {
      const wanted = [403, 'ACCESS_DENIED', `Credential handle '${credentialHandle}' is not granted to skill 'open'.`]
      assert.deepEqual(refusal(await open({ credentialHandle })), wanted)
    }
    assert.equal((await boss({ credentialHandle: 'main' })).status, 403)
    assert.equal(world.upstream.receipts.length, 0)
    assert.equal((await open({})).status, 200)
    assert.deepEqual(
      [(await boss({ credentialHandle: 'admin' })).status, (await boss({ credentialHandle: 'kept' })).status],
      [200, 200],
    )
    assert.deepEqual(world.upstream.receipts.at(-1)?.headers.get('authorization'), ['Bearer sk-kept-0123456789'])
    // A native call names no credential, so it does not go under a grant that names none either.
    const { token } = await world.gateway.does<{ token: string }>('POST', '/tokens', { agent: 'open' })
    const native = await world.gateway.agent('GET', '/to/github/ok', { headers: { authorization: `Bearer ${token}` } })
    assert.deepEqual([native.status, native.code], [403, 'service_not_granted'])
    // Taking the naming grant back opens nothing.
    await world.gateway.does('POST', '/clauth/grants/revoke', { skillId: 'boss' })
    assert.equal((await open({ credentialHandle: 'admin' })).status, 403)
  })

  test('is one of several under one grant, and one rate counts for all of them', async () => {
    await world.store('one', 'sk-one-0123456789')
    await world.store('two', 'sk-two-0123456789')
    const call = await skill('both', { handles: ['one', 'two'], rateLimitPerMinute: 3 })
    const said = []
    for (const credentialHandle of ['one', 'two', 'one', 'two']) said.push((await call({ credentialHandle })).status)
    assert.deepEqual(said, [200, 200, 200, 403])
    assert.deepEqual(
      world.upstream.receipts.map(({ headers }) => headers.get('authorization')?.[0]),
      ['Bearer sk-one-0123456789', 'Bearer sk-two-0123456789', 'Bearer sk-one-0123456789'],
    )
  })
})
