// What LLM calls take and may take, through the door: usage, budgets, models, what the vendor never gets (BM-07, BM-12).
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { after, afterEach, before, describe, test } from 'node:test'
import { BotMakerWorld, json } from './instruments/botmaker-world.ts'
import { asOperator } from './instruments/command-line.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'

let world: BotMakerWorld
let bots = 0
before(async () => {
  world = await BotMakerWorld.start({ services: ['openai', 'anthropic', 'gemini', 'ollama'] })
  for (const vendor of ['openai', 'anthropic', 'google']) await world.key(vendor)
})
after(() => world[Symbol.asyncDispose]())
afterEach(() => world.upstream.forget())

interface Usage {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly totals: Readonly<Record<string, number>>
}

const errorOf = (reply: Reply) => [reply.status, (reply.json() as { error: string }).error]
const bot = () => world.bot(`user-${++bots}`)
const patch = (body: unknown) => world.done('PATCH', `/admin/bots/user-${bots}`, body)
const used = async (more = ''): Promise<Usage> =>
  (await world.done('GET', `/admin/usage?botId=user-${bots}${more}`)) as unknown as Usage
const answer = (body: object) =>
  world.answers('v1', (request, response) => void request.on('end', () => json(response, 200, body as never)))
const openai = (prompt_tokens: number, completion_tokens: number) => ({
  model: 'gpt-5.2',
  usage: { prompt_tokens, completion_tokens },
})
const spent = async () => {
  const { items } = await world.gateway.does<{ items: { agent: string; spent: number }[] }>('GET', '/llm/budgets')
  return items.find(({ agent }) => agent === `user-${bots}`)!.spent
}
const budgetIsOut = [429, 'Budget exceeded']

describe('usage', () => {
  test('BM-12 one row for each call, with model, tokens, cost, time and bytes, to be read by both administrations', async () => {
    const token = await bot()
    answer(openai(1_000, 2_000))
    await world.chat(token)
    const { rows, totals } = await used()
    const { bot_id, vendor, status_code, model, tokens_in, tokens_out, cost_usd, aborted, bytes_out } = rows[0]!
    assert.deepEqual([bot_id, vendor, status_code, model], [`user-${bots}`, 'openai', 200, 'gpt-5.2'])
    assert.deepEqual([tokens_in, tokens_out, aborted], [1_000, 2_000, false])
    assert.ok((bytes_out as number) > 10 && typeof rows[0]!.key_id === 'string')
    assert.ok(Math.abs((cost_usd as number) - (1_000 * 1.75 + 2_000 * 14) / 1e6) < 1e-9)
    assert.deepEqual([totals.requests, totals.tokens_in, totals.tokens_out], [1, 1_000, 2_000])
    const said = await asOperator(world.gateway, `llm usage --agent user-${bots} --json`)
    assert.equal((JSON.parse(said.stdout) as Usage).totals.tokensOut, 2_000)
    assert.equal((await used(`&from=${Math.floor(Date.now() / 1_000) + 60}`)).rows.length, 0)
    assert.equal((await used('&vendor=anthropic')).rows.length, 0)
  })

  test('is read from streams of all three kinds, and is there after a restart', async () => {
    const token = await bot()
    const stream = (...list: object[]) => list.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')
    const says = (segment: string, text: string) =>
      world.answers(segment, (request, response) => {
        request.on('end', () => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text))
      })
    says(
      'v1',
      stream(
        { choices: [{ delta: {} }] },
        { choices: [], model: 'gpt-5.2', usage: { prompt_tokens: 5, completion_tokens: 6 } },
      ),
    )
    await world.chat(token, { stream: true })
    says(
      'v1',
      stream(
        { message: { model: 'claude-opus-4-5', usage: { input_tokens: 7, output_tokens: 1 } } },
        { usage: { output_tokens: 8 } },
      ),
    )
    await world.call(token, '/v1/anthropic/v1/messages', { body: '{"model":"claude-opus-4-5"}' })
    says(
      'v1beta',
      stream({ modelVersion: 'gemini-3-pro', usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 10 } }),
    )
    await world.call(token, '/v1/google/models/gemini-3-pro:streamGenerateContent', { body: '{"contents":[]}' })
    const before = await used()
    assert.deepEqual(
      before.rows.map(({ tokens_in, tokens_out }) => [tokens_in, tokens_out]),
      [
        [9, 10],
        [7, 8],
        [5, 6],
      ],
    )
    await world.gateway.restart()
    assert.deepEqual(await used(), before)
  })
})

/** A body whose end never comes: what is answered until the connection closes, or all of a head. */
async function unended(token: string, text: string): Promise<string> {
  const socket = connect(world.dataSocket).on('error', () => {})
  let reply = ''
  socket.on('data', (chunk) => {
    reply += chunk
  })
  const chunk = (one: string) => `${Buffer.byteLength(one).toString(16)}\r\n${one}\r\n`
  const head = `host: localhost\r\nauthorization: Bearer ${token}\r\ntransfer-encoding: chunked`
  socket.write(`POST /v1/openai/chat/completions HTTP/1.1\r\n${head}\r\n\r\n${chunk(text)}`)
  const more = setInterval(() => socket.write(chunk(' ')), 20)
  try {
    await until(() => reply.includes('\r\n\r\n'))
  } finally {
    clearInterval(more)
    socket.destroy()
  }
  return reply
}

describe('models', () => {
  test('BM-07 other models than those of the list are refused, in the body and in the path', async () => {
    const token = await bot()
    answer({ ok: true })
    world.answers('v1beta', (_, response) => json(response, 200, { ok: true }))
    await patch({ models: ['gpt-5.2', 'gemini-3-*'] })
    assert.equal((await world.chat(token)).status, 200)
    const refused = [403, 'Not allowed: model']
    for (const body of [{ model: 'gpt-4o' }, { model: undefined }, { model: ['gpt-5.2'] }, { Model: 'gpt-4o' }]) {
      assert.deepEqual(errorOf(await world.chat(token, body)), refused, JSON.stringify(body))
    }
    const google = (model: string) => world.call(token, `/v1/google/models/${model}:generateContent`, { body: '{}' })
    assert.equal((await google('gemini-3-pro')).status, 200)
    assert.deepEqual(errorOf(await google('gemini-2.5-pro')), refused)
    assert.equal((await world.call(token, '/v1/openai/models', { method: 'GET' })).status, 200)
    // A batch names its models elsewhere.
    const batch = JSON.stringify({ requests: [{ params: { model: 'gpt-4o' } }] })
    const inBatch = await world.call(token, '/v1/anthropic/v1/messages/batches', { body: batch })
    assert.deepEqual(errorOf(inBatch), [403, 'Not allowed: path'])
    assert.equal(world.upstream.receipts.length, 3)
  })

  test('models that a request names elsewhere, too long or not at all are no way past the list', async () => {
    const token = await bot()
    answer({ ok: true })
    world.answers('v1beta', (_, response) => json(response, 200, { ok: true }))
    await patch({ models: ['gpt-5.2', 'gemini-3-pro'] })
    const refused = [403, 'Not allowed: model']
    for (const more of [
      { tools: [{ type: 'advisor', model: 'gpt-4o' }] },
      { fallbacks: [{ model: 'gpt-4o' }] },
      { models: ['gpt-5.2', 'gpt-4o'] },
      { extra_body: { model: 'gpt-4o' } },
    ]) {
      assert.deepEqual(errorOf(await world.chat(token, more)), refused, JSON.stringify(more))
    }
    const long = Buffer.from(`{"model":"gpt-5.2","model":"gpt-4o${' '.repeat(600)}"}`)
    assert.deepEqual(errorOf(await world.call(token, '/v1/openai/chat/completions', { body: long })), refused)
    const batch = await world.call(token, '/v1/openai/batches', { body: '{"model":"gpt-5.2"}' })
    assert.deepEqual(errorOf(batch), [403, 'Not allowed: path'])
    const google = (path: string, options: object = { body: '{}' }) => world.call(token, `/v1/google/${path}`, options)
    for (const path of ['models/gemini-3-pro:x:generateContent', 'tunedModels/gemini-3-pro:generateContent']) {
      assert.deepEqual(errorOf(await google(path)), refused, path)
    }
    const chunked = { headers: { 'transfer-encoding': 'chunked' } }
    for (const options of [{}, chunked]) {
      assert.deepEqual(errorOf(await google('models/gemini-2.5-pro:generateContent', options)), refused)
    }
    assert.equal(world.upstream.receipts.length, 0)
    assert.equal((await google('models/gemini-3-pro:generateContent')).status, 200)
    await patch({ models: ['tunedModels/mine'] })
    assert.equal((await google('tunedModels/mine:generateContent')).status, 200)
  })

  test('a vendor that answers before it has all gets nothing that a bot may not ask, and no answer comes back', async () => {
    const token = await bot()
    await patch({ models: ['gpt-5.2'] })
    let acted = 0
    world.answers('v1', (request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => {
        text += chunk
        if (!text.trimEnd().endsWith('}') || response.headersSent) return
        acted += 1
        json(response, 200, openai(5, 6))
      })
    })
    const status = (reply: string) => reply.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)
    assert.equal(status(await unended(token, '{"model":"gpt-4o","messages":[]}')), '403')
    assert.equal(acted, 0)
    assert.equal(status(await unended(token, '{"model":"gpt-5.2","messages":[]}')), '200')
    assert.equal(acted, 1)
    assert.equal(status(await unended(token, '{"model":"gpt-5.2","more":{}')), '502')
    await patch({ models: null, budget: { tokens: 10, per: 'ever' } })
    assert.equal(status(await unended(token, '{"model":"gpt-4o","messages":[],"more":"of the same"}')), '429')
    assert.equal(acted, 2)
  })

  test('BM-07 of a body that goes on as it comes the vendor never has the end, where its model is refused', async () => {
    const token = await bot()
    await patch({ models: ['gpt-5.2'] })
    let whole = 0
    world.answers(
      'v1',
      (request, response) =>
        void request.on('end', () => {
          whole += 1
          json(response, 200, { ok: true })
        }),
    )
    const big = (model: string) => JSON.stringify({ image: 'x'.repeat(3 * 1024 * 1024), model })
    const send = (model: string) => world.call(token, '/v1/openai/chat/completions', { body: Buffer.from(big(model)) })
    assert.equal((await send('gpt-5.2')).status, 200)
    assert.deepEqual(errorOf(await send('gpt-4o')), [403, 'Not allowed: model'])
    assert.equal(whole, 1)
  })
})

describe('budgets', () => {
  test('BM-07 so many requests at once are let through as a budget has, and no more; a restart gives none back', async () => {
    const token = await bot()
    answer({ ok: true })
    await patch({ budget: { requests: 5, per: 'month' } })
    const replies = await Promise.all(Array.from({ length: 20 }, () => world.chat(token)))
    const passed = replies.filter(({ status }) => status === 200)
    assert.deepEqual([passed.length, world.upstream.receipts.length], [5, 5])
    assert.deepEqual(errorOf(replies.find(({ status }) => status !== 200)!), budgetIsOut)
    await world.gateway.restart()
    assert.deepEqual(errorOf(await world.chat(token)), budgetIsOut)
    await patch({ budget: null })
    assert.equal((await world.chat(token)).status, 200)
  })

  test('tokens are taken before a call and settled after it, so that calls at once never spend what is not there', async () => {
    const token = await bot()
    await patch({ budget: { tokens: 1_000, per: 'month' } })
    const held: (() => void)[] = []
    world.answers('v1', (request, response) => {
      request.on('end', () => void held.push(() => json(response, 200, openai(10, 90))))
    })
    let refused = 0
    const calls = Array.from({ length: 12 }, async () => {
      const reply = await world.chat(token, { max_tokens: 150 })
      if (reply.status !== 200) refused += 1
      return reply
    })
    // None is answered before all were let through or refused: each takes its body and 150 of answer, so six fit.
    await until(() => held.length + refused === 12)
    for (const answerNow of held) answerNow()
    const passed = (await Promise.all(calls)).filter(({ status }) => status === 200).length
    assert.equal(passed, 6)
    assert.equal(await spent(), passed * 100)
    // What was not used is there again.
    answer(openai(10, 90))
    assert.equal((await world.chat(token, { max_tokens: 150 })).status, 200)
  })

  test('money goes by prices, and what nobody priced is refused', async () => {
    const token = await bot()
    await patch({ budget: { usd: 0.01, per: 'ever' } })
    answer(openai(100, 200))
    assert.equal((await world.chat(token, { max_tokens: 200 })).status, 200)
    assert.deepEqual(errorOf(await world.chat(token, { model: 'unheard-of' })), [403, 'Not allowed: model'])
    await world.gateway.does('POST', '/llm/prices', { vendor: 'openai', model: 'gpt-5.2', input: 10, output: 10_000 })
    assert.deepEqual(errorOf(await world.chat(token, { max_tokens: 200 })), budgetIsOut)
    await world.gateway.does('DELETE', '/llm/prices?vendor=openai&model=gpt-5.2')
    assert.equal((await world.chat(token, { max_tokens: 200 })).status, 200)
  })

  test('a vendor’s budget holds for all agents together, and its batches are not let past it', async () => {
    const [one, other] = [await bot(), await bot()]
    const { id } = await world.gateway.does<{ id: string }>('POST', '/llm/budgets', {
      vendor: 'anthropic',
      unit: 'tokens',
      amount: 300,
      per: 'day',
    })
    answer({ model: 'claude-opus-4-5', usage: { input_tokens: 100, output_tokens: 150 } })
    const ask = (token: string) =>
      world.call(token, '/v1/anthropic/v1/messages', { body: '{"model":"claude-opus-4-5","max_tokens":200}' })
    assert.equal((await ask(one)).status, 200)
    assert.deepEqual(errorOf(await ask(other)), budgetIsOut)
    const batch = await world.call(other, '/v1/anthropic/v1/messages/batches', { body: '{"requests":[]}' })
    assert.deepEqual(errorOf(batch), [403, 'Not allowed: path'])
    await world.gateway.does('DELETE', `/llm/budgets/${id}`)
    assert.equal((await ask(other)).status, 200)
  })

  /** A stream without end, of which more comes once the bot saw that it began: what came at once would be refused, not cut. */
  const endless = (segment: string, type: string, event: string) => {
    let [begin, isGone] = [() => {}, () => false]
    let more: NodeJS.Timeout | undefined
    world.answers(segment, ({ socket }, response) => {
      response.writeHead(200, { 'content-type': type }).write(type === 'text/event-stream' ? event : `[${event}`)
      isGone = () => socket.destroyed
      begin = () => {
        more ??= setInterval(() => (socket.destroyed ? clearInterval(more) : response.write(event)), 1)
      }
    })
    return { onChunk: () => begin(), isGone: () => isGone() }
  }

  for (const [name, tokens, path, segment, type, event] of [
    ['events', 40, 'openai/chat/completions', 'v1', 'text/event-stream', 'data: {"choices":[{"delta":{}}]}\n\n'],
    [
      'a list of Google',
      200,
      'google/models/gpt-5.2:streamGenerateContent',
      'v1beta',
      'application/json',
      '{"a":[{}]}\n,',
    ],
  ] as const) {
    test(`an answer in ${name} is ended in its middle where its budget ends, if that was asked for`, async () => {
      const token = await bot()
      await patch({ budget: { tokens, per: 'day', cut: true } })
      const { isGone, onChunk } = endless(segment, type, event)
      const ask = () => world.call(token, `/v1/${path}`, { body: '{"model":"gpt-5.2"}', onChunk })
      await assert.rejects(ask())
      await until(isGone)
      await until(async () => (await used()).rows.length === 1)
      const row = (await used()).rows[0]
      const isMuch = (row!.tokens_out as number) > 30
      assert.deepEqual([row!.aborted, row!.estimated, row!.model, isMuch], [true, true, 'gpt-5.2', true])
      assert.deepEqual(errorOf(await ask()), budgetIsOut)
    })
  }

  test('what a bot took that left before its answer is not lost, and counts', async () => {
    const token = await bot()
    await patch({ budget: { tokens: 10_000, per: 'day' } })
    let came = 0
    world.answers('v1', () => {
      came += 1
    })
    const stop = new AbortController()
    const body = Buffer.from(JSON.stringify({ model: 'gpt-5.2', max_tokens: 500 }))
    const call = world.call(token, '/v1/openai/chat/completions', { body, signal: stop.signal })
    await until(() => came === 1)
    stop.abort()
    await assert.rejects(call)
    await until(async () => (await used()).rows.length === 1)
    assert.equal(await spent(), 500 + Math.ceil(body.length / 4))
    assert.equal((await used()).rows[0]!.aborted, true)
  })

  test('whom the door bounds gets no further by another way', async () => {
    const { gateway } = world
    await gateway.does('POST', '/credentials', {
      handle: 'native-key',
      service: 'openai',
      secret: 'sk-native-0123456789abcdef',
    })
    await gateway.does('POST', '/agents', { name: 'bounded' })
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'bounded' })
    await gateway.does('POST', '/grants', {
      agent: 'bounded',
      service: 'openai',
      scopes: ['openai:*'],
      credential: 'native-key',
    })
    const headers = { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${token}` }
    const around = () => gateway.agent('GET', '/to/openai/v1/models', { headers })
    answer({ ok: true })
    assert.equal((await around()).status, 200)
    await gateway.does('POST', '/llm/budgets', { agent: 'bounded', unit: 'requests', amount: 1, per: 'day' })
    assert.equal((await around()).code, 'llm_elsewhere')
    assert.equal((await world.chat(token)).status, 200)
    assert.deepEqual(errorOf(await world.chat(token)), budgetIsOut)
  })
})

describe('Forms with files', () => {
  const formOf = (model: string, bytes: number) => {
    const form = new FormData()
    form.set('file', new Blob([Buffer.alloc(bytes, 'a')], { type: 'audio/mpeg' }), 'a.mp3')
    form.set('model', model)
    return form
  }
  /** As official clients write it; `chunked` where they do not say how long it is. */
  const send = async (token: string, model: string, bytes = 1_000, chunked = false) => {
    const request = new Request('http://localhost/', { method: 'POST', body: formOf(model, bytes) })
    const headers = { 'content-type': request.headers.get('content-type') as string }
    const body = Buffer.from(await request.arrayBuffer())
    return world.call(token, '/v1/openai/audio/transcriptions', {
      headers,
      body: chunked ? Readable.from([body]) : body,
    })
  }
  const answers = () => {
    const held: (() => void)[] = []
    world.answers('v1', (request, response) => {
      const usage = { type: 'tokens', input_tokens: 20, output_tokens: 5 }
      request.on('end', () => void held.push(() => json(response, 200, { text: 'hi', usage })))
    })
    return held
  }

  test('name their model: a list of models and prices hold for them too', async () => {
    const token = await bot()
    answer({ text: 'hi', usage: { input_tokens: 20, output_tokens: 5 } })
    await patch({ models: ['gpt-4o-transcribe'], budget: { usd: 1, per: 'ever' } })
    const sum = { vendor: 'openai', model: 'gpt-4o-transcribe', input: 2.5, output: 10 }
    await world.gateway.does('POST', '/llm/prices', sum)
    for (const chunked of [false, true]) {
      assert.equal((await send(token, 'gpt-4o-transcribe', 1_000, chunked)).status, 200)
      assert.deepEqual(errorOf(await send(token, 'whisper-1', 1_000, chunked)), [403, 'Not allowed: model'])
    }
    assert.equal((await send(token, 'gpt-4o-transcribe', 2 * 1024 * 1024)).status, 200)
    const [row] = (await used()).rows
    assert.deepEqual([row!.model, row!.tokens_in, row!.tokens_out], ['gpt-4o-transcribe', 20, 5])
    await world.gateway.does('DELETE', '/llm/prices?vendor=openai&model=gpt-4o-transcribe')
  })

  test('are sent at once under one budget, as many as fit; those that do not are refused before the vendor hears of them', async () => {
    const token = await bot()
    await patch({ budget: { tokens: 120_000, per: 'ever' } })
    const held = answers()
    const sizes = [200_000, 200_000, 3_000_000, 3_000_000, 3_000_000]
    let refused = 0
    const calls = sizes.map(async (bytes) => {
      const reply = await send(token, 'gpt-4o-transcribe', bytes)
      if (reply.status !== 200) refused += 1
      return reply
    })
    // A file takes a token for 64 bytes beside 1,024 of answer: of the long ones two fit, with the short ones.
    await until(() => held.length + refused === sizes.length)
    assert.deepEqual([held.length, refused, world.upstream.receipts.length], [4, 1, 4])
    for (const answerNow of held) answerNow()
    for (const reply of await Promise.all(calls))
      if (reply.status !== 200) assert.deepEqual(errorOf(reply), budgetIsOut)
    assert.equal(await spent(), 4 * 25)
  })

  test('that break off give back what was taken for what did not come', async () => {
    const token = await bot()
    await patch({ budget: { tokens: 100_000, per: 'ever' } })
    answer({ text: 'hi', usage: { input_tokens: 20, output_tokens: 5 } })
    const socket = connect(world.dataSocket).on('error', () => {})
    const head = `host: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: multipart/form-data; boundary=x`
    socket.write(`POST /v1/openai/audio/transcriptions HTTP/1.1\r\n${head}\r\ncontent-length: 5000000\r\n\r\n--x\r\n`)
    // While it lasts there is no room for another.
    await until(async () => (await send(token, 'gpt-4o-transcribe', 3_000_000)).status === 429)
    socket.destroy()
    await until(async () => (await send(token, 'gpt-4o-transcribe', 3_000_000)).status === 200)
  })
})

describe('Bounds of answers', () => {
  test('what a vendor does not heed makes no call look small', async () => {
    const token = await bot()
    await patch({ budget: { tokens: 1_500, per: 'month' } })
    const held: (() => void)[] = []
    world.answers('v1', (request, response) => {
      request.on('end', () => void held.push(() => json(response, 200, openai(10, 90))))
    })
    let refused = 0
    const calls = Array.from({ length: 4 }, async () => {
      const reply = await world.chat(token, { max_output_tokens: 1 })
      if (reply.status !== 200) refused += 1
    })
    await until(() => held.length + refused === 4)
    const passed = held.length
    for (const answerNow of held) answerNow()
    await Promise.all(calls)
    // The first takes 1,024, the second what is left.
    assert.equal(passed, 2)
  })
})

describe('Ollama', () => {
  test('is asked for whole answers, which become the events that were asked for', async () => {
    const token = await bot()
    const whole = {
      ...{ id: 'c1', object: 'chat.completion', model: 'llama3' },
      choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    }
    answer(whole)
    const reply = await world.chat(token, { model: 'llama3', stream: true }, '/v1/ollama/chat/completions')
    assert.equal(reply.headers['content-type'], 'text/event-stream')
    assert.equal(reply.headers['cache-control'], 'no-cache')
    const [first, end] = reply.text().trimEnd().split('\n\n')
    const { choices, ...rest } = whole
    const { message: delta, ...choice } = choices[0]!
    assert.deepEqual(JSON.parse(first!.slice('data: '.length)), {
      ...rest,
      object: 'chat.completion.chunk',
      choices: [{ ...choice, delta }],
    })
    assert.equal(end, 'data: [DONE]')
    const { bytes } = world.upstream.receipts.at(-1)!.body
    assert.equal((JSON.parse(bytes.toString()) as { stream: boolean }).stream, false)
    assert.equal((await used()).rows[0]!.tokens_out, 2)
    assert.deepEqual((await world.chat(token, { stream: false }, '/v1/ollama/chat/completions')).json(), whole)
  })
})
