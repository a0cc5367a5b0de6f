// The BotMaker door as its clients know it: paths, tokens, refusals and administration of the contract, word for word.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ADMIN_TOKEN, API_KEY, BotMakerWorld, json } from './instruments/botmaker-world.ts'
import { heldPort } from './instruments/held-port.ts'
import type { Reply } from './instruments/send.ts'

let world: BotMakerWorld
let token: string
before(async () => {
  world = await BotMakerWorld.start({ env: { CLAVIGER_BOTMAKER_REQUESTS_PER_MINUTE: '200' } })
  world.answers('v1', (_, response) => json(response, 200, { ok: true }))
  world.answers('v1beta', (_, response) => json(response, 200, { ok: true }))
  for (const vendor of ['openai', 'anthropic', 'google']) await world.key(vendor)
  token = await world.bot('door-bot')
})
after(() => world[Symbol.asyncDispose]())

/** `error` and status are the contract's; members beside it are ours. */
function refused(reply: Reply, status: number, error: string): void {
  assert.deepEqual([reply.status, (reply.json() as { error: string }).error], [status, error])
}

const last = () => world.upstream.receipts.at(-1)!
const headerOf = (name: string) => last().headers.get(name)

describe('calls', () => {
  test('go to the vendor with its key in the place of the token, at the vendor’s own base path', async () => {
    assert.match(token, /^[0-9a-f]{64}$/)
    const reply = await world.chat(token)
    assert.deepEqual([reply.status, reply.json()], [200, { ok: true }])
    assert.equal(last().url, '/v1/chat/completions')
    assert.deepEqual(headerOf('authorization'), [`Bearer ${API_KEY}`])
    await world.call(token, '/v1/anthropic/v1/messages', { body: '{}' })
    assert.equal(last().url, '/v1/messages')
    assert.deepEqual([headerOf('x-api-key'), headerOf('authorization')], [[API_KEY], undefined])
    await world.call(token, '/v1/google/models/gemini-3-pro:generateContent', { body: '{}' })
    assert.equal(last().url, '/v1beta/models/gemini-3-pro:generateContent')
    assert.deepEqual(headerOf('x-goog-api-key'), [API_KEY])
    assert.ok(!world.upstream.bytes().includes(token))
  })

  test('are taken at the agents’ listener too, by the alias, and by agents with a token of the gateway', async () => {
    const { gateway } = world
    const agent = await gateway.does<{ id: string }>('POST', '/agents', { name: 'native' })
    const { token: own } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'native' })
    await gateway.does('POST', '/llm/bots', { name: 'native', agent: agent.id })
    for (const path of ['/v1/openai/chat/completions', '/proxy/openai/chat/completions?a=1']) {
      for (const shown of [token, own]) {
        const headers = { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${shown}` }
        const reply = await gateway.agent('POST', path, { headers, body: '{}' })
        assert.equal(reply.status, 200, reply.text())
      }
    }
    assert.equal(last().url, '/v1/chat/completions?a=1')
  })

  test('go with a grant of the agent’s own where it is no bot', async () => {
    const { gateway } = world
    await gateway.does('POST', '/credentials', {
      handle: 'own-key',
      service: 'anthropic',
      secret: 'sk-ant-own-0123456789',
    })
    await gateway.does('POST', '/agents', { name: 'granted' })
    const { token: own } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'granted' })
    const grant = {
      agent: 'granted',
      service: 'anthropic',
      scopes: ['anthropic:inference:write'],
      credential: 'own-key',
    }
    await gateway.does('POST', '/grants', grant)
    const asked = (path: string) => world.call(own, path, { body: '{}' })
    assert.equal((await asked('/v1/anthropic/v1/messages')).status, 200)
    assert.deepEqual(headerOf('x-api-key'), ['sk-ant-own-0123456789'])
    refused(await asked('/v1/anthropic/v1/messages/batches'), 403, 'Not allowed: path')
    refused(await asked('/v1/openai/chat/completions'), 403, 'Not allowed: vendor')
  })
})

describe('refusals', () => {
  test('have the contract’s words', async () => {
    refused(await world.call('', '/v1/zzz/chat/completions'), 400, 'Unknown vendor: zzz')
    refused(await world.call('', '/v1/ollama/chat/completions'), 400, 'Unknown vendor: ollama')
    refused(await world.call('', '/v1/openai/chat/completions'), 401, 'Missing authorization')
    refused(await world.call('f'.repeat(64), '/v1/openai/chat/completions'), 403, 'Invalid bot token')
    refused(await world.call('clv_ak_nonsense', '/v1/openai/chat/completions'), 403, 'Invalid bot token')
    refused(await world.chat(token, {}, '/v1/groq/chat/completions'), 503, 'No API keys available for vendor: groq')
    refused(await world.call(token, '/v1/openai/files', { method: 'GET' }), 403, 'Not allowed: path')
    const nowhere = await world.call(token, '/else')
    assert.deepEqual([nowhere.status, (nowhere.json() as { error: string }).error], [404, 'Not Found'])
  })

  test('say 502 where the vendor cannot be reached', async () => {
    const { gateway } = world
    using nobody = await heldPort()
    await gateway.does('POST', '/services', {
      name: 'groq',
      template: 'groq',
      origins: [`http://127.0.0.1:${nobody.port}`],
      addresses: ['127.0.0.1'],
    })
    await world.key('groq', 'gsk_0123456789abcdef')
    const reply = await world.chat(token, {}, '/v1/groq/chat/completions')
    assert.equal(reply.status, 502)
    assert.match((reply.json() as { error: string }).error, /^Upstream error: /)
    assert.match(reply.headers['proxy-status'] as string, /^claviger;/)
  })

  test('say 413 to a body of more than 64 MiB, before it is sent', async () => {
    const headers = { 'content-length': String(64 * 1024 * 1024 + 1), 'content-type': 'application/json' }
    const reply = await world.call(token, '/v1/openai/chat/completions', { headers, body: undefined })
    assert.equal(reply.status, 413)
    const { statusCode, code, error, message } = reply.json() as Record<string, unknown>
    assert.deepEqual([statusCode, code, error], [413, 'FST_ERR_CTP_BODY_TOO_LARGE', 'Payload Too Large'])
    assert.equal(typeof message, 'string')
  })

  test('say that the vault is sealed, and not that there is no such vendor', async () => {
    await using other = await BotMakerWorld.start()
    await other.key('openai')
    const bot = await other.bot('sealed')
    await other.gateway.does('POST', '/seal')
    assert.equal((await other.chat(bot)).status, 503)
    assert.equal((await other.admin('GET', '/admin/health')).status, 503)
    refused(await other.call(bot, '/v1/zzz/x'), 400, 'Unknown vendor: zzz')
  })

  test('of bots whose tags cannot be read say so', async () => {
    await world.gateway.does('POST', '/llm/bots', { name: 'bad-tags', hostname: 'bad.local', tagsText: '{not json' })
    const { token: bad } = await world.gateway.does<{ token: string }>('POST', '/llm/bots/bad-tags/token')
    refused(await world.chat(bad), 500, 'Invalid bot tags configuration')
  })
})

describe('administration', () => {
  test('wants the admin token everywhere, and says so in the contract’s words', async () => {
    for (const path of ['/admin/health', '/admin/keys', '/admin/bots']) {
      refused(await world.admin('GET', path, undefined, ''), 401, 'Missing authorization')
      refused(await world.admin('GET', path, undefined, `${ADMIN_TOKEN.slice(1)}0`), 403, 'Invalid admin token')
    }
    const { status, keyCount, botCount } = await world.done('GET', '/admin/health')
    assert.equal(status, 'ok')
    assert.ok((keyCount as number) >= 3 && (botCount as number) >= 1)
  })

  test('adds, lists and removes keys, and never shows one', async () => {
    refused(await world.admin('POST', '/admin/keys', { vendor: 'openai' }), 400, 'Missing vendor or secret')
    refused(
      await world.admin('POST', '/admin/keys', { vendor: 'nope', secret: 'x'.repeat(16) }),
      400,
      'Unknown vendor: nope',
    )
    const mistral = { vendor: 'mistral', secret: 'mistral-secret-0123456789', label: 'Main', tag: 'prod' }
    const id = (await world.done('POST', '/admin/keys', mistral)).id as string
    assert.match(id, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    const listed = await world.admin('GET', '/admin/keys')
    assert.ok(!listed.text().includes('mistral-secret'))
    const [newest] = listed.json() as Record<string, unknown>[]
    const { created_at, ...rest } = newest!
    assert.deepEqual(rest, { id, vendor: 'mistral', label: 'Main', tag: 'prod' })
    assert.ok(Number.isInteger(created_at) && Math.abs((created_at as number) * 1_000 - Date.now()) < 600_000)
    assert.deepEqual(await world.done('DELETE', `/admin/keys/${id}`), { ok: true })
    refused(await world.admin('DELETE', `/admin/keys/${id}`), 404, 'Key not found')
  })

  test('adds, lists and removes bots; a token is shown once, and dies with its bot', async () => {
    refused(await world.admin('POST', '/admin/bots', { botId: 'b' }), 400, 'Missing botId or hostname')
    const one = { botId: 'Bot One', hostname: 'one.local', tags: ['prod'] }
    const made = (await world.done('POST', '/admin/bots', one)).token as string
    refused(
      await world.admin('POST', '/admin/bots', { botId: 'Bot One', hostname: 'x' }),
      409,
      'Bot already registered',
    )
    const same = { botId: 'two', hostname: 'one.local' }
    refused(await world.admin('POST', '/admin/bots', same), 409, 'Hostname already registered')
    const [newest] = (await world.admin('GET', '/admin/bots')).json() as Record<string, unknown>[]
    assert.deepEqual([newest!.id, newest!.hostname, newest!.tags], ['Bot One', 'one.local', '["prod"]'])
    assert.equal((await world.chat(made)).status, 200)
    const renewed = (await world.done('POST', '/admin/bots/Bot%20One/token')).token as string
    refused(await world.chat(made), 403, 'Invalid bot token')
    assert.equal((await world.chat(renewed)).status, 200)
    assert.deepEqual(await world.done('DELETE', '/admin/bots/Bot%20One'), { ok: true })
    refused(await world.chat(renewed), 403, 'Invalid bot token')
    refused(await world.admin('DELETE', '/admin/bots/Bot%20One'), 404, 'Bot not found')
    const again = (await world.done('POST', '/admin/bots', one)).token as string
    assert.equal((await world.chat(again)).status, 200)
  })

  test('BM-10 has a token that an operator renews, and that is good for nothing else', async () => {
    const { token: made } = await world.gateway.does<{ token: string }>('POST', '/llm/admin-token')
    refused(await world.admin('GET', '/admin/health'), 403, 'Invalid admin token')
    assert.equal((await world.admin('GET', '/admin/health', undefined, made)).status, 200)
    refused(await world.call(made, '/v1/openai/chat/completions'), 403, 'Invalid bot token')
    assert.equal((await world.gateway.operator('GET', '/agents', undefined, made)).status, 401)
  })
})

describe('floods', () => {
  const flooded = async (ask: () => Promise<Reply>, most: number) => {
    for (let n = 0; n <= most; n += 1) {
      const reply = await ask()
      if (reply.status === 429) return reply
    }
    throw new Error(`${most + 1} requests were answered`)
  }

  test('from one address end at so many a minute, in the contract’s words', async () => {
    const asks = [
      [() => world.call('', '/v1/zzz/x'), 200],
      [() => world.admin('GET', '/admin/health', undefined, 'f'.repeat(64)), 100],
    ] as const
    for (const [ask, most] of asks) {
      const reply = await flooded(ask, most)
      const { statusCode, error, message } = reply.json() as Record<string, unknown>
      assert.deepEqual([statusCode, error, typeof message], [429, 'Too Many Requests', 'string'])
      assert.match(reply.headers['retry-after'] as string, /^\d+$/)
    }
  })
})
