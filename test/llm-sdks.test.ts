// The official SDKs of OpenAI and Anthropic, by their base URL alone, against a vendor on loopback.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { BotMakerWorld, json } from './instruments/botmaker-world.ts'

let world: BotMakerWorld
let token: string
before(async () => {
  world = await BotMakerWorld.start()
  await world.key('openai')
  await world.key('anthropic')
  token = await world.bot('sdk')
  world.answers('v1', vendor)
})
after(() => world[Symbol.asyncDispose]())

const WORDS = ['Keys ', 'stay ', 'here.']

/** Answers as the two vendors do, to what their SDKs send. */
function vendor(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const asked = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString())
    const { pathname } = new URL(request.url ?? '', 'http://vendor')
    if (pathname === '/v1/models') json(response, 200, { object: 'list', data: [{ id: 'gpt-5.2', object: 'model' }] })
    else if (pathname === '/v1/chat/completions') chat(asked, response)
    else if (pathname === '/v1/messages') messages(asked, response)
    else json(response, 404, { error: { message: `no ${pathname}` } })
  })
}

function chat({ model, stream }: { model: string; stream?: boolean }, response: ServerResponse): void {
  const usage = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }
  const base = { id: 'chatcmpl-1', created: 1, model }
  if (stream !== true) {
    const message = { role: 'assistant', content: WORDS.join('') }
    json(response, 200, {
      ...base,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage,
    })
    return
  }
  const deltas = WORDS.map((content) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }))
  const events = [...deltas, { choices: [], usage }].map((part) => ({
    ...base,
    object: 'chat.completion.chunk',
    ...part,
  }))
  tell(response, [...events.map((event) => `data: ${JSON.stringify(event)}\n\n`), 'data: [DONE]\n\n'])
}

function messages({ model }: { model: string }, response: ServerResponse): void {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  }
  const events = [
    { type: 'message_start', message: { ...message, usage: { input_tokens: 7, output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ...WORDS.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 9 } },
    { type: 'message_stop' },
  ]
  tell(
    response,
    events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
  )
}

/** One event a turn, so that they come one by one. */
function tell(response: ServerResponse, events: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const next = ([first, ...rest]: readonly string[]): void => {
    if (first === undefined) response.end()
    else response.write(first, () => setImmediate(next, rest))
  }
  next(events)
}

const base = (vendorId: string) => `http://127.0.0.1:${world.gateway.port}/v1/${vendorId}`
const last = () => world.upstream.receipts.at(-1)!

describe('OpenAI’s SDK', () => {
  const client = (apiKey = token) => new OpenAI({ apiKey, baseURL: base('openai'), maxRetries: 0 })

  test('asks, streams and lists models, and the vendor sees its own key', async () => {
    const openai = client()
    const messages = [{ role: 'user' as const, content: 'Where are the keys?' }]
    const whole = await openai.chat.completions.create({ model: 'gpt-5.2', messages })
    assert.equal(whole.choices[0]?.message.content, WORDS.join(''))
    const stream = await openai.chat.completions.create({ model: 'gpt-5.2', messages, stream: true })
    const said: string[] = []
    for await (const { choices } of stream) said.push(choices[0]?.delta.content ?? '')
    assert.deepEqual(
      said.filter((text) => text !== ''),
      WORDS,
    )
    const models = await openai.models.list()
    assert.equal(models.data[0]?.id, 'gpt-5.2')
    assert.ok(!world.upstream.bytes().includes(token))
    assert.match(last().headers.get('user-agent')?.[0] ?? '', /^OpenAI\/JS /)
  })

  test('understands refusals', async () => {
    const asked = client('0'.repeat(64)).models.list()
    await assert.rejects(asked, (error: { status?: number; message: string }) => {
      return error.status === 403 && error.message.includes('Invalid bot token')
    })
  })
})

describe('Anthropic’s SDK', () => {
  test('streams, with the version that it names', async () => {
    const anthropic = new Anthropic({ apiKey: token, baseURL: base('anthropic'), maxRetries: 0 })
    const stream = anthropic.messages.stream({
      model: 'claude-opus-4-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Where are the keys?' }],
    })
    const said: string[] = []
    stream.on('text', (text) => said.push(text))
    const { usage } = await stream.finalMessage()
    assert.deepEqual([said, usage.output_tokens], [WORDS, 9])
    assert.ok(last().headers.get('anthropic-version')?.[0])
    const { rows } = (await world.done('GET', '/admin/usage?botId=sdk&vendor=anthropic')) as unknown as {
      rows: { tokens_in: number; tokens_out: number }[]
    }
    assert.deepEqual([rows[0]?.tokens_in, rows[0]?.tokens_out], [7, 9])
  })
})
