import assert from 'node:assert/strict'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { looksLikeCredential } from '../ground/looks-like-credential.ts'
import { canonicalTarget } from '../ground/target.ts'
import { keys } from './audit.support.ts'
import { redactedForm, redactTarget } from './redact.ts'

const hash = (value: string) => redactedForm(value, keys.auditRedact)
const redact = (target: string, ...plain: string[]) => redactTarget(canonicalTarget(target), new Set(plain), hash)

describe('what looks like a credential', () => {
  const secrets = [
    'sk-proj-abcdef',
    'sk_live_4eC39HqLyjWDarjtT1zdp7dc',
    'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
    'xoxb-17653672481-19874698323',
    'AKIAIOSFODNN7EXAMPLE',
    'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln',
    'bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11',
    'clv_ak_0065eoDiDgza8qaZ_UTJ58rYrgZIquWVfkfbxYLgUC62ZqGtExHZJdPsKoCF_2kJPcE',
    createHash('sha256').update('x').digest('hex'),
    randomBytes(32).toString('base64url').replaceAll('_', 'a1').replaceAll('-', '2b'),
    'canary-7f3a9c21d4e84b55a1c0',
  ]
  for (const text of secrets) test(`${text.slice(0, 24)}… does`, () => assert.ok(looksLikeCredential(text)))

  const plain = [
    'repos',
    'octo-org',
    'my-repository-name-2026',
    'claude-sonnet-4-5-20250929',
    'gpt-4o-mini-2024-07-18',
    '1234567890123456789',
    'chat.completions',
    'pull-request-reviews',
    'internationalization',
    randomUUID(),
    'v1beta2',
    'issues and more to come',
  ]
  for (const text of plain) test(`${text} does not`, () => assert.ok(!looksLikeCredential(text)))
})

describe('redactTarget()', () => {
  test('leaves plain paths as they are', () => {
    for (const path of ['/', '/repos/octo/hello/issues/12', '/a%20b/c', '/chat/completions/']) {
      assert.deepEqual(redact(path), { path })
    }
  })

  test('redacts the segment that is a credential, and only that', () => {
    const token = 'bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11'
    assert.deepEqual(redact(`/${token}/sendMessage`), { path: `/${hash(token)}/sendMessage` })
  })

  test('keeps names and redacts values of a query, but for those said to be plain', () => {
    const { path, query } = redact('/search?q=alice%40example.com&page=2&flag&empty=', 'page')
    assert.equal(path, '/search')
    assert.equal(query, `q=${hash('alice@example.com')}&page=2&flag&empty=`)
  })

  test('redacts a name that is a credential', () => {
    const { query } = redact('/?sk-live-0123456789abcdef')
    assert.equal(query, hash('sk-live-0123456789abcdef'))
  })

  test('without a key reveals nothing', () => {
    const sealed = redactTarget(canonicalTarget('/x?q=alice'), undefined, (value) => redactedForm(value, undefined))
    assert.deepEqual(sealed, { path: '/x', query: 'q=hmac-sha256:0:sealed' })
  })
})
