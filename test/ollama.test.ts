// Local servers behind the LLM gateway: the one that OLLAMA_UPSTREAM names, and others (BM-13).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BotMakerWorld, json } from './instruments/botmaker-world.ts'
import { loopback } from './instruments/world.ts'

const named = (origin: string) => origin.replace('127.0.0.1', 'localhost')

test('BM-13 the name in OLLAMA_UPSTREAM is resolved once, and what it meant is what is dialled', async () => {
  await using world = await BotMakerWorld.start({
    services: [],
    env: (origin) => ({ OLLAMA_UPSTREAM: named(origin), CLAVIGER_OLLAMA_EVENTS: 'off' }),
  })
  world.answers('v1', (_, response) => json(response, 200, { data: [] }))
  const token = await world.bot('local')
  assert.equal((await world.call(token, '/v1/ollama/models', { method: 'GET' })).status, 200)
  const { headers } = world.upstream.receipts[0]!
  assert.deepEqual(headers.get('host'), [`127.0.0.1:${world.upstream.port}`])
  assert.deepEqual([headers.get('authorization'), headers.get('accept-encoding')], [undefined, ['identity']])
  const { origins, addresses } = await world.gateway.does<{ origins: string[]; addresses: string[] }>(
    'GET',
    '/services/ollama',
  )
  assert.deepEqual([origins, addresses], [[world.upstream.origin], ['127.0.0.1']])
  // It streams by itself, and what it says of tokens is read.
  world.answers('v1', (request, response) => {
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(
        'data: {"choices":[],"model":"llama3","usage":{"prompt_tokens":3,"completion_tokens":4}}\n\ndata: [DONE]\n\n',
      )
    })
  })
  const reply = await world.chat(token, { model: 'llama3', stream: true }, '/v1/ollama/chat/completions')
  assert.match(reply.text(), /DONE/)
  const { rows } = (await world.done('GET', '/admin/usage?botId=local')) as unknown as {
    rows: { tokens_out: number }[]
  }
  assert.equal(rows[0]!.tokens_out, 4)
  await world.gateway.restart()
  assert.equal((await world.call(token, '/v1/ollama/models', { method: 'GET' })).status, 200)
})

test('any other local server is a vendor when an operator says so', async () => {
  await using world = await BotMakerWorld.start({ services: [] })
  world.answers('api', (_, response) => json(response, 200, { ok: true }))
  const { gateway, upstream } = world
  const token = await world.bot('local')
  const ask = () => world.chat(token, { model: 'any' }, '/v1/lmstudio/chat/completions')
  assert.equal((await ask()).status, 400)
  const service = { name: 'lmstudio', origins: [upstream.origin], addresses: loopback, injection: { kind: 'none' } }
  await gateway.does('POST', '/services', service)
  await gateway.does('PUT', '/llm/vendors/lmstudio', {
    service: 'lmstudio',
    basePath: '/api/v1',
    api: 'openai-completions',
  })
  assert.equal((await ask()).status, 200)
  assert.equal(upstream.receipts.at(-1)!.url, '/api/v1/chat/completions')
  await gateway.does('DELETE', '/llm/vendors/lmstudio')
  assert.equal((await ask()).status, 400)
})
