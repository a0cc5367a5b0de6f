import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { service } from './services.support.ts'

const hmac = {
  kind: 'hmac',
  algorithm: 'sha256',
  encoding: 'hex',
  stringToSign: '{timestamp}\n{method}\n{path}',
  headers: { 'x-sign': '{signature}', 'x-time': '{timestamp}' },
}
const aws = 'https://sqs.eu-west-1.amazonaws.com'

describe('a way to attach a key is refused', () => {
  const refused: readonly [string, object, object?][] = [
    ['that is no segment', { kind: 'path', segment: 'a/{secret}' }],
    ['in a segment without the secret', { kind: 'path', segment: 'bot' }],
    ['in a segment with the secret twice', { kind: 'path', segment: '{secret}{secret}' }],
    ['in a segment with parameters', { kind: 'path', segment: 'bot;{secret}' }],
    ['after a segment that climbs', { kind: 'path', segment: '{secret}', after: ['a/b'] }],
    ['of AWS, for a host that says no region', { kind: 'sigv4' }],
    ['of AWS, with half of what the host does not say', { kind: 'sigv4', service: 's3' }],
    ['of AWS, with a region that is none', { kind: 'sigv4', region: 'a/b', service: 's3' }],
    [
      'of AWS, with bodies unsigned in clear',
      { kind: 'sigv4', region: 'r', service: 's3', unsignedPayload: true },
      { origins: ['http://a.example'], unsafePlainHttp: true },
    ],
    ['of AWS, with false for unsigned', { kind: 'sigv4', unsignedPayload: false }, { origins: [aws] }],
    ['by a signature that stands in no header', { ...hmac, headers: { 'x-time': '{timestamp}' } }],
    ['by a signature that stands twice', { ...hmac, headers: { ...hmac.headers, 'x-again': '{signature}' } }],
    ['by a signature over itself', { ...hmac, stringToSign: '{signature}' }],
    ['by a signature over what is not there', { ...hmac, stringToSign: '{cookie}' }],
    ['by a signature in a header of nothing', { ...hmac, headers: { ...hmac.headers, 'x-a': '{secret}' } }],
    ['by a signature over a header without a name', { ...hmac, stringToSign: '{header}{timestamp}' }],
    ['by a signature over a header that it writes', { ...hmac, stringToSign: '{header:x-time}' }],
    ['by a signature over a header of the connection', { ...hmac, stringToSign: '{header:content-length}' }],
    ['by a signature with the body in a header', { ...hmac, headers: { ...hmac.headers, 'x-a': '{body}' } }],
    ['by a signature with the query in the query', { ...hmac, query: { q: '{query}' } }],
    ['by a signature in a header and in the query', { ...hmac, query: { s: '{signature}' } }],
    ['by a signed nonce that is not sent', { ...hmac, stringToSign: '{nonce}' }],
    ['by a form of nonce without a nonce', { ...hmac, nonce: 'uuid' }],
    ['by a signed time that is not sent', { ...hmac, headers: { 'x-sign': '{signature}' } }],
    [
      'by a form of time without a time',
      { ...hmac, timestamp: 'iso8601', stringToSign: '{path}', headers: { 'x-sign': '{signature}' } },
    ],
    ['by a signature in Host', { ...hmac, headers: { ...hmac.headers, Host: '{signature}' } }],
    ['by a signature in a forwarded header', { ...hmac, headers: { 'x-forwarded-for': '{signature} {timestamp}' } }],
    ['by a signature that splits the head', { ...hmac, headers: { ...hmac.headers, 'x-a': 'a\r\nb: c' } }],
    ['by an algorithm that is too short', { ...hmac, algorithm: 'sha1' }],
  ]
  for (const [what, injection, more = {}] of refused) {
    test(what, () => {
      const describe = () => service({ injection: injection as never, ...more })
      assert.throws(describe, { code: 'service_invalid' })
    })
  }
})

describe('a way to attach a key is taken', () => {
  const taken: readonly [string, object, string][] = [
    ['in the path', { kind: 'path', segment: 'bot{secret}', after: ['file'] }, 'https://a.example'],
    ['of AWS, as the host says', { kind: 'sigv4' }, aws],
    [
      'of AWS, as the definition says',
      { kind: 'sigv4', region: 'r', service: 's3', unsignedPayload: true },
      'https://a.example',
    ],
    ['of AWS, under a wildcard', { kind: 'sigv4' }, 'https://*.storage.example.com'],
    ['by a signature', hmac, 'https://a.example'],
    [
      'by a signature in the query',
      {
        kind: 'hmac',
        algorithm: 'sha512',
        encoding: 'hex',
        stringToSign: '{header:content-type}{query}{body}',
        query: { t: '{timestamp}', s: '{signature}' },
      },
      'https://a.example',
    ],
  ]
  for (const [what, injection, origin] of taken) {
    test(what, () =>
      assert.deepEqual(service({ injection: injection as never, origins: [origin] }).injection, injection),
    )
  }

  const shapes: readonly [object, string, boolean][] = [
    [{ kind: 'bearer' }, 'anything', true],
    [{ kind: 'path', segment: '{secret}' }, '123:abc', true],
    [{ kind: 'path', segment: '{secret}' }, '123/abc', false],
    [{ kind: 'sigv4', region: 'r', service: 's' }, 'AKIDEXAMPLE123456:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', true],
    [{ kind: 'sigv4', region: 'r', service: 's' }, 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', false],
    [hmac, 'a-signing-key', true],
    [hmac, 'short', false],
    [{ ...hmac, secretEncoding: 'hex' }, '00112233445566778899', true],
    [{ ...hmac, secretEncoding: 'hex' }, '0011223344556677889', false],
    [{ ...hmac, secretEncoding: 'base64' }, 'AAECAwQFBgcICQ==', true],
    [{ ...hmac, secretEncoding: 'base64' }, 'AAECAwQFBgcICQ', false],
    [{ ...hmac, headers: { ...hmac.headers, 'x-id': '{key_id}' } }, 'me:a-signing-key', true],
    [{ ...hmac, headers: { ...hmac.headers, 'x-id': '{key_id}' } }, 'a-signing-key', false],
  ]
  for (const [injection, secret, good] of shapes) {
    test(`with ${secret} ${good ? 'as' : 'not as'} its secret: ${JSON.stringify(injection)}`, () => {
      const { secretShape } = service({ injection: injection as never })
      assert.equal(secretShape?.(Buffer.from(secret)) === undefined, good)
    })
  }
})
