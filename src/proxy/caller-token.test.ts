import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { callerToken } from './caller-token.ts'

const A = `clv_ak_${'a'.repeat(16)}`
const B = `clv_ak_${'b'.repeat(16)}`
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('callerToken()', () => {
  const found: readonly [string, string[], string | undefined][] = [
    ['nothing', [], undefined],
    ['no credential header', ['accept', A, 'x-other', A], undefined],
    ['Bearer', ['Authorization', `Bearer ${A}`], A],
    ['bearer in any case, more spaces', ['AUTHORIZATION', `bEARER   ${A} `], A],
    ['the scheme token', ['authorization', `token ${A}`], A],
    ['the scheme Bot', ['authorization', `Bot ${A}`], A],
    ['a bare value', ['authorization', A], A],
    ['Basic user', ['authorization', basic(`${A}:`)], A],
    ['Basic user without a colon', ['authorization', basic(A)], A],
    ['Basic password', ['authorization', basic(`me:${A}`)], A],
    ['Basic both the same', ['authorization', basic(`${A}:${A}`)], A],
    ['x-api-key', ['X-Api-Key', A], A],
    ['x-goog-api-key', ['x-goog-api-key', A], A],
    ['the same twice', ['authorization', `Bearer ${A}`, 'x-api-key', A], A],
    ['beside a key of another kind', ['authorization', 'Bearer sk-123', 'x-api-key', A], A],
    ['a key of another kind', ['x-api-key', 'sk-123'], 'sk-123'],
    ['empty values', ['authorization', 'Bearer ', 'x-api-key', ''], 'Bearer'],
  ]
  for (const [name, headers, token] of found) {
    test(`reads ${name}`, () => assert.equal(callerToken(headers), token))
  }

  const conflicts: readonly string[][] = [
    ['authorization', `Bearer ${A}`, 'x-api-key', B],
    ['authorization', basic(`${A}:${B}`)],
    ['x-api-key', A, 'x-api-key', B],
    ['authorization', `Bearer ${A}`, 'authorization', `Bearer ${B}`],
  ]
  for (const headers of conflicts) {
    test(`refuses two tokens: ${headers.length / 2} headers, ${headers[0]}`, () => {
      assert.throws(() => callerToken(headers), { code: 'token_conflict' })
    })
  }
})
