import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { scrubError, withoutOrganisation } from './scrub-error.ts'

describe('scrubError()', () => {
  for (const [said, kept] of [
    [
      'Incorrect API key provided: sk-proj-a****************wxyz. You can',
      'Incorrect API key provided: [redacted]. You can',
    ],
    ['key sk-ant-api…9Qx is', 'key [redacted] is'],
    ['key gsk_ab...cd is', 'key [redacted] is'],
    ['key ****abcd is', 'key [redacted] is'],
    ['for organization org-AbCdEf123456 on', 'for organization [redacted] on'],
    ['project proj_AbCdEf123456, user-AbCdEf123456', 'project [redacted], [redacted]'],
    [
      String.raw`{"m":"provided:\nsk-ab***yz\u00e9sk-ab***yz"}`,
      String.raw`{"m":"provided:\n[redacted]\u00e9[redacted]"}`,
    ],
    [String.raw`{"m":"key sk-ab\u2022\u2022\u2022wxyz, sk-ab\u2026wxyz"}`, '{"m":"key [redacted], [redacted]"}'],
    [String.raw`{"m":"for\norg-AbCdEf123456"}`, String.raw`{"m":"for\n[redacted]"}`],
    ['{"organization": "Acme", "code": "x"}', '{"organization": "[redacted]", "code": "x"}'],
    ['The model `gpt-x` does not exist... try again', 'The model `gpt-x` does not exist... try again'],
    [
      'Rate limit reached for gpt-5.2: used 10, requested 20.',
      'Rate limit reached for gpt-5.2: used 10, requested 20.',
    ],
  ] as const) {
    test(`leaves of ${said}: ${kept}`, () => assert.equal(scrubError(said), kept))
  }
})

test('scrubError() reads what a bot has a vendor repeat once, however long it is', () => {
  // Once for each of its characters it would be hours.
  for (const one of ['a', '*', 'a-', '•', '.'])
    assert.equal(scrubError(one.repeat(1_000_000)).length, one.length * 1_000_000)
})

test('withoutOrganisation() drops the headers that name it, and no others', () => {
  const headers = [
    'openai-organization',
    'acme',
    'x-ratelimit-limit',
    '1',
    'Anthropic-Organization-Id',
    'x',
    'request-id',
    'r',
  ]
  assert.deepEqual(withoutOrganisation(headers), ['x-ratelimit-limit', '1', 'request-id', 'r'])
})
