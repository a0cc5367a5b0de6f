import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { CredentialId } from '../ground/ids.ts'
import { parseOrigin } from '../ground/origin.ts'
import { Secret } from '../ground/secret.ts'
import { canonicalTarget } from '../ground/target.ts'
import type { ForwardedService } from './forward.ts'
import { createInjectors, type Injection, type Opened } from './inject.ts'
import { createMatchers } from './matchers.ts'
import { outgoingHead } from './request-head.ts'

const opened = (text: string): Opened => ({ id: 'crd_1' as CredentialId, version: 1, value: Secret.fromText(text) })
const clock = new SetClock(Date.UTC(2026, 2, 4, 5, 6, 7, 89))
const injectorFor = createInjectors(clock)

interface Call {
  readonly target?: string
  readonly origin?: string
  readonly headers?: readonly string[]
  readonly method?: string
  readonly body?: Buffer
}

function inject(
  injection: Injection,
  secret: string | Opened,
  { method = 'GET', target = '/a', origin = 'https://x.example', headers = [], body }: Call = {},
) {
  const call = { method, origin: parseOrigin(origin), target: canonicalTarget(target) }
  const injector = injectorFor(injection)
  const head = outgoingHead(call, headers, injector.headers, () => undefined)
  const derived = injector.apply(head, typeof secret === 'string' ? opened(secret) : secret, body)
  const sent = Object.fromEntries(
    head.headers.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), head.headers[at + 1]!]] : [])),
  )
  return { head, derived, sent }
}

describe('a key in the path', () => {
  const bot = { kind: 'path', segment: 'bot{secret}', after: ['file'] } as const
  const forms: readonly [string, string][] = [
    ['/', '/bot1:a-b_C/'],
    ['/getMe', '/bot1:a-b_C/getMe'],
    ['/getMe?', '/bot1:a-b_C/getMe?'],
    ['/getMe?a=1&b', '/bot1:a-b_C/getMe?a=1&b'],
    ['/file/a%20b/c', '/file/bot1:a-b_C/a%20b/c'],
    ['/file', '/bot1:a-b_C/file'],
    ['/files/x', '/bot1:a-b_C/files/x'],
  ]
  for (const [target, sent] of forms) {
    test(`sends ${target} as ${sent}`, () => assert.equal(inject(bot, '1:a-b_C', { target }).head.target, sent))
  }

  for (const secret of ['a/b', 'a%2Fb', 'a?b', 'a#b', 'a;b', 'a b', 'a\\b', 'é', '..', '']) {
    test(`refuses the key ${JSON.stringify(secret)}`, () => {
      assert.throws(() => inject({ kind: 'path', segment: '{secret}' }, secret), { code: 'credential_unusable' })
    })
  }

  test('does not read patterns into the key', () => {
    assert.equal(inject(bot, "$&$'", { target: '/x' }).head.target, "/bot$&$'/x")
  })
})

describe('SigV4', () => {
  const keys = 'AKIDEXAMPLE123456:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
  const at = (origin: string, more: object = {}) =>
    inject({ kind: 'sigv4', ...more }, keys, { origin })
      .sent.authorization!.split('/')
      .slice(2, 4)
      .join(' ')

  const hosts: readonly [string, string][] = [
    ['https://sqs.eu-west-1.amazonaws.com', 'eu-west-1 sqs'],
    ['https://bucket.s3.us-west-2.amazonaws.com', 'us-west-2 s3'],
    ['https://my.dotted.bucket.s3.us-west-2.amazonaws.com', 'us-west-2 s3'],
    ['https://bucket.s3.dualstack.us-west-2.amazonaws.com', 'us-west-2 s3'],
    ['https://bucket.s3.amazonaws.com', 'us-east-1 s3'],
    ['https://s3-eu-central-1.amazonaws.com', 'eu-central-1 s3'],
    ['https://sts.amazonaws.com', 'us-east-1 sts'],
    ['https://dynamodb-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1 dynamodb'],
    ['https://abc123.execute-api.ap-southeast-2.amazonaws.com', 'ap-southeast-2 execute-api'],
    ['https://abc.lambda-url.eu-north-1.on.aws', 'eu-north-1 lambda'],
    ['https://search-x.us-east-2.es.amazonaws.com', 'us-east-2 es'],
    ['https://bedrock-runtime.us-east-1.amazonaws.com', 'us-east-1 bedrock'],
    ['https://ec2.cn-north-1.amazonaws.com.cn', 'cn-north-1 ec2'],
    ['https://111122223333.s3-control.eu-west-1.amazonaws.com', 'eu-west-1 s3'],
    ['https://portal.sso.eu-west-1.amazonaws.com', 'eu-west-1 awsssoportal'],
    ['https://abc-ats.iot.eu-west-1.amazonaws.com', 'eu-west-1 iot'],
    ['https://data-ats.iot.eu-west-1.amazonaws.com', 'eu-west-1 iotdata'],
    ['https://global.health.amazonaws.com', 'us-east-1 health'],
  ]
  for (const [origin, scope] of hosts) test(`signs for ${scope} at ${origin}`, () => assert.equal(at(origin), scope))

  test('signs for what the definition says, whatever the host is', () => {
    assert.equal(at('https://minio.example:9000', { region: 'here', service: 's3' }), 'here s3')
    assert.throws(() => at('https://minio.example'), { code: 'signing_unknown' })
    assert.throws(() => at('https://amazonaws.com.evil.example'), { code: 'signing_unknown' })
  })

  test('names its time, its body and a session, and nothing of the caller in their place', () => {
    const body = Buffer.from('body')
    const headers = [
      'X-Amz-Date',
      'mine',
      'x-amz-content-sha256',
      'mine',
      'X-Amz-Security-Token',
      'mine',
      'Date',
      'mine',
    ]
    const session = `${keys}:FwoGZXIvYXdzEXAMPLETOKEN==`
    const { sent, head } = inject({ kind: 'sigv4' }, session, {
      origin: 'https://sqs.eu-west-1.amazonaws.com',
      headers,
      body,
    })
    assert.equal(sent['x-amz-date'], '20260304T050607Z')
    assert.equal(sent['x-amz-content-sha256'], createHash('sha256').update(body).digest('hex'))
    assert.equal(sent['x-amz-security-token'], 'FwoGZXIvYXdzEXAMPLETOKEN==')
    assert.ok(!head.headers.includes('mine'))
  })

  test('leaves the body out of the signature only where the definition says so', () => {
    const loose = injectorFor({ kind: 'sigv4', unsignedPayload: true })
    assert.equal(loose.needsBody, false)
    assert.equal(injectorFor({ kind: 'sigv4' }).needsBody, true)
    const { sent } = inject({ kind: 'sigv4', unsignedPayload: true }, keys, {
      origin: 'https://b.s3.us-west-2.amazonaws.com',
    })
    assert.equal(sent['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD')
  })

  test('leaves a body unsigned where the client did, by HTTPS, with the checksum behind its chunks', () => {
    const origin = 'https://b.s3.us-west-2.amazonaws.com'
    const chunks = [
      'Content-Encoding',
      'aws-chunked',
      'X-Amz-Decoded-Content-Length',
      '7',
      'X-Amz-Trailer',
      'x-amz-checksum-crc32',
    ]
    const left: readonly [string, readonly string[]][] = [
      ['UNSIGNED-PAYLOAD', []],
      ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', chunks],
    ]
    for (const [said, more] of left) {
      const headers = ['X-Amz-Content-Sha256', said, ...more]
      const head = outgoingHead(
        { method: 'PUT', origin: parseOrigin(origin), target: canonicalTarget('/a') },
        headers,
        [],
        () => undefined,
      )
      assert.equal(injectorFor({ kind: 'sigv4' }).streams?.(head), true)
      const { sent } = inject({ kind: 'sigv4' }, keys, { origin, headers, method: 'PUT' })
      assert.equal(sent['x-amz-content-sha256'], said)
      for (let at = 0; at < more.length; at += 2) assert.equal(sent[more[at]!.toLowerCase()], more[at + 1])
      if (more.length > 0) assert.match(sent.authorization!, /x-amz-decoded-content-length;x-amz-trailer,/)
    }
  })

  for (const said of ['UNSIGNED-PAYLOAD', 'e3b0', '']) {
    test(`signs a body whatever else is said of it, or by plain HTTP: ${said}`, () => {
      const body = Buffer.from('body')
      const origin =
        said === 'UNSIGNED-PAYLOAD' ? 'http://b.s3.us-west-2.amazonaws.com' : 'https://b.s3.us-west-2.amazonaws.com'
      const twice = ['X-Amz-Content-Sha256', said, 'x-amz-content-sha256', said]
      for (const headers of [twice.slice(2), twice]) {
        const { sent, head } = inject({ kind: 'sigv4' }, keys, { origin, headers, method: 'PUT', body })
        assert.equal(sent['x-amz-content-sha256'], createHash('sha256').update(body).digest('hex'))
        assert.equal(head.headers.filter((name) => name.toLowerCase() === 'x-amz-content-sha256').length, 1)
      }
    })
  }

  for (const said of ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-EVENTS', 'streaming-x']) {
    test(`waits for no body that a client signs piece by piece: ${said}`, () => {
      const origin = parseOrigin('https://b.s3.us-west-2.amazonaws.com')
      for (const headers of [
        ['X-Amz-Content-Sha256', said],
        ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD', 'X-Amz-Content-Sha256', said],
      ]) {
        const head = outgoingHead(
          { method: 'PUT', origin, target: canonicalTarget('/a') },
          headers,
          [],
          () => undefined,
        )
        assert.throws(() => injectorFor({ kind: 'sigv4' }).streams?.(head), { code: 'header_refused' })
      }
    })
  }

  for (const headers of [
    ['Content-Encoding', 'aws-chunked'],
    ['content-encoding', 'gzip, aws-chunked'],
    ['X-Amz-Decoded-Content-Length', '7'],
  ]) {
    test(`refuses a body in chunks of the caller's own: ${headers.join(': ')}`, () => {
      assert.throws(
        () => inject({ kind: 'sigv4' }, keys, { origin: 'https://b.s3.us-west-2.amazonaws.com', headers }),
        {
          code: 'header_refused',
        },
      )
    })
  }

  test('follows the day', () => {
    const credential = opened(keys)
    const origin = 'https://sqs.eu-west-1.amazonaws.com'
    const sign = () => inject({ kind: 'sigv4' }, credential, { origin })
    const [first, again] = [sign(), sign()]
    assert.deepEqual(first.derived, again.derived)
    clock.advance(24 * 3_600_000)
    const next = sign()
    assert.match(next.sent.authorization!, /\/20260305\//)
    assert.notDeepEqual(next.derived, first.derived)
    assert.deepEqual(next.derived, inject({ kind: 'sigv4' }, keys, { origin }).derived)
  })

  for (const secret of [
    'no-colon-here-at-all',
    'akid:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    `${keys}:`,
    `${keys}:a b`,
  ]) {
    test(`refuses the keys ${secret}`, () => {
      assert.throws(() => inject({ kind: 'sigv4', region: 'r', service: 's' }, secret), { code: 'credential_unusable' })
    })
  }
})

describe('a declared signature', () => {
  const form = {
    kind: 'hmac',
    algorithm: 'sha256',
    encoding: 'hex',
    stringToSign: '{method} {host}{target} {timestamp} {body_sha256_base64}',
    headers: { Authorization: 'HMAC {key_id}:{signature}', 'X-At': '{timestamp}' },
  } as const
  const empty = createHash('sha256').digest('base64')

  const times: readonly ['seconds' | 'milliseconds' | 'iso8601', (ms: number) => string][] = [
    ['seconds', (ms) => String(Math.floor(ms / 1_000))],
    ['milliseconds', String],
    ['iso8601', (ms) => new Date(ms).toISOString()],
  ]
  for (const [timestamp, written] of times) {
    test(`writes its time in ${timestamp}`, () => {
      const { sent, derived } = inject({ ...form, timestamp }, 'me:a-signing-key', {
        target: '/a?b',
        origin: 'https://x.example:8443',
      })
      const time = written(clock.now())
      const signature = createHmac('sha256', 'a-signing-key')
        .update(`GET x.example:8443/a?b ${time} ${empty}`)
        .digest('hex')
      assert.deepEqual(sent, { authorization: `HMAC me:${signature}`, 'x-at': time })
      assert.deepEqual(derived, [signature])
    })
  }

  test('signs with the bytes that a key in hex or base64 stands for', () => {
    const key = Buffer.from('00ff10203040506070', 'hex')
    for (const secretEncoding of ['hex', 'base64'] as const) {
      const injection = {
        ...form,
        secretEncoding,
        stringToSign: '{path}',
        headers: { 'x-sign': '{signature}' },
      } as const
      const { sent } = inject(injection, key.toString(secretEncoding))
      assert.equal(sent['x-sign'], createHmac('sha256', key).update('/a').digest('hex'))
    }
  })

  test('does not read what a value holds as a placeholder', () => {
    const { sent } = inject(
      { ...form, stringToSign: '{query}', headers: { 'x-sign': '{key_id} {signature}' } },
      '{signature}:a-signing-key',
      {
        target: '/a?q=%7Btimestamp%7D',
      },
    )
    assert.equal(
      sent['x-sign'],
      `{signature} ${createHmac('sha256', 'a-signing-key').update('q=%7Btimestamp%7D').digest('hex')}`,
    )
  })

  test('wants the body only where it is signed', () => {
    assert.equal(injectorFor(form).needsBody, true)
    assert.equal(injectorFor({ ...form, stringToSign: '{path}' }).needsBody, false)
  })
})

describe('an answer', () => {
  const hmac = { kind: 'hmac', algorithm: 'sha256', encoding: 'hex', stringToSign: '{path}' } as const
  const named = { ...hmac, headers: { 'x-sign': '{key_id} {signature}' } }
  const kept: readonly [Injection, string, readonly string[]][] = [
    [
      { kind: 'path', segment: 'bot{secret}' },
      '110201543:AAHdqTcvCH1vGWJx',
      ['110201543:AAHdqTcvCH1vGWJx', 'AAHdqTcvCH1vGWJx'],
    ],
    [
      { kind: 'sigv4' },
      'AKIDEXAMPLE123456:wJalrXUtnFEMI/K7MDENG:FwoGZXIvYXdzEXAMPLE',
      ['wJalrXUtnFEMI/K7MDENG', 'FwoGZXIvYXdzEXAMPLE'],
    ],
    [named, 'me:a-signing-key', ['a-signing-key']],
    [{ ...named, secretEncoding: 'hex' }, 'me:4142434445464748494a', ['4142434445464748494a', 'ABCDEFGHIJ']],
  ]
  for (const [injection, secret, parts] of kept) {
    test(`is searched for the parts of a secret of ${injection.kind} and for the signature of its request`, () => {
      const service = { scrub: true, injection } as unknown as ForwardedService
      const find = createMatchers()
      for (const part of parts) assert.equal(find(service, opened(secret))?.text(`a ${part} b`), 'a [redacted:crd_1] b')
      const signature = createHash('sha256').update('x').digest('hex')
      assert.equal(find(service, opened(secret), [signature])?.text(`a ${signature} b`), 'a [redacted:crd_1] b')
      assert.equal(find(service, opened(secret))?.text(`a ${signature} b`), `a ${signature} b`)
      const text = `${signature}${parts[0]}, ${signature.slice(0, 60)} ${Buffer.from(parts[0] ?? '').toString('hex')}${signature}`
      const wanted = `[redacted:crd_1][redacted:crd_1], ${signature.slice(0, 60)} [redacted:crd_1][redacted:crd_1]`
      for (const size of [1, 7, text.length]) {
        const stream = find(service, opened(secret), [signature])!.stream()
        const out: Buffer[] = []
        for (let at = 0; at < text.length; at += size) out.push(stream.push(Buffer.from(text.slice(at, at + size))))
        assert.equal(Buffer.concat([...out, stream.flush()]).toString(), wanted)
        assert.deepEqual([stream.hits, stream.held], [4, 0])
      }
    })
  }
})
