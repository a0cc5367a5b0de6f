import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hostileStrings } from '../../test/generators/hostile-strings.ts'
import { runSeed } from '../../test/generators/seeded.ts'
import type { CredentialId } from '../ground/ids.ts'
import { parseOrigin } from '../ground/origin.ts'
import { Secret } from '../ground/secret.ts'
import { canonicalTarget } from '../ground/target.ts'
import { type Injection, injectorFor, type Opened } from './inject.ts'
import { outgoingHead } from './request-head.ts'

const opened = (text: string): Opened => ({ id: 'crd_1' as CredentialId, version: 1, value: Secret.fromText(text) })

function inject(injection: Injection, secret: string, target = '/a', headers: readonly string[] = []) {
  const call = { method: 'GET', origin: parseOrigin('https://x.example'), target: canonicalTarget(target) }
  const injector = injectorFor(injection)
  const head = outgoingHead(call, headers, injector.headers, (requested) => requested)
  injector.apply(head, opened(secret))
  return head
}

describe('injectorFor()', () => {
  const b64 = (text: string) => Buffer.from(text).toString('base64')
  const forms: readonly [Injection, string[]][] = [
    [{ kind: 'bearer' }, ['authorization', 'Bearer s3cret']],
    [{ kind: 'header', name: 'X-Key' }, ['X-Key', 's3cret']],
    [{ kind: 'basic', username: 'me' }, ['authorization', `Basic ${b64('me:s3cret')}`]],
    [{ kind: 'basic' }, ['authorization', `Basic ${b64('s3cret:')}`]],
    [{ kind: 'template', name: 'Authorization', template: 'Bot {secret}' }, ['Authorization', 'Bot s3cret']],
  ]
  for (const [injection, headers] of forms) {
    test(`attaches ${JSON.stringify(injection)}`, () => assert.deepEqual(inject(injection, 's3cret').headers, headers))
  }

  test('takes user:password as both halves of Basic', () => {
    assert.deepEqual(inject({ kind: 'basic' }, 'u:p').headers, ['authorization', `Basic ${b64('u:p')}`])
  })

  test('does not read patterns into a template or a secret', () => {
    const { headers } = inject({ kind: 'template', name: 'x', template: '{secret} $& {secret}' }, "a$&b$'")
    assert.deepEqual(headers, ['x', "a$&b$' $& a$&b$'"])
  })

  const queries: readonly [string, string][] = [
    ['/a', '/a?key=s%26%3D%20x'],
    ['/a?', '/a?key=s%26%3D%20x'],
    ['/a?b=1', '/a?b=1&key=s%26%3D%20x'],
    ['/a?key=mine', '/a?key=s%26%3D%20x'],
    ['/a?b=1&key=mine&c=%C3%BC', '/a?b=1&c=%C3%BC&key=s%26%3D%20x'],
  ]
  for (const [target, sent] of queries) {
    test(`sends ${target} as ${sent}`, () =>
      assert.equal(inject({ kind: 'query', name: 'key' }, 's&= x', target).target, sent))
  }

  for (const target of [
    '/a?key=1&key=2',
    '/a?KEY=1',
    '/a?key[]=1',
    '/a?key[0]=1',
    '/a?b=1;key=2',
    '/a?key%5B%5D=1',
    '/a?+key=1',
    '/a?b=x%26key=1',
  ]) {
    test(`refuses ${target} where the query carries the key`, () => {
      assert.throws(() => inject({ kind: 'query', name: 'key' }, 's3cret', target), { code: 'target_ambiguous' })
    })
  }

  const path = { kind: 'path', segment: 'bot{secret}' } as const
  for (const target of [
    '/a?access_token=1',
    '/a?b=1&api_key=2',
    '/a?API-KEY=2',
    '/a?b;apikey=3',
    '/a?access_token[]=1',
    '/a?x-amz-signature=1',
    '/a?+access_token=1',
    '/a?access.token=1',
    '/a?access+token=1',
    '/a?access%20token=1',
    '/a?access[token=1',
    '/a?%EF%BD%81pikey=1',
    '/a?oauth_token=1',
    '/a?$key=1',
    '/a?%24oauth_token=1',
    '/a?X-Goog-Api-Key=1',
    '/a?xoauth_requestor_id=someone%40example.com',
    '/a?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=1',
    '/a?GoogleAccessId=x',
    '/a?token=xoxb-1111111111-2222222222',
    '/a?auth=eyJhbGciOiJIUzI1NiJ9.e30.x',
    '/a?b=1;token=ghp_0123456789abcdefghij',
    '/a?sv=2024-01-01&sp=r&sig=Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OTAxMjM0NTY3ODk%3D',
  ]) {
    test(`refuses a credential of the caller's own in ${target}`, () => {
      for (const injection of [{ kind: 'bearer' }, { kind: 'query', name: 'key' }, path] as const) {
        assert.throws(
          () => inject(injection, 's3cret', target),
          (error: { code?: string }) =>
            error.code === 'credential_in_query' || (injection.kind === 'query' && error.code === 'target_ambiguous'),
        )
      }
    })
  }

  test('refuses a key of the caller beside another credential, by its value', () => {
    assert.throws(() => inject({ kind: 'bearer' }, 's3cret', '/a?key=AIzaSyA0123456789'), {
      code: 'credential_in_query',
    })
    for (const target of ['/a?key=name', '/a?token=7&page_token=eyJhbGciOiJIUzI1NiJ9', '/a?sig=on&signature=done'])
      assert.doesNotThrow(() => inject({ kind: 'bearer' }, 's3cret', target), target)
  })

  test('finds a second credential beside the declared key', () => {
    assert.throws(() => inject({ kind: 'query', name: 'api_key' }, 's', '/a?api_key=1&access_token=2'), {
      code: 'credential_in_query',
    })
  })

  test('refuses a credential that cannot stand in a head', () => {
    const hostile = hostileStrings(runSeed('inject'), 400).filter((text) => !/^[\t\x20-\x7e]*$/.test(text))
    assert.ok(hostile.length >= 300, `${hostile.length} hostile strings`)
    for (const text of ['', ' a', 'a ', '\r\nX: y', '\0', '\u010d\u010a', 'é', ...hostile]) {
      for (const injection of [
        { kind: 'bearer' },
        { kind: 'query', name: 'k' },
        { kind: 'basic', username: 'u' },
      ] as const) {
        assert.throws(() => inject(injection, text), { code: 'credential_unusable' }, JSON.stringify(text))
      }
    }
  })

  for (const name of ['Host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'x_y', 'a b']) {
    test(`does not put a credential into ${name}`, () => {
      assert.throws(() => injectorFor({ kind: 'header', name }), TypeError)
    })
  }
})
