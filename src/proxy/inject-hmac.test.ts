// Declared signatures: the published examples of providers, and what a declaration can say.
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { CredentialId } from '../ground/ids.ts'
import { parseOrigin } from '../ground/origin.ts'
import { Secret } from '../ground/secret.ts'
import { canonicalTarget } from '../ground/target.ts'
import { createInjectors } from './inject.ts'
import type { HmacInjection } from './inject-hmac.ts'
import { outgoingHead } from './request-head.ts'

interface Call {
  readonly method?: string
  readonly target?: string
  readonly headers?: readonly string[]
  readonly body?: string | Buffer
  readonly now?: number
}

function sign(
  injection: HmacInjection,
  secret: string,
  { method = 'POST', target = '/', headers = [], body, now }: Call,
) {
  const injector = createInjectors(new SetClock(now))(injection)
  const call = { method, origin: parseOrigin('https://x.example'), target: canonicalTarget(target) }
  const head = outgoingHead(call, headers, injector.headers, () => undefined)
  const opened = { id: 'crd_1' as CredentialId, version: 1, value: Secret.fromText(secret) }
  const derived = injector.apply(head, opened, body === undefined ? undefined : Buffer.from(body))
  const sent = Object.fromEntries(
    head.headers.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), head.headers[at + 1]!]] : [])),
  )
  return { sent, target: head.target, derived }
}

const hmac = { kind: 'hmac', algorithm: 'sha256', encoding: 'hex' } as const

describe('the published example of', () => {
  // https://docs.slack.dev/authentication/verifying-requests-from-slack
  test('Slack, over version, time and body', () => {
    const injection = {
      ...hmac,
      stringToSign: 'v0:{timestamp}:{body}',
      headers: { 'X-Slack-Request-Timestamp': '{timestamp}', 'X-Slack-Signature': 'v0={signature}' },
    }
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&' +
      'channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&' +
      'response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&' +
      'trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
    const { sent } = sign(injection, '8f742231b10e8888abcd99yyyzzz85a5', { body, now: 1_531_420_618_000 })
    assert.equal(sent['x-slack-request-timestamp'], '1531420618')
    assert.equal(sent['x-slack-signature'], 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503')
  })

  // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
  test('GitHub, over the body alone', () => {
    const injection = { ...hmac, stringToSign: '{body}', headers: { 'X-Hub-Signature-256': 'sha256={signature}' } }
    const { sent } = sign(injection, "It's a Secret to Everybody", { body: 'Hello, World!' })
    const expected = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
    assert.equal(sent['x-hub-signature-256'], expected)
  })

  // https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
  test('Binance, over the query, in the query', () => {
    const injection = {
      ...hmac,
      stringToSign: '{query}{body}',
      timestamp: 'milliseconds',
      headers: { 'X-MBX-APIKEY': '{key_id}' },
      query: { timestamp: '{timestamp}', signature: '{signature}' },
    } as const
    const id = 'vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A'
    const secret = `${id}:NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j`
    const order = 'symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000'
    const { sent, target } = sign(injection, secret, { target: `/api/v3/order?${order}`, now: 1_499_827_319_559 })
    const signature = 'c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71'
    assert.equal(target, `/api/v3/order?${order}&timestamp=1499827319559&signature=${signature}`)
    assert.equal(sent['x-mbx-apikey'], id)
  })

  // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
  test('Standard Webhooks, over a header of the caller, time and body', () => {
    const injection = {
      ...hmac,
      encoding: 'base64',
      secretEncoding: 'base64',
      stringToSign: '{header:webhook-id}.{timestamp}.{body}',
      headers: { 'webhook-timestamp': '{timestamp}', 'webhook-signature': 'v1,{signature}' },
    } as const
    const { sent } = sign(injection, 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', {
      headers: ['Webhook-Id', 'msg_p5jXN8AQM9LWM0D4loKWxJek'],
      body: '{"test": 2432232314}',
      now: 1_614_265_330_000,
    })
    assert.equal(sent['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })
})

describe('a declaration', () => {
  // https://docs.cdp.coinbase.com/exchange/rest-api/authentication
  test('signs time, method, path with query and body, as Coinbase wants it', () => {
    const injection = {
      ...hmac,
      encoding: 'base64',
      secretEncoding: 'base64',
      stringToSign: '{timestamp}{method}{target}{body}',
      headers: { 'CB-ACCESS-KEY': '{key_id}', 'CB-ACCESS-TIMESTAMP': '{timestamp}', 'CB-ACCESS-SIGN': '{signature}' },
    } as const
    const key = Buffer.from('a key of more than eight bytes')
    const body = Buffer.from([0x7b, 0xff, 0x00, 0x80, 0x7d])
    const call = { target: '/orders?limit=1', body, now: 1_700_000_000_999 }
    const { sent } = sign(injection, `me:${key.toString('base64')}`, call)
    const text = Buffer.concat([Buffer.from('1700000000POST/orders?limit=1'), body])
    assert.equal(sent['cb-access-sign'], createHmac('sha256', key).update(text).digest('base64'))
    assert.equal(sent['cb-access-timestamp'], '1700000000')
  })

  test('has a nonce that is another one each time, signed as it is sent', () => {
    for (const [nonce, form] of [
      ['hex', /^[0-9a-f]{32}$/],
      ['uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    ] as const) {
      const headers = { 'x-nonce': '{nonce}', 'x-sign': '{signature}' }
      const once = () => sign({ ...hmac, nonce, stringToSign: '{nonce}', headers }, 'a-signing-key', {}).sent
      const [first, second] = [once(), once()]
      assert.match(first['x-nonce']!, form)
      assert.notEqual(first['x-nonce'], second['x-nonce'])
      const expected = createHmac('sha256', 'a-signing-key').update(first['x-nonce']!).digest('hex')
      assert.equal(first['x-sign'], expected)
    }
  })

  test('signs headers as they are sent, in an order of its own, by SHA-384, with the date of HTTP', () => {
    const headers = { Date: '{timestamp}', Authorization: 'sig {signature}' }
    const stringToSign = '{timestamp}\n{header:content-type}\n{header:x-a}\n{header:x-none}\n{body_sha512}'
    const injection = { ...hmac, algorithm: 'sha384', timestamp: 'http-date', stringToSign, headers } as const
    const own = ['X-A', ' 1', 'content-type', 'text/plain', 'x-a', '2', 'date', 'mine']
    const { sent } = sign(injection, 'a-signing-key', { headers: own, body: 'b', now: Date.UTC(2026, 0, 2) })
    const date = 'Fri, 02 Jan 2026 00:00:00 GMT'
    assert.equal(sent.date, date)
    const text = `${date}\ntext/plain\n1, 2\n\n${createHash('sha512').update('b').digest('hex')}`
    assert.equal(sent.authorization, `sig ${createHmac('sha384', 'a-signing-key').update(text).digest('hex')}`)
  })

  test('does not sign what a body, a header or a key says of placeholders', () => {
    const injection = { ...hmac, stringToSign: '{body}{header:x-a}', headers: { 'x-sign': '{key_id} {signature}' } }
    const { sent } = sign(injection, '{signature}:a-signing-key', {
      headers: ['x-a', '{key_id}'],
      body: '{timestamp}',
    })
    const expected = createHmac('sha256', 'a-signing-key').update('{timestamp}{key_id}').digest('hex')
    assert.equal(sent['x-sign'], `{signature} ${expected}`)
  })

  for (const query of ['signature=mine', 'SIGNATURE=x', 'a=1&timestamp=1', 'signature[]=x', 'x=1&signature']) {
    test(`refuses ${query} of a caller where the gateway writes the query`, () => {
      const injection = {
        ...hmac,
        stringToSign: '{query}',
        query: { timestamp: '{timestamp}', signature: '{signature}' },
      }
      assert.throws(
        () => sign(injection, 'a-signing-key', { target: `/a?${query}` }),
        ({ code }: { code: string }) => code === 'credential_in_query' || code === 'target_ambiguous',
      )
    })
  }

  test('sends a query of its own where the caller has none, and answers are searched for the signature', () => {
    const injection = { ...hmac, stringToSign: '{target}', query: { t: '{timestamp}', s: '{signature}' } }
    const { target, derived } = sign(injection, 'a-signing-key', { target: '/a', now: 1_000 })
    const signature = createHmac('sha256', 'a-signing-key').update('/a?t=1').digest('hex')
    assert.equal(target, `/a?t=1&s=${signature}`)
    assert.deepEqual(derived, [signature])
  })
})
