import assert from 'node:assert/strict'
import { test } from 'node:test'
import { streamKind } from './stream-kind.ts'

for (const [type, api, path, wanted] of [
  ['text/event-stream; charset=utf-8', 'openai-completions', '/chat/completions', 'events'],
  ['Text/Event-Stream', 'google-gemini', '/models/x:streamGenerateContent', 'events'],
  ['application/x-ndjson', 'openai-completions', '/api/chat', 'lines'],
  ['application/json; charset=UTF-8', 'google-gemini', '/models/x:streamGenerateContent', 'list'],
  ['application/json', 'google-gemini', '/models/x:generateContent', undefined],
  ['application/json', 'openai-completions', '/models/x:streamGenerateContent', undefined],
  ['', 'google-gemini', '/models/x:streamGenerateContent', undefined],
] as const) {
  test(`streamKind() takes ${type} at ${path} for ${wanted}`, () =>
    assert.equal(streamKind(type, { api }, path), wanted))
}
