// What stands for keys: replaced where the service says, refused everywhere else, and never seen by anybody outside.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, beforeEach, describe, test } from 'node:test'
import { MARK } from '../src/ground/placeholder-shape.ts'
import { runs } from './instruments/command-line.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { furnish, loopback, type World, world } from './instruments/world.ts'

interface Given {
  readonly id: string
  readonly service: string
  readonly credential: string
  readonly variables: readonly string[]
  readonly origins: readonly string[]
  readonly placeholder: string
}

interface Holder {
  readonly token: string
  readonly given: ReadonlyMap<string, Given>
}

/** How each kind of service takes its key, and the places where a placeholder may then stand. */
const kinds = {
  head: { service: { injection: { kind: 'header', name: 'X-Shop-Key' } }, places: ['header'] },
  plain: { service: { injection: { kind: 'bearer' } }, places: ['bearer', 'basic'] },
  query: { service: { injection: { kind: 'query', name: 'key' } }, places: ['query', 'query, escaped'] },
  path: { service: { injection: { kind: 'path', segment: 'bot{secret}' } }, places: ['path'] },
  body: {
    service: { injection: { kind: 'body' }, bodyFields: ['key', '/auth/key'] },
    places: ['member', 'member, escaped', 'nested member', 'field', 'field, escaped'],
  },
} as const
type Kind = keyof typeof kinds

interface Sent {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Readable
}

const json = { 'content-type': 'application/json' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const escaped = (text: string) => text.replace('cfade', '%63fad%65')
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** A call with the placeholder in each place that there is. */
const places: Readonly<Record<string, (placeholder: string) => Sent>> = {
  header: (it) => ({ headers: { 'x-shop-key': it } }),
  'other header': (it) => ({ headers: { 'x-note': `see ${it}` } }),
  'name of a header': (it) => ({ headers: { [`x-${it}`]: '1' } }),
  cookie: (it) => ({ headers: { cookie: `session=${it}` } }),
  bearer: (it) => ({ headers: { authorization: `Bearer ${it}` } }),
  basic: (it) => ({ headers: { authorization: `Basic ${base64(`user:${it}`)}` } }),
  query: (it) => ({ path: `/ok/x?a=1&key=${it}&b=2` }),
  'query, escaped': (it) => ({ path: `/ok/x?a=1&key=${escaped(it)}&b=2` }),
  'other query': (it) => ({ path: `/ok/x?other=${it}` }),
  'other query, escaped': (it) => ({ path: `/ok/x?other=${escaped(it)}` }),
  path: (it) => ({ path: `/bot${it}/ok/x` }),
  'other path': (it) => ({ path: `/ok/${it}` }),
  member: (it) => ({ headers: json, body: `{"a": [1, {"key": 2}], "key" : "${it}", "z":{"key":"q\\""}}` }),
  'member, escaped': (it) => ({ headers: json, body: `{"key":"${it.replace('cf', '\\u0063f')}"}` }),
  'nested member': (it) => ({ headers: json, body: JSON.stringify({ auth: { key: it } }) }),
  'other member': (it) => ({ headers: json, body: JSON.stringify({ keys: it, auth: { token: it } }) }),
  'other member, escaped': (it) => ({ headers: json, body: `{"note":"${it.replace('cf', '\\u0063f')}"}` }),
  'too deep': (it) => ({ headers: json, body: JSON.stringify({ x: { auth: { key: it } }, y: [{ key: it }] }) }),
  'a name': (it) => ({ headers: json, body: JSON.stringify({ [it]: 1 }) }),
  'a member with more': (it) => ({ headers: json, body: JSON.stringify({ key: `Bearer ${it}` }) }),
  field: (it) => ({ headers: form, body: `a=1&key=${it}&b=2` }),
  'field, escaped': (it) => ({ headers: form, body: `key=${escaped(it)}` }),
  'other field': (it) => ({ headers: form, body: `keys=${it}` }),
  'other field, escaped': (it) => ({ headers: form, body: `keys=${escaped(it)}` }),
  text: (it) => ({ headers: { 'content-type': 'text/plain' }, body: `my key is ${it}.` }),
}

describe('placeholders', () => {
  let around: World
  let one: Holder
  let two: Holder
  /** The placeholders are of a run that is over, the token is not. */
  let ended: Holder
  const folder = mkdtempSync(join(tmpdir(), 'claviger-placeholders-'))

  const secretOf = (kind: string) => `secret-of-${kind}-0123456789`

  async function holder(agent: string, token?: string): Promise<Holder> {
    const { gateway } = around
    const issued = token ?? (await gateway.does<{ token: string }>('POST', '/tokens', { agent })).token
    return { token: issued, given: await given(issued) }
  }

  async function given(token: string, body = {}): Promise<Map<string, Given>> {
    const reply = await own('POST', '', token, body)
    assert.equal(reply.status, 200, reply.text())
    const { items } = reply.json() as { items: Given[] }
    return new Map(items.map((item) => [item.service, item]))
  }

  function own(method: string, path: string, token: string, body?: object): Promise<Reply> {
    return around.gateway.agent(method, `/claviger/v1/agents/self/placeholders${path}`, {
      headers: { ...host(), authorization: `Bearer ${token}`, ...(body && json) },
      ...(body && { body: JSON.stringify(body) }),
    })
  }

  const host = () => ({ host: `127.0.0.1:${around.gateway.port}` })

  function call(service: string, token: string, { path = '/ok/x', headers, body }: Sent): Promise<Reply> {
    return around.gateway.agent(body === undefined ? 'GET' : 'POST', `/to/${service}${path}`, {
      headers: { ...host(), 'x-api-key': token, ...headers },
      body,
    })
  }

  before(async () => {
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    around.upstream.on('waits', (request, response) => request.on('end', () => response.end('whole')).resume())
    const { gateway, upstream, attacker } = around
    const origins = [upstream.origin]
    for (const [name, { service }] of Object.entries(kinds)) {
      await gateway.does('POST', '/services', { name, origins, addresses: loopback, ...service })
      await gateway.does('POST', '/credentials', { handle: `${name}-key`, service: name, secret: secretOf(name) })
    }
    await furnish(gateway, { name: 'away', origins: [attacker.origin], secret: secretOf('away') })
    for (const agent of ['one', 'two']) {
      await gateway.does('POST', '/agents', { name: agent })
      for (const service of [...Object.keys(kinds), 'away'])
        await gateway.does('POST', '/grants', { agent, service, scopes: [`${service}:*`] })
    }
    one = await holder('one')
    two = await holder('two')
    const run = await gateway.does<{ id: string; token: string }>('POST', '/tokens', { agent: 'one' })
    ended = { ...(await holder('one', run.token)), token: one.token }
    await gateway.does('DELETE', `/tokens/${run.id}`)
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    around.upstream.forget()
    around.attacker.forget()
  })

  for (const [kind, { places: right }] of Object.entries(kinds) as [Kind, (typeof kinds)[Kind]][]) {
    test(`are replaced for a service of the kind '${kind}' in ${right.join(', ')}, and nowhere else`, async () => {
      const { upstream, attacker } = around
      for (const [place, sent] of Object.entries(places)) {
        const isRight = (right as readonly string[]).includes(place)
        const it = (one.given.get(kind) as Given).placeholder
        const reply = await call(kind, one.token, sent(it))
        assert.equal(reply.status, isRight ? 200 : 400, `${place}: ${reply.text()}`)
        if (!isRight) assert.equal(reply.code, 'placeholder_misplaced', place)
        else assert.ok(upstream.bytes().includes(kind === 'plain' ? 'Bearer secret-of-plain' : secretOf(kind)), place)
        const elsewhere = await call('away', one.token, sent(it))
        assert.match(
          `${elsewhere.status} ${elsewhere.code}`,
          /^(?:403 placeholder_elsewhere|400 placeholder_misplaced)$/,
          place,
        )
        for (const [whose, { given }] of [
          ['other', two],
          ['dead', ended],
        ] as const) {
          const refused = await call(kind, one.token, sent((given.get(kind) as Given).placeholder))
          const codes = /^(?:403 placeholder_unknown|400 placeholder_misplaced)$/
          assert.match(`${refused.status} ${refused.code}`, codes, `${whose} ${place}`)
        }
        for (const bytes of [upstream.bytes(), attacker.bytes()]) {
          assert.ok(
            !decodeURIComponent(bytes.toString('latin1').replaceAll(/%(?![0-9A-F]{2})/gi, '')).includes(MARK),
            place,
          )
        }
        upstream.forget()
        attacker.forget()
      }
    })
  }

  test('are replaced in bodies that stream, wherever the pieces end, and stop them in any other place', async () => {
    const it = (one.given.get('body') as Given).placeholder
    const filler = `{"list":[${'"x",'.repeat(40_000)}1],`
    for (const cut of [0, 1, 3, 8, 20, 41, 60]) {
      const text = `${filler}"key":"${it}","end":true}`
      const at = filler.length + cut
      const pieces = [text.slice(0, filler.length), text.slice(filler.length, at), text.slice(at)].filter(
        (one) => one !== '',
      )
      const reply = await call('body', one.token, {
        path: '/waits/x',
        headers: json,
        body: Readable.from(pieces.map((one) => Buffer.from(one))),
      })
      assert.equal(reply.status, 200, reply.text())
      const [received] = around.upstream.received('/waits/x')
      await until(() => received?.body.complete === true)
      assert.equal(received?.body.length, text.length - it.length + secretOf('body').length)
      around.upstream.forget()
      const wrong = text.replace('"key"', '"kez"')
      const stopped = await call('body', one.token, {
        path: '/waits/x',
        headers: json,
        body: Readable.from([wrong.slice(0, at), wrong.slice(at)].map((one) => Buffer.from(one))),
      })
      assert.equal(stopped.code, 'placeholder_misplaced')
      assert.ok(!around.upstream.bytes().includes(MARK))
      around.upstream.forget()
    }
  })

  test('are refused in bodies that another reader may read otherwise, before anything of them is sent', async () => {
    const it = (one.given.get('body') as Given).placeholder
    const doubtful: Readonly<Record<string, Sent & { readonly headers: Readonly<Record<string, string>> }>> = {
      coded: { headers: { ...json, 'content-encoding': 'br' }, body: JSON.stringify({ key: it }) },
      'utf-7': { headers: { 'content-type': 'application/json; charset=utf-7' }, body: `{"key":"${it}"}` },
      quotes: { headers: json, body: `{"key":'"', 'text':'" "${it}"'}` },
      comments: { headers: json, body: `{"key":/*"*/"x","text":/*"*/"${it}"}` },
      'no JSON behind it': { headers: json, body: `{"key":"${it}"} "` },
      'the handle in no JSON': { headers: json, body: '"a" {"key":"clv_handle_body-key"}' },
      'said twice': { headers: json, body: `{"key":"${it}","key":"x"}` },
      semicolon: { headers: form, body: `a=1;text=2&key=${it}` },
    }
    for (const [name, sent] of Object.entries(doubtful)) {
      const reply = await call('body', one.token, sent)
      assert.equal(`${reply.status} ${reply.code}`, '400 placeholder_unreadable', name)
      // Asked for by hop: the service gets no type.
      const untyped = await call('body', one.token, {
        ...sent,
        headers: { ...sent.headers, connection: 'content-type' },
      })
      const bytes = around.upstream.bytes()
      assert.ok(untyped.status === 400 || name === 'the handle in no JSON', name)
      assert.ok(!bytes.includes(MARK) && !bytes.includes(secretOf('body')), name)
      around.upstream.forget()
    }
    const lost = await call('body', one.token, { headers: json, body: '{"text":"nothing of ours",}' })
    assert.equal(lost.status, 200)
  })

  test('come with the provider’s form and variables, are listed without their text, and end one by one', async () => {
    const { gateway } = around
    await gateway.does('POST', '/services', { name: 'openai', template: 'openai' })
    await gateway.does('POST', '/credentials', {
      handle: 'openai-key',
      service: 'openai',
      secret: 'sk-real-0123456789',
    })
    await gateway.does('POST', '/grants', { agent: 'one', service: 'openai', scopes: ['openai:*'] })
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'one' })
    const made = (await given(token, { services: ['openai'] })).get('openai') as Given
    assert.match(made.placeholder, /^sk-[A-Za-z0-9]{48}$/)
    assert.deepEqual([made.variables, made.origins], [['OPENAI_API_KEY'], ['https://api.openai.com:443']])
    assert.match(made.id, /^clv_ph_/)
    const listed = async () => (await own('GET', '', token)).json() as { items: Given[] }
    assert.ok((await listed()).items.some(({ id }) => id === made.id))
    assert.ok(!JSON.stringify(await listed()).includes(MARK))
    assert.equal((await own('DELETE', `/${made.id}`, two.token)).code, 'placeholder_gone')
    assert.equal((await own('DELETE', `/${made.id}`, token)).status, 200)
    assert.ok(!(await listed()).items.some(({ id }) => id === made.id))
    const none = await own('POST', '', token, { services: ['nobodys'] })
    assert.equal(none.code, 'service_not_granted')
  })

  test('choose the credential where the agent has several, and end with the grant', async () => {
    const { gateway, upstream } = around
    await gateway.does('POST', '/credentials', {
      handle: 'second',
      service: 'head',
      secret: 'secret-of-second-0123456789',
    })
    await gateway.does('POST', '/agents', { name: 'chooser' })
    const grant = { agent: 'chooser', service: 'head', scopes: ['head:*'] }
    await gateway.does('POST', '/grants', { ...grant, credential: 'head-key' })
    const { id } = await gateway.does<{ id: string }>('POST', '/grants', { ...grant, credential: 'second' })
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'chooser' })
    const { items } = (await own('POST', '', token, {})).json() as { items: Given[] }
    assert.deepEqual(
      items.map(({ variables }) => variables),
      [['HEAD_API_KEY'], ['SECOND']],
    )
    const second = items.find(({ credential }) => credential === 'second') as Given
    const sent = { headers: { 'x-shop-key': second.placeholder } }
    assert.equal((await call('head', token, sent)).status, 200)
    assert.deepEqual(upstream.received('/ok/x')[0]?.headers.get('x-shop-key'), ['secret-of-second-0123456789'])
    await gateway.does('DELETE', `/grants/${id}`)
    assert.equal((await call('head', token, sent)).status, 403)
    assert.equal(upstream.received('/ok/x').length, 1)
  })

  test('are on record, when they are used and when they are refused', async () => {
    const { gateway } = around
    const { id, placeholder } = one.given.get('head') as Given
    assert.equal((await call('head', one.token, { headers: { 'x-shop-key': placeholder } })).status, 200)
    const records = async (type: string) => {
      const { items } = await gateway.does<{ items: object[] }>('GET', `/audit/records?type=${type}&limit=200`)
      return JSON.stringify(items)
    }
    await until(async () => (await records('intent')).includes(id))
    await until(async () => {
      const denied = await records('deny')
      return ['placeholder_unknown', 'placeholder_elsewhere', 'placeholder_misplaced'].every((code) =>
        denied.includes(code),
      )
    })
    for (const type of ['intent', 'deny', 'auth']) assert.ok(!(await records(type)).includes(MARK), type)
  })

  test('are replaced in explicit calls and in whole URLs', async () => {
    const { gateway, upstream } = around
    const authorization = `Bearer ${one.token}`
    const { placeholder } = one.given.get('query') as Given
    const explicit = (query: object) =>
      gateway.agent('POST', '/claviger/v1/call', {
        headers: { ...host(), authorization, ...json },
        body: JSON.stringify({ service: 'query', method: 'GET', path: '/ok/x', query }),
      })
    assert.equal((await explicit({ key: placeholder })).status, 200)
    assert.equal((await explicit({ note: placeholder })).code, 'placeholder_misplaced')
    const whole = (name: string) =>
      gateway.agent('GET', `${upstream.origin}/ok/y?${name}=${placeholder}`, {
        headers: { host: new URL(upstream.origin).host, 'proxy-authorization': authorization },
      })
    assert.equal((await whole('key')).status, 200)
    assert.equal((await whole('note')).code, 'placeholder_misplaced')
    assert.deepEqual(
      upstream.receipts.map(({ url }) => url),
      [`/ok/x?key=${secretOf('query')}`, `/ok/y?key=${secretOf('query')}`],
    )
  })

  test('live on after a restart, and die with their token', async () => {
    const { gateway, upstream } = around
    const { token, id } = await gateway.does<{ token: string; id: string }>('POST', '/tokens', { agent: 'two' })
    const { placeholder } = (await given(token)).get('head') as Given
    await gateway.restart()
    const sent = { headers: { 'x-shop-key': placeholder } }
    assert.equal((await call('head', two.token, sent)).status, 200)
    assert.deepEqual(upstream.received('/ok/x')[0]?.headers.get('x-shop-key'), [secretOf('head')])
    await gateway.does('DELETE', `/tokens/${id}`)
    assert.equal((await call('head', two.token, sent)).code, 'placeholder_unknown')
  })

  test('are written to a file that is nobody else’s by the command line', async () => {
    const { home, operatorToken, port } = around.gateway
    const env = { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, CLAVIGER_PORT: String(port) }
    const asOperator = (line: string) => runs(line, env)
    const file = join(folder, 'one.env')
    await asOperator(`placeholder issue one --service head --service query --ttl 1h --out ${file}`)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    assert.deepEqual(lines.map((line) => line.split('=')[0]).sort(), ['HEAD_API_KEY', 'QUERY_API_KEY'])
    const listed = await asOperator('placeholder list one --json')
    const { items } = JSON.parse(listed.stdout) as { items: Given[] }
    const { id } = items.findLast(({ service }) => service === 'head') as Given
    await asOperator(`placeholder end ${id}`)
    const placeholder = lines.find((line) => line.startsWith('HEAD_API_KEY='))?.slice('HEAD_API_KEY='.length) ?? ''
    assert.equal(
      (await call('head', one.token, { headers: { 'x-shop-key': placeholder } })).code,
      'placeholder_unknown',
    )
  })
})
