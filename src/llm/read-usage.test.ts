import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { outputBounds } from './output-bounds.ts'
import { AskedReader } from './read-asked.ts'
import { UsageReader } from './read-usage.ts'

const events = (...list: object[]) => list.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')

const answers = [
  [
    'OpenAI, whole',
    undefined,
    JSON.stringify({
      model: 'gpt-5.2',
      choices: [{ message: { content: '{"usage":{"prompt_tokens":9}}' } }],
      usage: { prompt_tokens: 12, completion_tokens: 34, prompt_tokens_details: { cached_tokens: 5 } },
    }),
    ['gpt-5.2', 12, 34],
  ],
  [
    'OpenAI, streamed',
    'events',
    `${events({ model: 'gpt-5.2', choices: [{ delta: { content: 'a "quoted\\" one' } }], usage: null }, { model: 'gpt-5.2', choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } })}data: [DONE]\n\n`,
    ['gpt-5.2', 3, 4],
  ],
  [
    'OpenAI responses, streamed',
    'events',
    `event: response.created\n${events({ type: 'response.created', response: { model: 'gpt-5.2', usage: null } })}event: response.completed\n${events({ type: 'response.completed', response: { model: 'gpt-5.2', output: [{ usage: { input_tokens: 1 } }], usage: { input_tokens: 100, output_tokens: 20 } } })}`,
    ['gpt-5.2', 100, 20],
  ],
  [
    'Anthropic, whole',
    undefined,
    JSON.stringify({
      model: 'claude-opus-4-5',
      content: [{ type: 'tool_use', input: { usage: { output_tokens: 1 } } }],
      usage: { input_tokens: 10, cache_creation_input_tokens: 5, cache_read_input_tokens: 7, output_tokens: 8 },
    }),
    ['claude-opus-4-5', 22, 8],
  ],
  [
    'Anthropic, streamed',
    'events',
    `event: message_start\r\n${events({ type: 'message_start', message: { model: 'claude-opus-4-5', usage: { input_tokens: 10, output_tokens: 1 } } }).replaceAll('\n', '\r\n')}event: message_delta\r\n${events({ type: 'message_delta', usage: { output_tokens: 15 } })}`,
    ['claude-opus-4-5', 10, 15],
  ],
  [
    'Google, as a list',
    undefined,
    JSON.stringify([
      { modelVersion: 'gemini-3-pro', usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 1 } },
      { usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 9, thoughtsTokenCount: 6 } },
    ]),
    ['gemini-3-pro', 4, 15],
  ],
  [
    'Google, streamed',
    'events',
    events(
      { usageMetadata: { promptTokenCount: 4 } },
      { modelVersion: 'gemini-3-pro', usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 7 } },
    ),
    ['gemini-3-pro', 4, 7],
  ],
  [
    'Ollama, in lines',
    'lines',
    '{"model":"llama3","done":false}\n{"model":"llama3","done":true,"prompt_eval_count":11,"eval_count":22}\n',
    ['llama3', 11, 22],
  ],
  ['what says nothing', undefined, '{"data":[{"id":"gpt-5.2"}]}', [undefined, undefined, undefined]],
  ['what is no JSON', undefined, '<html>usage: 5</html>', [undefined, undefined, undefined]],
] as const

describe('UsageReader', () => {
  for (const [name, type, text, wanted] of answers) {
    test(`reads ${name}, wherever the answer is cut`, () => {
      const bytes = Buffer.from(text)
      for (const size of [1, 2, 3, 7, 64, bytes.length]) {
        const reader = new UsageReader(type)
        for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
        const { model, tokensIn, tokensOut } = reader.usage()
        assert.deepEqual([model, tokensIn, tokensOut], wanted, `in pieces of ${size}`)
      }
    })
  }

  test('counts the elements of a list that streams, wherever it is cut', () => {
    const text =
      '[{"candidates":[{"content":"}]"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":3}}\n,\r\n{"a":[{}]}'
    for (const size of [1, 5, text.length]) {
      const reader = new UsageReader('list')
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
      assert.deepEqual([reader.isStream, reader.events, reader.usage().tokensOut], [true, 2, 3])
    }
    assert.equal(new UsageReader(undefined).isStream, false)
  })

  test('holds nothing of a long answer', () => {
    const reader = new UsageReader('events')
    const event = Buffer.from(events({ choices: [{ delta: { content: 'x'.repeat(1_000_000) } }] }))
    for (let n = 0; n < 50; n += 1) reader.push(event)
    reader.push(Buffer.from(events({ usage: { prompt_tokens: 1, completion_tokens: 2 } })))
    assert.deepEqual([reader.events, reader.usage().tokensOut], [51, 2])
  })
})

describe('AskedReader', () => {
  const BOUNDS = ['max_tokens', 'max_completion_tokens', 'generationConfig.maxOutputTokens']
  const asked = (text: string, size = 5, bounds = BOUNDS) => {
    const reader = new AskedReader(bounds)
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
    return reader
  }

  for (const [text, model, most] of [
    ['{"model":"gpt-5.2","messages":[{"model":"x"}]}', 'gpt-5.2', undefined],
    ['{"messages":["\\"model\\": \\"x\\""],"mod\\u0065l":"gpt-5.2"}', 'gpt-5.2', undefined],
    ['{"model":"a","model":"b"}', undefined, undefined],
    ['{"model":"a","Model":"b"}', undefined, undefined],
    ['{"model":"a","max_tokens":10,"max_completion_tokens":20,"n":3}', 'a', 60],
    ['{"contents":[],"generationConfig":{"maxOutputTokens":7}}', undefined, 7],
    ['{"model":"a"} {"model":"b"}', undefined, undefined],
    ['model=a', undefined, undefined],
    ['{"model":["a"]}', undefined, undefined],
    [`{"model":"a${' '.repeat(600)}"}`, undefined, undefined],
    [`{"model":"a","model":"b${' '.repeat(600)}"}`, undefined, undefined],
    ['{"model":"a"},{"x":1}', undefined, undefined],
    ['{"model":"a","max_output_tokens":1}', 'a', undefined],
    ['{"model":"a","MAX_TOKENS":1}', 'a', undefined],
    ['{"model":"a","max_tokens":1,"MAX_TOKENS":9}', 'a', 9],
  ] as const) {
    test(`reads ${text}`, () => assert.deepEqual([asked(text).model, asked(text).mostOutput], [model, most]))
  }

  test('names all models that may be asked, wherever they stand', () => {
    const text =
      '{"models":["b",{"model":"c"}],"fallbacks":[{"model":"d"}],"tools":[{"model":"e"}],"extra_body":{"model":"f"},"requests":[{"params":{"model":"g"}}]}'
    assert.deepEqual(asked(text).others, ['b', 'c', 'd', 'e', 'f', 'g'])
  })

  test('is whole where a server may take it for complete', () => {
    const [cut, whole, more] = ['{"a":{}', '{"a":{}}', '{"a":{}} \n'].map((text) => asked(text).whole)
    assert.deepEqual([cut, whole, more, asked('{} x').whole], [false, true, true, false])
  })

  test('takes that bound of an answer alone that the vendor heeds there', () => {
    const at = (id: string, api: 'openai-responses' | 'anthropic-messages' | 'google-gemini', path: string) =>
      outputBounds({ id, api }, path).join()
    assert.equal(at('openai', 'openai-responses', '/chat/completions'), 'max_tokens,max_completion_tokens')
    assert.equal(at('openai', 'openai-responses', '/responses'), 'max_output_tokens')
    assert.equal(at('openai', 'openai-responses', '/embeddings'), '')
    assert.equal(at('ollama', 'openai-responses', '/api/chat'), 'options.num_predict')
    assert.equal(at('anthropic', 'anthropic-messages', '/v1/messages'), 'max_tokens')
    assert.match(at('google', 'google-gemini', '/models/x:generateContent'), /^generationConfig.maxOutputTokens,/)
    assert.equal(at('google', 'google-gemini', '/models/x:countTokens'), '')
  })

  test('gives up what nests without end', () => {
    assert.equal(asked(`{"a":${'['.repeat(100_000)}`, 4_096).model, undefined)
    assert.equal(asked(`{"model":"a","a":${'['.repeat(100_000)}`, 4_096).model, undefined)
  })
})
