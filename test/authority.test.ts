import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { hostileStrings } from './generators/hostile-strings.ts'
import { runSeed, seeded } from './generators/seeded.ts'
import { assertClean } from './instruments/taint-oracle.ts'
import { type Furnished, furnish, loopback, type World, world } from './instruments/world.ts'

describe('what a grant gives', () => {
  let around: World
  before(async () => {
    around = await world()
  })
  after(() => around[Symbol.asyncDispose]())

  /** An agent of its own with these scopes on `u`. */
  const agentWith = async (name: string, scopes: readonly string[], more: object = {}): Promise<string> => {
    await around.gateway.does('POST', '/agents', { name })
    await around.gateway.does('POST', '/grants', { agent: name, service: 'u', scopes, ...more })
    return (await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: name })).token
  }

  test('is methods, not words: a claimed scope changes nothing (A-06)', async () => {
    const token = await agentWith('reader', ['u:read'])
    const before = around.upstream.receipts.length
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const claims = { 'x-scope': 'u:*', scope: 'u:delete', 'x-claviger-scope': 'u:*' }
      const reply = await around.call('/n?scope=u:*', { token, method, headers: claims })
      assert.equal(reply.status, 403)
      assert.equal(reply.code, 'scope_not_granted')
    }
    // A method that hides another one must not be carried either.
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      const reply = await around.call('/n', { token, headers: { [name]: 'DELETE' } })
      assert.ok(reply.status === 400 || around.upstream.receipts.at(-1)?.headers.get(name) === undefined, name)
    }
    assert.ok(around.upstream.receipts.length - before <= 3)
    assert.equal((await around.call('/n', { token })).status, 200)
  })

  test('ends with its uses, its time and its rate', async () => {
    const few = await agentWith('few', ['u:*'], { uses: 3 })
    const statuses: number[] = []
    for (let n = 0; n < 5; n++) statuses.push((await around.call('/n', { token: few })).status)
    assert.deepEqual(statuses, [200, 200, 200, 403, 403])
    const slow = await agentWith('slow', ['u:*'], { rpm: 4 })
    const rated = await Promise.all(Array.from({ length: 12 }, () => around.call('/n', { token: slow })))
    assert.equal(rated.filter(({ status }) => status === 200).length, 4)
    assert.ok(rated.every(({ status }) => status === 200 || status === 429))
  })

  test('counts a call once that was tried twice, because its kept connection had just been closed', async () => {
    // Hangs up, without an answer, on the second request of each connection.
    let heads = 0
    const closer = createServer((socket) => {
      let answered = false
      socket.on('error', () => {})
      socket.on('data', () => {
        heads += 1
        if (answered) socket.destroy()
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        answered = true
      })
    })
    closer.listen(0, '127.0.0.1')
    await once(closer, 'listening')
    const origin = `http://127.0.0.1:${(closer.address() as AddressInfo).port}`
    const grant = { uses: 3 }
    const { token } = await furnish(around.gateway, { name: 'c', origins: [origin], secret: 'secret-of-c', grant })
    const statuses: number[] = []
    for (let n = 0; n < 5; n++) statuses.push((await around.call('/n', { token, service: 'c' })).status)
    closer.close()
    // The second and the third found a kept connection that was closed on them, and went out twice.
    assert.deepEqual([statuses, heads], [[200, 200, 200, 403, 403], 5])
  })

  test('reaches no service that it does not name, and cannot tell it from none', async () => {
    const { token } = await furnish(around.gateway, {
      name: 'other',
      origins: [around.upstream.origin],
      secret: 'secret-of-other',
    })
    const shape = ({ status, code, rawHeaders }: Awaited<ReturnType<World['call']>>) => [
      status,
      code,
      rawHeaders.filter((_, n) => n % 2 === 0).join(),
    ]
    const there = await around.call('/n', { token })
    const nowhere = await around.call('/n', { token, service: 'nowhere' })
    assert.equal(there.status, 403)
    assert.deepEqual(shape(there), shape(nowhere))
  })
})

describe('what a service opens', () => {
  let around: World
  let constrained: Furnished
  before(async () => {
    around = await world({ injection: { kind: 'query', name: 'key' } })
    constrained = await furnish(around.gateway, {
      name: 'constrained',
      origins: [around.upstream.origin],
      secret: around.oracle.canary('constrained'),
      service: {
        paths: ['/v1/items', '/v1/items/{id}', '/v1/files/{path:encoded}', '/v1/tree/{+rest}'],
        actions: { 'item.list': { method: 'GET', path: '/v1/items', query: { a: 'ok' } } },
      },
      grant: { scopes: ['constrained:item.list'] },
    })
  })
  after(() => around[Symbol.asyncDispose]())

  test('refuses a constrained key that can be read in two ways (A-05)', async () => {
    const ask = (query: string) =>
      around.call(`/v1/items${query}`, { service: 'constrained', token: constrained.token })
    assert.equal((await ask('?a=ok')).status, 200)
    const before = around.upstream.receipts.length
    for (const query of [
      '?a=ok&a=bad',
      '?a=ok;a=bad',
      '?a%00=bad&a=ok',
      '?%61=bad&a=ok',
      '?a=ok&A=bad',
      '?a[]=bad&a=ok',
      '?a=bad',
      '?',
      '?a=ok&%61=ok',
      '?a=o%6b%00',
    ]) {
      const reply = await ask(query)
      assert.ok(reply.status === 400 || reply.status === 403, `${query} → ${reply.status}`)
    }
    assert.equal(around.upstream.receipts.length, before)
  })

  test('opens encoded and spanning segments where its template says so, byte for byte', async () => {
    await around.gateway.does('POST', '/agents', { name: 'all' })
    await around.gateway.does('POST', '/grants', { agent: 'all', service: 'constrained', scopes: ['constrained:*'] })
    const { token } = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: 'all' })
    const ask = (path: string) => around.call(path, { service: 'constrained', token })
    for (const path of [
      '/v1/items/7',
      '/v1/files/group%2Fproject',
      '/v1/files/%40scope%2Fname',
      '/v1/tree/a/b/c.txt',
    ]) {
      assert.equal((await ask(path)).status, 200, path)
      assert.equal(around.upstream.receipts.at(-1)?.url, path)
    }
    const before = around.upstream.receipts.length
    for (const path of [
      '/v1/items/7%2F8',
      '/v1/items/7/8',
      '/v1/tree/a%2Fb',
      '/v1/files/a/b',
      '/v1/files/a%2f..%2fb',
      '/v2/items',
      '/v1',
      '/v1/tree/',
    ]) {
      const reply = await ask(path)
      assert.ok(reply.status === 400 || reply.status === 403, `${path} → ${reply.status}`)
    }
    assert.equal(around.upstream.receipts.length, before)
  })

  test('takes no key of the caller’s own, in any of its places (A-11)', async () => {
    const own = 'callers-own-key-0123456789'
    const forms: readonly (readonly [string, Record<string, string>])[] = [
      ['?key=', {}],
      ['?KEY=', {}],
      ['?a=1&key=', {}],
      ['?%6bey=', {}],
      ['?api_key=', {}],
      ['?access_token=', {}],
      ['', { authorization: `Basic ${Buffer.from(`u:${own}`).toString('base64')}`, 'x-api-key': around.token }],
      ['', { cookie: `session=${own}` }],
      ['', { 'proxy-authorization': `Bearer ${own}` }],
      ['', { 'api-key': own }],
      ['', { 'x-goog-api-key': own }],
      ['', { 'x-auth-token': own }],
    ]
    for (const [query, headers] of forms) {
      const path = query === '' ? '/n' : `/n${query}${own}`
      const reply = await around.call(path, headers.authorization === undefined ? { headers } : { headers, token: '' })
      const receipt = around.upstream.receipts.at(-1)
      if (reply.status === 200) {
        const seen = `${receipt?.url} ${receipt?.rawHeaders.join(' ')}`
        assert.ok(!seen.includes(own), `${query || Object.keys(headers)} reached the upstream`)
        assert.ok(!seen.includes(Buffer.from(`u:${own}`).toString('base64')))
      } else assert.ok([400, 401, 403].includes(reply.status), `${reply.status}`)
    }
    assertClean(await around.oracle.search(around.upstream.bytes(), 'upstream', ['token']))
  })

  test('keeps two services on one origin apart (A-10)', async () => {
    const secrets = new Map<string, string>()
    const tokens = new Map<string, string>()
    for (const name of ['left', 'right']) {
      secrets.set(name, around.oracle.canary(name))
      const made = await furnish(around.gateway, {
        name,
        origins: [around.upstream.origin],
        secret: secrets.get(name)!,
      })
      tokens.set(name, made.token)
    }
    around.upstream.forget()
    const random = seeded(runSeed('two services'))
    await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        const name = random.pick(['left', 'right'])
        await around.call(`/${name}/${n}`, { service: name, token: tokens.get(name)! })
      }),
    )
    assert.equal(around.upstream.receipts.length, 300)
    for (const { url, headers } of around.upstream.receipts) {
      assert.deepEqual(headers.get('authorization'), [`Bearer ${secrets.get(url.split('/')[1]!)}`])
    }
  })
})

describe('what may be stored', () => {
  test('is no credential that would break a header (B-03)', async () => {
    await using around = await world()
    const strings = [
      ...hostileStrings(runSeed('hostile secrets'), 400),
      'long enough\r\nX: y',
      'long enough\0',
      'long enough \u010d\u010a',
      'long enough é',
    ]
    let taken = 0
    for (const [n, value] of strings.entries()) {
      const reply = await around.gateway.operator('POST', '/credentials', {
        handle: `h${n}`,
        service: 'u',
        secret: value,
      })
      assert.ok(reply.status < 500, `${JSON.stringify(value.slice(0, 40))} → ${reply.status}`)
      if (reply.status >= 300) continue
      taken++
      assert.match(value, /^[\t\x20-\x7e]+$/, `took ${JSON.stringify(value.slice(0, 40))}`)
    }
    assert.ok(taken > 0)
    assert.equal((await around.call('/n')).status, 200)
  })

  test('is no service whose origin hides another (A-02, A-03)', async () => {
    await using around = await world()
    const E = `127.0.0.1:${around.attacker.port}`
    const origins = [
      `http://127.0.0.1:${around.upstream.port}@${E}`,
      `http://user:pass@${E}`,
      `http://${E}\\@127.0.0.1`,
      `http://${E}/path`,
      `http://${E}?q`,
      `http://${E}#f`,
      `http://${E}\t`,
      `http:\\\\${E}`,
      `http:${E}`,
      `//${E}`,
      `ftp://${E}`,
      `file:///etc/passwd`,
      `javascript://${E}`,
      'https://*.com',
      'https://*.co.uk',
      'https://*.github.io',
      'https://a.*.example.com',
      'https://*example.com',
      'https://example.com.',
      'https://exa mple.com',
      'https://example.com:99999',
      'https://example.com:22',
      'https://%65xample.com',
      'https://',
      '',
    ]
    for (const [n, origin] of origins.entries()) {
      const service = { name: `o${n}`, origins: [origin], addresses: loopback, injection: { kind: 'bearer' } }
      const reply = await around.gateway.operator('POST', '/services', service)
      assert.ok(reply.status >= 400 && reply.status < 500, `${origin} → ${reply.status}`)
    }
    assert.equal(around.attacker.accepts, 0)
  })
})
