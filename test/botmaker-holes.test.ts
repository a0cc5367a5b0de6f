// What BotMaker's own proxy let through or lost, and this door does not: the table of botmaker.md §6, by its ids.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { API_KEY, BotMakerWorld, json } from './instruments/botmaker-world.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import type { Reply } from './instruments/send.ts'
import { closed, until } from './instruments/wait.ts'

let world: BotMakerWorld
let bots = 0
before(async () => {
  world = await BotMakerWorld.start()
})
after(() => world[Symbol.asyncDispose]())
beforeEach(() => {
  for (const segment of ['v1', 'v1beta']) world.answers(segment, (_, response) => json(response, 200, { ok: true }))
})
afterEach(async () => {
  const { items } = await world.gateway.does<{ items: { handle: string }[] }>('GET', '/llm/keys')
  for (const { handle } of items) await world.gateway.does('DELETE', `/llm/keys/${handle}`)
  world.upstream.forget()
})

const bot = (more: Readonly<Record<string, unknown>> = {}) => world.bot(`bot-${++bots}`, more)
const last = () => world.upstream.receipts.at(-1)!
const posts = () => world.upstream.receipts.filter(({ method }) => method === 'POST')
const gets = () => world.upstream.receipts.filter(({ method }) => method === 'GET')
interface KeySeen {
  readonly handle: string
  readonly vendor: string
  readonly status: string
  readonly heldFrom?: readonly string[]
}
const keysNow = async () => (await world.gateway.does<{ items: KeySeen[] }>('GET', '/llm/keys')).items
const errorOf = (reply: Reply) => [reply.status, (reply.json() as { error: string }).error]

test('BM-01 the vendor’s own headers arrive as they were sent, and none is added', async () => {
  await world.key('anthropic')
  const token = await bot()
  const sent = {
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'one,two',
    'openai-organization': 'org-mine',
    'idempotency-key': 'abc',
    accept: 'text/event-stream',
    'user-agent': 'OpenAI/JS 7.15.0',
    'content-type': 'application/json',
  }
  const dropped = { cookie: 'a=b', 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1', 'x-api-key': token }
  await world.call('', '/v1/anthropic/v1/messages', { headers: { ...sent, ...dropped }, body: '{}' })
  for (const [name, value] of Object.entries(sent)) assert.deepEqual(last().headers.get(name), [value], name)
  for (const name of ['cookie', 'x-forwarded-for', 'forwarded']) assert.equal(last().headers.get(name), undefined, name)
  assert.deepEqual(last().headers.get('x-api-key'), [API_KEY])
  await world.call(token, '/v1/anthropic/v1/messages', { body: '{}' })
  const names = [...last().headers.keys()].sort()
  const ours = ['accept-encoding', 'connection', 'content-length', 'host', 'x-api-key']
  assert.deepEqual(
    names.filter((name) => !ours.includes(name)),
    [],
  )
})

test('BM-02 the query arrives as it was sent', async () => {
  await world.key('anthropic')
  await world.call(await bot(), '/v1/anthropic/v1/messages?beta=true&alt=sse&x=%20y', { body: '{}' })
  assert.equal(last().url, '/v1/messages?beta=true&alt=sse&x=%20y')
})

test('BM-03 Google’s clients sign in as they are, and the token goes no further', async () => {
  await world.key('google')
  const token = await bot()
  const path = '/v1/google/models/gemini-3-pro:streamGenerateContent'
  for (const [url, headers] of [
    [path, { 'x-goog-api-key': token }],
    [`${path}?key=${token}`, {}],
    [`${path}?alt=sse&key=${token}&a=b`, {}],
  ] as const) {
    const reply = await world.call('', url, { headers, body: '{}' })
    assert.equal(reply.status, 200, reply.text())
    assert.deepEqual(last().headers.get('x-goog-api-key'), [API_KEY])
  }
  assert.equal(last().url, '/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse&a=b')
  assert.ok(!world.upstream.bytes().includes(token))
  // At other vendors the query is no place for a token, and one there is not sent on.
  await world.key('openai')
  const elsewhere = await world.call('', `/v1/openai/chat/completions?key=${token}`, { body: '{}' })
  assert.deepEqual(errorOf(elsewhere), [401, 'Missing authorization'])
  const twice = await world.call(token, `/v1/openai/chat/completions?key=${token}`, { body: '{}' })
  assert.equal(twice.status, 400)
})

test('BM-04 what is no inference, list of models or batch is refused until an operator opens it', async () => {
  await world.key('openai')
  await world.key('anthropic')
  await world.key('google')
  const token = await bot()
  const refused = [
    ['GET', '/v1/openai/files'],
    ['GET', '/v1/openai/organization/users'],
    ['POST', '/v1/openai/organization/admin_api_keys'],
    ['DELETE', '/v1/openai/models/ft-x'],
    ['GET', '/v1/openai/dashboard/billing/usage'],
    ['POST', '/v1/openai'],
    ['GET', '/v1/anthropic/v1/organizations/me'],
    ['GET', '/v1/anthropic/v1/files'],
    ['POST', '/v1/google/files'],
    ['POST', '/v1/google/models/x:getIamPolicy'],
  ] as const
  for (const [method, path] of refused) {
    assert.deepEqual(
      errorOf(await world.call(token, path, { method })),
      [403, 'Not allowed: path'],
      `${method} ${path}`,
    )
  }
  for (const path of ['/v1/openai/../admin', '/v1/openai/chat//completions', '/v1/openai/models/%2e%2e/files']) {
    assert.equal((await world.call(token, path, { method: 'GET' })).status, 400, path)
  }
  assert.equal(world.upstream.receipts.length, 0)
  await world.done('PATCH', `/admin/bots/bot-${bots}`, { paths: ['GET /files', '/files/*'] })
  for (const path of ['/files', '/files/f-1/content', '/models', '/models/gpt-5.2']) {
    assert.equal((await world.call(token, `/v1/openai${path}`, { method: 'GET' })).status, 200, path)
  }
  const other = await world.call(token, '/v1/openai/files', { method: 'DELETE' })
  assert.deepEqual(errorOf(other), [403, 'Not allowed: path'])
})

/** The most memory that the process ever had, KiB. */
function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

const noProc = existsSync('/proc/self/status') ? false : 'there is no /proc here'

test('BM-05 requests of 10 MiB pass while they come, and are not kept in memory', { skip: noProc }, async () => {
  await world.key('openai')
  const token = await bot()
  world.answers('v1', (request, response) => void request.on('end', () => json(response, 200, { ok: true })))
  const big = Buffer.from(JSON.stringify({ model: 'gpt-5.2', image: 'x'.repeat(10 * 1024 * 1024) }))
  const headers = { 'content-type': 'application/json' }
  const sendOne = () => world.call(token, '/v1/openai/chat/completions', { headers, body: big })
  await Promise.all([sendOne(), sendOne()])
  const before = peakOf(world.gateway.pid)
  const replies = await Promise.all(Array.from({ length: 24 }, sendOne))
  for (const reply of replies) assert.equal(reply.status, 200)
  const sha256 = createHash('sha256').update(big).digest('hex')
  for (const { body } of world.upstream.receipts) assert.deepEqual([body.length, body.sha256], [big.length, sha256])
  assert.deepEqual(last().headers.get('content-length'), [String(big.length)])
  // Of 240 MiB.
  assert.ok(peakOf(world.gateway.pid) - before < 120 * 1024, `${before} → ${peakOf(world.gateway.pid)} KiB`)
})

test('BM-06 a key with a tag serves bots with that tag and nobody else', async () => {
  await world.key('openai', 'sk-tagged-0123456789abcdef', { tag: 'prod' })
  const [tagged, untagged] = [await bot({ tags: ['dev', 'prod'] }), await bot()]
  const none = [503, 'No API keys available for vendor: openai']
  assert.deepEqual(errorOf(await world.chat(untagged)), none)
  assert.equal((await world.chat(tagged)).status, 200)
  assert.deepEqual(last().headers.get('authorization'), ['Bearer sk-tagged-0123456789abcdef'])
  await world.key('openai', 'sk-untagged-0123456789abcd')
  assert.equal((await world.chat(untagged)).status, 200)
  assert.deepEqual(last().headers.get('authorization'), ['Bearer sk-untagged-0123456789abcd'])
  // A tag that is taken from a bot takes its keys.
  await world.done('PATCH', `/admin/bots/bot-${bots - 1}`, { tags: [] })
  await world.chat(tagged)
  assert.deepEqual(last().headers.get('authorization'), ['Bearer sk-untagged-0123456789abcd'])
  // The gate knows of it too: there is no grant for the other key.
  const grants = await world.gateway.does<{ items: { door?: string; agent: string; status: string }[] }>(
    'GET',
    '/grants',
  )
  const agent = (await world.gateway.does<{ items: { name: string; agent: string }[] }>('GET', '/llm/bots')).items.find(
    ({ name }) => name === `bot-${bots - 1}`,
  )!.agent
  const live = grants.items.filter((one) => one.agent === agent && one.door === 'botmaker' && one.status === 'active')
  assert.equal(live.length, 1)
})

test('BM-06 any key will do for a bot that an operator said so of', async () => {
  await world.key('openai', 'sk-tagged-0123456789abcdef', { tag: 'prod' })
  const token = await bot()
  assert.equal((await world.chat(token)).status, 503)
  await world.done('PATCH', `/admin/bots/bot-${bots}`, { anyKey: true })
  assert.equal((await world.chat(token)).status, 200)
  await world.gateway.does('DELETE', `/llm/bots/bot-${bots}`)
})

test('BM-07 vendors and an end bound a bot from the next request on', async () => {
  await world.key('openai')
  const token = await bot()
  const patch = (body: unknown) => world.done('PATCH', `/admin/bots/bot-${bots}`, body)
  assert.equal((await world.chat(token)).status, 200)
  await patch({ vendors: ['anthropic'] })
  assert.deepEqual(errorOf(await world.chat(token)), [403, 'Not allowed: vendor'])
  await patch({ vendors: null })
  assert.equal((await world.chat(token)).status, 200)
  await patch({ expiresAt: Math.floor(Date.now() / 1_000) - 1 })
  assert.deepEqual(errorOf(await world.chat(token)), [403, 'Invalid bot token'])
  await patch({ expiresAt: null })
  assert.equal((await world.chat(token)).status, 200)
  await world.gateway.does('POST', `/agents/bot-${bots}/lock`)
  assert.deepEqual(errorOf(await world.chat(token)), [403, 'Invalid bot token'])
})

test('BM-08 a key that its vendor refuses gives its turn to the next, and rests until an operator looks', async () => {
  const [bad, good] = ['sk-bad-0123456789abcdef', 'sk-good-0123456789abcdef']
  world.answers('v1', (request, response) => {
    if (request.headers.authorization?.includes(bad)) json(response, 401, { error: 'no' })
    else json(response, 200, { ok: true })
  })
  const id = await world.key('openai', bad)
  await world.key('openai', good)
  const token = await bot()
  for (let n = 0; n < 4; n += 1) assert.equal((await world.chat(token, { n })).status, 200)
  const stands = async () => (await keysNow()).find(({ handle }) => handle === id)?.status
  const asked = (key: string) => posts().filter(({ headers }) => headers.get('authorization')?.[0] === `Bearer ${key}`)
  await until(async () => (await stands()) === 'aside')
  assert.deepEqual([asked(bad).length, asked(good).length], [1, 4])
  assert.deepEqual(asked(bad)[0]!.body.bytes, asked(good)[0]!.body.bytes)
  await world.gateway.does('POST', `/llm/keys/${id}/take-back`)
  assert.equal(await stands(), 'usable')
  // A new secret is a look, too.
  await until(async () => {
    await world.chat(token)
    return (await stands()) === 'aside'
  })
  await world.gateway.does('POST', `/credentials/${id}/rotate`, { secret: 'sk-new-0123456789abcdef' })
  await until(async () => (await stands()) === 'usable')
})

test('BM-08 the last key’s refusal is the bot’s to see; nothing is sent twice once the vendor took it', async () => {
  await world.key('openai', 'sk-one-0123456789abcdef')
  await world.key('openai', 'sk-two-0123456789abcdef')
  const token = await bot()
  world.answers('v1', (_, response) => json(response, 500, { error: 'half done' }))
  assert.equal((await world.chat(token)).status, 500)
  assert.equal(world.upstream.receipts.length, 1)
  world.answers('v1', (_, response) => json(response, 429, { error: 'slow down' }, { 'retry-after': '7' }))
  const reply = await world.chat(token)
  assert.deepEqual([reply.status, reply.headers['retry-after']], [429, '7'])
  assert.deepEqual(errorOf(await world.chat(token)), [503, 'No API keys available for vendor: openai'])
})

test('BM-08 one request takes at most one key, and none where the bot named the account that was refused', async () => {
  const keys = ['sk-one-0123456789abcdef', 'sk-two-0123456789abcdef', 'sk-three-0123456789abcd']
  for (const key of keys) await world.key('openai', key)
  const token = await bot()
  world.answers('v1', (_, response) => json(response, 401, { error: 'no' }))
  const aside = async () => (await keysNow()).filter(({ status }) => status === 'aside').length
  for (const name of ['openai-organization', 'openai-project', 'x-goog-user-project']) {
    const sentBefore = world.upstream.receipts.length
    const headers = { 'content-type': 'application/json', [name]: 'not-ours' }
    const reply = await world.call(token, '/v1/openai/chat/completions', { headers, body: '{"model":"gpt-5.2"}' })
    assert.deepEqual([reply.status, world.upstream.receipts.length - sentBefore, await aside()], [401, 1, 0], name)
  }
  assert.equal((await world.chat(token)).status, 401)
  assert.equal(posts().length, 5)
  await until(async () => (await aside()) === 1)
  world.answers('v1', (_, response) => json(response, 200, { ok: true }))
  assert.equal((await world.chat(await bot())).status, 200)
})

test('BM-08 a 401 that a bot brings about takes the key from that bot alone, and that of two from all', async () => {
  await world.key('openai', 'sk-one-0123456789abcdef')
  const [one, two] = [await bot(), await bot()]
  world.answers('v1', (request, response) => {
    json(response, request.headers['x-odd'] === undefined ? 200 : 401, { ok: true })
  })
  const odd = (token: string) =>
    world.call(token, '/v1/openai/chat/completions', { headers: { 'x-odd': 'yes' }, body: '{"model":"gpt-5.2"}' })
  const none = [503, 'No API keys available for vendor: openai']
  assert.equal((await odd(one)).status, 401)
  assert.deepEqual(errorOf(await world.chat(one)), none)
  assert.equal((await world.chat(two)).status, 200)
  const [key] = await keysNow()
  assert.deepEqual([key?.status, key?.heldFrom], ['usable', [`bot-${bots - 1}`]])
  // The gateway asks with the key, and with nothing of the bot's.
  await until(() => gets().length > 0)
  const [asked, ...more] = gets()
  assert.deepEqual([asked?.url, more.length], ['/v1/models', 0])
  assert.deepEqual(asked?.headers.get('authorization'), ['Bearer sk-one-0123456789abcdef'])
  assert.equal(asked?.headers.get('x-odd'), undefined)
  assert.equal((await odd(two)).status, 401)
  assert.deepEqual((await keysNow())[0]?.status, 'aside')
})

test('BM-08 a key whose vendor refuses the gateway too is nobody’s, and one that a single bot may use is not asked about', async () => {
  await world.key('openai', 'sk-dead-0123456789abcdef')
  await world.key('anthropic', 'sk-ant-0123456789abcdef', { tag: `solo-${bots}` })
  const solo = await bot({ tags: [`solo-${bots}`] })
  const [one, two] = [await bot(), await bot()]
  world.answers('v1', (_, response) => json(response, 401, { error: 'no' }))
  assert.equal((await world.chat(one)).status, 401)
  await until(async () => (await keysNow()).some(({ vendor, status }) => vendor === 'openai' && status === 'aside'))
  assert.deepEqual(errorOf(await world.chat(two)), [503, 'No API keys available for vendor: openai'])
  const sentBefore = world.upstream.receipts.length
  assert.equal((await world.call(solo, '/v1/anthropic/v1/messages', { body: '{}' })).status, 401)
  assert.ok((await keysNow()).every(({ status }) => status === 'aside'))
  assert.equal(world.upstream.receipts.length, sentBefore + 1)
})

test('BM-08 one bot’s 403 takes a key from nobody; that of two does', async () => {
  world.answers('v1', (_, response) => json(response, 403, { error: 'not that model' }))
  await world.key('openai', 'sk-one-0123456789abcdef')
  const [one, two] = [await bot(), await bot()]
  for (let n = 0; n < 3; n += 1) assert.equal((await world.chat(one)).status, 403)
  world.answers('v1', (_, response) => json(response, 200, { ok: true }))
  assert.equal((await world.chat(two)).status, 200)
  world.answers('v1', (_, response) => json(response, 403, { error: 'no' }))
  assert.equal((await world.chat(two)).status, 403)
  await until(async () => (await world.chat(one)).status === 503)
  assert.deepEqual(errorOf(await world.chat(one)), [503, 'No API keys available for vendor: openai'])
})

test('BM-05 what is kept of bodies that are still to come is bounded: beyond it they go on as they come', async () => {
  await world.key('openai')
  const token = await bot()
  const { port } = world.gateway
  const acceptsBefore = world.upstream.accepts
  const length = 1024 * 1024
  const head = `POST /v1/openai/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n{`
  const begun = () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.write(head)
    return socket
  }
  const sockets = Array.from({ length: 128 }, begun)
  await until(() => sockets.every(({ bytesWritten, pending }) => !pending && bytesWritten > 0))
  // Each that comes now is sent on before its body is there, once all of the others were read.
  await until(async () => {
    sockets.push(begun())
    return world.upstream.accepts > acceptsBefore
  })
  for (const socket of sockets) socket.destroy()
})

test('BM-07 a model to fall back on is a model too', async () => {
  await world.key('openai')
  const token = await bot({ models: ['gpt-5*'] })
  assert.equal((await world.chat(token, { model: 'gpt-5.2' })).status, 200)
  const reply = await world.chat(token, { model: 'gpt-5.2', models: ['o3-deep-research'] })
  assert.deepEqual(errorOf(reply), [403, 'Not allowed: model'])
})

test('BM-08 keys take turns, also over a restart', async () => {
  const keys = ['sk-a-0123456789abcdef', 'sk-b-0123456789abcdef', 'sk-c-0123456789abcdef']
  for (const key of keys) await world.key('openai', key)
  const token = await bot()
  const used = () => keys.findIndex((key) => last().headers.get('authorization')?.[0] === `Bearer ${key}`)
  const turns: number[] = []
  for (let n = 0; n < 7; n += 1) {
    if (n === 4) await world.gateway.restart()
    await world.chat(token)
    turns.push(used())
  }
  const first = turns[0]!
  assert.deepEqual(
    turns,
    turns.map((_, n) => (first + n) % 3),
  )
})

test('BM-09 administration is at its own listener, and nowhere else', async () => {
  const token = await bot()
  for (const path of ['/admin/health', '/admin/keys', '/admin/bots']) {
    assert.equal((await world.call(token, path, { method: 'GET' })).status, 404, path)
    const headers = { host: `127.0.0.1:${world.gateway.port}`, authorization: `Bearer ${token}` }
    assert.equal((await world.gateway.agent('GET', path, { headers })).status, 404, path)
  }
  assert.equal((await world.admin('POST', '/v1/openai/chat/completions', {})).status, 404)
})

test('BM-11 what a vendor says of the key and of its organisation does not reach the bot', async () => {
  const key = 'sk-proj-AbCdEfGhIjKlMnOpQrStUvWxYz012345'
  const handle = await world.key('openai', key)
  const token = await bot()
  const said = {
    error: {
      message: `Incorrect API key provided: sk-proj-A***************************2345. You said ${key}. Organization org-AbCdEf123456 has none (sk-proj...2345).`,
      organization: 'Acme Corp',
    },
  }
  world.answers('v1', (_, response) =>
    json(response, 429, said, { 'openai-organization': 'acme-corp', 'x-request-id': 'r1' }),
  )
  const reply = await world.chat(token)
  assert.equal(reply.status, 429)
  for (const part of [key, 'sk-proj-A*', '2345', 'org-AbCdEf123456', 'Acme']) {
    assert.ok(!reply.text().includes(part), `${part} in ${reply.text()}`)
  }
  assert.deepEqual([reply.headers['openai-organization'], reply.headers['x-request-id']], [undefined, 'r1'])
  assert.ok((reply.json() as { error: { message: string } }).error.message.startsWith('Incorrect API key provided'))
  await world.gateway.does('POST', `/llm/keys/${handle}/take-back`)
  // Nor where it says so in the midst of a stream.
  const delta = `data: {"choices":[{"delta":{"content":"error sk-ab***yz"}}]}\n\n`
  world.answers('v1', (_, response) => {
    const error = `event: error\ndata: ${JSON.stringify(said)}\n\n`
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-length': delta.length + error.length })
    response.end(`${delta}${error}`)
  })
  const streamed = (await world.chat(token, { stream: true })).text()
  assert.ok(
    streamed.startsWith(`${delta}event: error\ndata: {"error":{"message":"Incorrect API key provided: [redacted]`),
  )
  for (const part of [key, '2345', 'org-AbCdEf123456', 'Acme']) assert.ok(!streamed.includes(part), streamed)
  JSON.parse(streamed.slice(streamed.lastIndexOf('data: ') + 6))
})

test('BM-13 redirects of a vendor are handed over and not followed; an inside address that nobody named is not dialled', async () => {
  await using elsewhere = await startUpstream()
  await world.key('openai')
  const token = await bot()
  world.answers(
    'v1',
    (_, response) => void response.writeHead(307, { location: `${elsewhere.upstream.origin}/v1/x` }).end(),
  )
  assert.equal((await world.chat(token)).status, 307)
  assert.equal(elsewhere.upstream.receipts.length, 0)
  // A name that means an inside address, which the service does not say that it may have.
  const inside = { name: 'groq', template: 'groq', origins: ['https://localhost:8443'] }
  assert.equal((await world.gateway.operator('POST', '/services', inside)).status, 422)
})

test('events pass one by one, and a bot that leaves ends the vendor’s answer', async () => {
  await world.key('openai')
  const token = await bot()
  let end: (() => void) | undefined
  const gone = new Promise<void>((resolve) => {
    world.answers('v1', (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: {"n":1}\n\n')
      end = () => void response.write('data: {"n":2}\n\n')
      void closed(request.socket).then(resolve)
    })
  })
  const stop = new AbortController()
  const seen: string[] = []
  const call = world.call(token, '/v1/openai/chat/completions', {
    body: '{"stream":true}',
    signal: stop.signal,
    onChunk: (chunk) => {
      seen.push(chunk.toString())
      if (seen.length === 1) end?.()
      else stop.abort()
    },
  })
  await assert.rejects(call)
  await gone
  assert.deepEqual(seen, ['data: {"n":1}\n\n', 'data: {"n":2}\n\n'])
})

async function startUpstream() {
  const upstream = await RecordingUpstream.start()
  return { upstream, [Symbol.asyncDispose]: () => upstream.close() }
}
