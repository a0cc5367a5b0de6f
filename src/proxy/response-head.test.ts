import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseOrigin } from '../ground/origin.ts'
import { type HeadFilter, responseHead, responseReason } from './response-head.ts'
import { vetLocation } from './vet-location.ts'

const filter: HeadFilter = {
  text: (value) => value.replaceAll('s3cret', '***'),
  location: (value) => value,
  rewritten: false,
}

describe('responseHead()', () => {
  const hostile = [
    'set-cookie',
    'set-cookie2',
    'clear-site-data',
    'alt-svc',
    'content-security-policy',
    'content-security-policy-report-only',
    'strict-transport-security',
    'x-frame-options',
    'x-xss-protection',
    'access-control-allow-origin',
    'access-control-allow-credentials',
    'cross-origin-opener-policy',
    'cross-origin-resource-policy',
    'permissions-policy',
    'report-to',
    'reporting-endpoints',
    'nel',
    'service-worker-allowed',
    'sourcemap',
    'x-sourcemap',
    'refresh',
    'public-key-pins',
    'expect-ct',
    'x-accel-redirect',
    'x-sendfile',
    'x-lighttpd-send-file',
    'proxy-authenticate',
    'proxy-status',
    'claviger-request-id',
    'connection',
    'keep-alive',
    'transfer-encoding',
    'upgrade',
    'trailer',
    'te',
    'via',
    'accept-ch',
    'origin-agent-cluster',
    'x-forwarded-host',
    'vendor-unheard-of',
  ]
  for (const name of hostile) {
    test(`keeps ${name} from the caller`, () => assert.deepEqual(responseHead({ [name]: 'v' }, filter), []))
  }

  const wanted = [
    'content-type',
    'content-disposition',
    'content-range',
    'content-language',
    'etag',
    'last-modified',
    'cache-control',
    'retry-after',
    'link',
    'vary',
    'date',
    'x-request-id',
    'x-ratelimit-remaining',
    'ratelimit-limit',
    'request-id',
    'openai-processing-ms',
    'anthropic-ratelimit-tokens-remaining',
    'stripe-version',
    'x-github-request-id',
    'x-oauth-scopes',
    'www-authenticate',
    'accept-ranges',
    'mcp-session-id',
    'server',
    'allow',
    'idempotency-key',
    'x-slack-req-id',
  ]
  for (const name of wanted) {
    test(`gives the caller ${name}`, () => assert.deepEqual(responseHead({ [name]: 'v' }, filter), [name, 'v']))
  }

  test('keeps what Connection lists from the caller', () => {
    assert.deepEqual(responseHead({ connection: 'close, X-Hop', 'x-hop': '1', 'x-kept': '2' }, filter), ['x-kept', '2'])
  })

  test('keeps every value of a repeated header, scrubbed', () => {
    assert.deepEqual(responseHead({ link: ['<a>', '<s3cret>'] }, filter), ['link', '<a>', 'link', '<***>'])
  })

  test('drops values with control bytes, and a second Location', () => {
    assert.deepEqual(responseHead({ 'x-a': 'b\x01', location: ['/a', '/b'] }, filter), [])
  })

  test('drops what described the bytes of a rewritten body', () => {
    const headers = { 'content-encoding': 'gzip', 'content-md5': 'x', 'repr-digest': 'y', etag: 'z' }
    assert.deepEqual(responseHead(headers, { ...filter, rewritten: true }), ['etag', 'z'])
  })

  test('scrubs the reason phrase and drops a broken one', () => {
    assert.equal(responseReason('Fine s3cret', filter), 'Fine ***')
    assert.equal(responseReason('caf\xe9', filter), undefined)
    assert.equal(responseReason('', filter), undefined)
  })
})

describe('vetLocation()', () => {
  const origin = parseOrigin('https://api.example.com')
  const wild = parseOrigin('https://*.example.com', { wildcard: true })
  const cases: readonly [string, string | undefined][] = [
    ['/next?a=1#f', '/to/up/next?a=1#f'],
    ['next', '/to/up/dir/next'],
    ['?page=2', '/to/up/dir/file?page=2'],
    ['https://api.example.com/x', '/to/up/x'],
    ['https://API.example.com:443/x', '/to/up/x'],
    ['//api.example.com/x', '/to/up/x'],
    ['https://api.example.com:8443/x', 'https://api.example.com:8443/x'],
    ['http://api.example.com/x', 'http://api.example.com/x'],
    ['https://other.example.com/x', 'https://other.example.com/x'],
    ['https://evil.test/x', 'https://evil.test/x'],
    ['//evil.test/x', 'https://evil.test/x'],
    ['https://api.example.com@evil.test/', undefined],
    ['https://u:p@api.example.com/', undefined],
    ['https://@evil.test/', undefined],
    ['\\\\evil.test/x', undefined],
    ['/\\evil.test', undefined],
    ['https:\\\\evil.test', undefined],
    ['javascript:alert(1)', undefined],
    ['data:text/html,x', undefined],
    ['file:///etc/passwd', undefined],
    ['https://evil.test/\x01', undefined],
    ['/a b', undefined],
    ['/caf\xe9', undefined],
    ['', undefined],
    ['https://', undefined],
  ]
  for (const [value, given] of cases) {
    test(`gives ${JSON.stringify(value)} as ${given ?? 'nothing'}`, () => {
      assert.equal(vetLocation(value, origin, '/dir/file', [origin, wild], '/to/up'), given)
    })
  }

  test('gives places on the service as they are where there is no base', () => {
    assert.equal(vetLocation('/x', origin, '/', [origin], undefined), 'https://api.example.com/x')
  })
})
