import assert from 'node:assert/strict'
import { createHmac, createPublicKey } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { base64url, newKey, sha256url, signed } from '../testing/issuer.ts'
import { WireServer } from '../testing/wire-server.ts'
import { MemoryReplayGuard } from './replay-guard.ts'
import { createVerifier, type VerifierOptions, type VerifyRequest } from './verifier.ts'

let server: WireServer
let now: number
const initialJwks = () => ({ keys: [{ ...server.key.jwk, kid: server.key.kid, alg: 'ES256', use: 'sig' }] })
before(async () => {
  server = await WireServer.start()
})
beforeEach(() => {
  now = Date.now()
  server.requests.length = 0
  server.sessions.length = 0
  server.lifeSeconds = 300
  server.jwks = initialJwks
})
after(() => server.close())

const verifier = (more: Partial<VerifierOptions> = {}) =>
  createVerifier({ issuer: server.url, audience: 'svc_x', now: () => now, ...more })
const fault = async (token: string, more: Partial<VerifierOptions> = {}, request?: VerifyRequest) => {
  const verified = await verifier(more).verify(token, request)
  return verified.valid ? 'valid' : verified.error
}
const seconds = () => Math.floor(now / 1000)

describe('verify()', () => {
  test('gives the claims of a good token', async () => {
    const verified = await verifier().verify(server.token({ scope: 'a b', roles: ['r'] }), undefined, ['b'])
    assert.ok(verified.valid)
    assert.deepEqual([verified.claims.sub, verified.claims.roles], ['agent_a', ['r']])
    assert.equal(await fault(server.token({ aud: ['other', 'svc_x'] })), 'valid')
  })

  test('refuses a token whose scope is too small', async () => {
    for (const scope of ['a', 'bb', undefined]) {
      const verified = await verifier().verify(server.token(scope === undefined ? {} : { scope }), undefined, ['b'])
      assert.deepEqual(verified, { valid: false, error: 'insufficient_scope' })
    }
  })

  const far = 10_000
  const claims: readonly (readonly [name: string, bad: () => readonly unknown[], error: string])[] = [
    ['iss', () => ['https://evil.test', `${server.url}/`], 'wrong_issuer'],
    ['aud', () => ['svc_y', ['svc_y'], 'svc_x '], 'wrong_audience'],
    ['exp', () => [seconds() - 6, 0], 'expired'],
    ['iat', () => [seconds() + 7, seconds() + far], 'not_yet_valid'],
    ['nbf', () => [seconds() + 7, seconds() + far], 'not_yet_valid'],
    ['iss', () => [undefined, '', 1, null, {}, []], 'malformed'],
    ['aud', () => [undefined, '', 1, null, {}, ['svc_x', 1], ['svc_x', '']], 'malformed'],
    ['sub', () => [undefined, '', 1, null], 'malformed'],
    ['jti', () => [undefined, '', 1, null], 'malformed'],
    ['exp', () => [undefined, null, '9999999999', 1e300, -1, seconds() + 60.5], 'malformed'],
    ['iat', () => [undefined, null, String(seconds()), Number.MAX_SAFE_INTEGER + 1, -1], 'malformed'],
    ['nbf', () => [null, '0', {}], 'malformed'],
    ['scope', () => [1, null, ['a']], 'malformed'],
    ['cnf', () => [null, 'x', {}, { jkt: 1 }, { 'x5t#S256': 'x' }, { jkt: 'x', jwk: {} }], 'malformed'],
  ]
  for (const [name, bad, error] of claims) {
    test(`refuses bad values of ${name}: ${error}`, async () => {
      for (const value of bad())
        assert.equal(await fault(server.token({ [name]: value })), error, JSON.stringify(value))
    })
  }

  test('gives five seconds of leeway at the end, and at the door sixty for a clock ahead', async () => {
    assert.equal(await fault(server.token({ exp: seconds() - 4 })), 'valid')
    assert.equal(await fault(server.token({ iat: seconds() + 5 })), 'valid')
    const door = { profile: 'clawauth' } as const
    assert.equal(await fault(server.token({ iat: seconds() + 60 }, { typ: 'JWT' }), door), 'valid')
    assert.equal(await fault(server.token({ iat: seconds() + 62 }, { typ: 'JWT' }), door), 'not_yet_valid')
  })

  const rs = () => ({ ...server.key.jwk, kid: 'evil' })
  const headers: Readonly<Record<string, () => object>> = {
    'alg none': () => ({ alg: 'none' }),
    'alg HS256': () => ({ alg: 'HS256' }),
    'alg ES256K': () => ({ alg: 'ES256K' }),
    'alg es256': () => ({ alg: 'es256' }),
    'alg ES384': () => ({ alg: 'ES384' }),
    'alg as a list': () => ({ alg: ['ES256'] }),
    'no alg': () => ({ alg: undefined }),
    'typ of the door': () => ({ typ: 'JWT' }),
    'typ of a proof': () => ({ typ: 'dpop+jwt' }),
    'typ of a sign-in': () => ({ typ: 'clv-auth+jwt' }),
    'typ in capitals': () => ({ typ: 'AT+JWT' }),
    'no typ': () => ({ typ: undefined }),
    jwk: () => ({ jwk: rs() }),
    jku: () => ({ jku: `${server.url}/evil` }),
    x5u: () => ({ x5u: `${server.url}/evil` }),
    x5c: () => ({ x5c: ['MIIB'] }),
    x5t: () => ({ x5t: 'x' }),
    crit: () => ({ crit: ['exp'] }),
    'an empty crit': () => ({ crit: [] }),
    b64: () => ({ b64: false }),
    zip: () => ({ zip: 'DEF' }),
    cty: () => ({ cty: 'JWT' }),
    'an unknown member': () => ({ foo: 1 }),
    'no kid': () => ({ kid: undefined }),
    'kid as a path': () => ({ kid: '../../../../dev/null' }),
    'kid as SQL': () => ({ kid: "x' or 1=1" }),
    'kid as a number': () => ({ kid: 1 }),
    'kid that is long': () => ({ kid: 'a'.repeat(65) }),
    'kid __proto__': () => ({ kid: '' }),
  }
  for (const [what, header] of Object.entries(headers)) {
    test(`refuses a header with ${what}`, async () => {
      assert.equal(await fault(server.token({}, header())), 'malformed')
    })
  }

  const forms: Readonly<Record<string, (token: string) => string>> = {
    'padding on the signature': (token) => `${token}==`,
    'another spelling of the signature': (token) => respelt(token),
    'a space': (token) => ` ${token}`,
    'a line feed': (token) => `${token}\n`,
    'four parts': (token) => `${token}.x`,
    'two parts': (token) => token.split('.').slice(0, 2).join('.'),
    'no signature': (token) => `${token.split('.').slice(0, 2).join('.')}.`,
    'a signature of 63 bytes': (token) => token.slice(0, -3),
    'a signature of zeros': (token) => `${token.split('.').slice(0, 2).join('.')}.${'A'.repeat(86)}`,
    'the JSON form': (token) => JSON.stringify({ payload: token.split('.')[1], signature: token.split('.')[2] }),
    'base64 in place of base64url': (token) => token.replace('-', '+').replace('_', '/').replace('.', '.+'),
    'a header that says alg twice': (token) =>
      [base64url('{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"x"}'), ...token.split('.').slice(1)].join('.'),
    'a header that is a list': (token) => [base64url('["alg"]'), ...token.split('.').slice(1)].join('.'),
    'a payload that is text': (token) => [token.split('.')[0], base64url('"x"'), token.split('.')[2]].join('.'),
    'nine thousand characters': (token) => token + 'A'.repeat(9_000),
    nothing: () => '',
  }
  for (const [what, mutate] of Object.entries(forms)) {
    test(`refuses ${what}`, async () => assert.equal(await fault(mutate(server.token())), 'malformed'))
  }

  test('refuses other content, other keys and signatures that are only like it', async () => {
    const [head, , tail] = server.token().split('.')
    const other = base64url({ iss: server.url, aud: 'svc_x', sub: 'agent_b', jti: 'x', iat: 1, exp: 9e9 })
    assert.equal(await fault([head, other, tail].join('.')), 'bad_signature')
    const forger = newKey()
    const header = { alg: 'ES256', typ: 'at+jwt', kid: server.key.kid }
    const payload = { iss: server.url, aud: 'svc_x', sub: 'agent_b', jti: 'x', iat: seconds(), exp: seconds() + 60 }
    assert.equal(await fault(signed(forger, header, payload)), 'bad_signature')
    const pem = createPublicKey(server.key.privateKey).export({ type: 'spki', format: 'pem' })
    const input = `${base64url({ ...header, alg: 'HS256' })}.${base64url(payload)}`
    const mac = createHmac('sha256', pem).update(input).digest('base64url')
    assert.equal(await fault(`${input}.${mac}`), 'malformed')
  })
})

describe('the key set', () => {
  test('is fetched once for a minute, in the background from half of it on', async () => {
    const { verify } = keep()
    for (let call = 0; call < 5; call += 1) assert.ok((await verify(server.token())).valid)
    assert.equal(server.count('/.well-known/jwks.json'), 1)
    now += 31_000
    assert.ok((await verify(server.token())).valid)
    await until(() => server.count('/.well-known/jwks.json') === 2)
    server.jwks = () => ({ keys: [] })
    now += 61_000
    assert.deepEqual(await verify(server.token()), { valid: false, error: 'bad_signature' })
  })

  test('knows a new key at once, and is not fetched for every unknown one', async () => {
    const { verify } = keep()
    assert.ok((await verify(server.token())).valid)
    const next = newKey()
    server.jwks = () => ({ keys: [...initialJwks().keys, { ...next.jwk, kid: next.kid }] })
    now += 6_000
    const header = { alg: 'ES256', typ: 'at+jwt', kid: next.kid }
    const claims = { iss: server.url, aud: 'svc_x', sub: 'a', jti: 'x', iat: seconds(), exp: seconds() + 60 }
    assert.ok((await verify(signed(next, header, claims))).valid)
    for (let call = 0; call < 50; call += 1) {
      assert.deepEqual(await verify(server.token({}, { kid: `unknown${call}` })), {
        valid: false,
        error: 'bad_signature',
      })
    }
    assert.equal(server.count('/.well-known/jwks.json'), 2)
  })

  test('refuses to judge when it cannot be had for a minute, and does not hammer the issuer', async () => {
    let down = false
    const fetchOrFail = (url: string, init: RequestInit) => {
      calls += 1
      return down ? Promise.reject(new TypeError('down')) : fetch(url, init)
    }
    let calls = 0
    const { verify } = keep({ fetch: fetchOrFail })
    assert.ok((await verify(server.token())).valid)
    down = true
    now += 40_000
    assert.ok((await verify(server.token())).valid)
    now += 30_000
    for (let call = 0; call < 10; call += 1) await assert.rejects(verify(server.token()), { code: 'jwks_unavailable' })
    assert.equal(calls, 3)
    down = false
    now += 6_000
    assert.ok((await verify(server.token())).valid)
  })

  const sets: Readonly<Record<string, () => object>> = {
    'keys is no list': () => ({ keys: {} }),
    'an id stands twice': () => ({ keys: [...initialJwks().keys, ...initialJwks().keys] }),
    'there are too many keys': () => ({ keys: Array.from({ length: 65 }, () => initialJwks().keys[0]) }),
    'it is large': () => ({ ...initialJwks(), x: 'x'.repeat(70_000) }),
  }
  for (const [what, jwks] of Object.entries(sets)) {
    test(`is not taken when ${what}`, async () => {
      server.jwks = jwks
      await assert.rejects(verifier().verify(server.token()), { code: 'jwks_unavailable' })
    })
  }

  test('gives no key that is private, for encryption, or for another algorithm', async () => {
    const [key] = initialJwks().keys
    for (const more of [
      { d: 'x' },
      { use: 'enc' },
      { alg: 'ES384' },
      { key_ops: ['sign'] },
      { crv: 'P-384' },
      { kid: 1 },
    ]) {
      server.jwks = () => ({ keys: [{ ...key, ...more }] })
      assert.equal(await fault(server.token()), 'bad_signature', JSON.stringify(more))
    }
  })

  test('is fetched over https, or from this machine', () => {
    for (const jwksUrl of ['http://keys.example.com/jwks', 'file:///etc/passwd', 'data:application/json,{}', 'x']) {
      assert.throws(() => verifier({ jwksUrl }), { code: 'jwks_url_invalid' })
    }
  })
})

describe('revocation by introspection', () => {
  test('refuses a token as soon as the issuer says so', async () => {
    const token = server.token()
    server.sessions.push({ accessToken: token } as never)
    const introspection = { apiKey: 'svc_key' }
    assert.equal(await fault(token, { introspection }), 'valid')
    ;(server.sessions[0] as { revoked: boolean }).revoked = true
    assert.equal(await fault(token, { introspection }), 'revoked')
    assert.equal(await fault(token), 'valid')
  })

  test('is asked once in the time that an answer counts', async () => {
    const token = server.token()
    server.sessions.push({ accessToken: token } as never)
    const { verify } = keep({ introspection: { apiKey: 'svc_key', cacheSeconds: 30 } })
    for (const wait of [0, 29_000, 2_000]) {
      now += wait
      assert.ok((await verify(token)).valid)
    }
    assert.equal(server.count('/oauth/introspect'), 2)
  })

  test('refuses to judge when the issuer does not say', async () => {
    const introspection = { apiKey: 'wrong' }
    await assert.rejects(verifier({ introspection }).verify(server.token()), { code: 'introspection_unavailable' })
  })
})

describe('tokens bound to a key', () => {
  const holder = newKey()
  const url = 'https://api.example.com/v1/items?x=1'
  const bound = () => server.token({ cnf: { jkt: holder.kid } })
  const proof = (token: string, more: object = {}, header: object = {}, key = holder) => {
    const claims = { htm: 'GET', htu: 'https://api.example.com/v1/items', iat: seconds(), jti: `${Math.random()}` }
    const usual = { alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk }
    return signed(key, { ...usual, ...header }, { ...claims, ath: sha256url(token), ...more })
  }
  const request = (...proofs: string[]): VerifyRequest => ({ scheme: 'DPoP', method: 'GET', url, proofs })

  test('are taken with a good proof, once', async () => {
    const token = bound()
    const text = proof(token)
    const { verify } = keep()
    assert.ok((await verify(token, request(text))).valid)
    assert.deepEqual(await verify(token, request(text)), { valid: false, error: 'proof_replayed' })
    now += 50_000
    assert.deepEqual(await verify(token, request(text)), { valid: false, error: 'proof_replayed' })
    assert.ok((await verify(token, request(proof(token, { htu: 'HTTPS://API.example.com:443/v1/items' })))).valid)
  })

  test('are refused without one, under another scheme, and where nobody can tell', async () => {
    const token = bound()
    assert.equal(await fault(token), 'proof_missing')
    assert.equal(await fault(token, {}, request()), 'proof_missing')
    assert.equal(await fault(token, {}, { ...request(proof(token)), scheme: 'Bearer' }), 'proof_missing')
  })

  test('and only those: a proof beside an unbound token proves nothing', async () => {
    const token = server.token()
    assert.equal(await fault(token, {}, request(proof(token))), 'proof_invalid')
  })

  const stranger = newKey()
  const bad: Readonly<Record<string, (token: string) => readonly string[]>> = {
    'two proofs': (token) => [proof(token), proof(token)],
    'another method': (token) => [proof(token, { htm: 'POST' })],
    'a method in small letters': (token) => [proof(token, { htm: 'get' })],
    'another host': (token) => [proof(token, { htu: 'https://evil.test/v1/items' })],
    'another path': (token) => [proof(token, { htu: 'https://api.example.com/v1' })],
    'another scheme': (token) => [proof(token, { htu: 'http://api.example.com/v1/items' })],
    'no address': (token) => [proof(token, { htu: 'x' })],
    'another token': (token) => [proof(token, { ath: sha256url('x') })],
    'no token': (token) => [proof(token, { ath: undefined })],
    'an old date': (token) => [proof(token, { iat: seconds() - 62 })],
    'a date ahead': (token) => [proof(token, { iat: seconds() + 7 })],
    'no date': (token) => [proof(token, { iat: undefined })],
    'a date as text': (token) => [proof(token, { iat: String(seconds()) })],
    'no jti': (token) => [proof(token, { jti: undefined })],
    'an empty jti': (token) => [proof(token, { jti: '' })],
    'a huge jti': (token) => [proof(token, { jti: 'x'.repeat(300) })],
    'another key': (token) => [proof(token, {}, {}, stranger)],
    'another’s key in the header': (token) => [proof(token, {}, { jwk: stranger.jwk })],
    'the key in the header, signed by another': (token) => [proof(token, {}, { jwk: holder.jwk }, stranger)],
    'a private key in the header': (token) => [proof(token, {}, { jwk: { ...holder.jwk, d: 'x' } })],
    'no key': (token) => [proof(token, {}, { jwk: undefined })],
    'typ of a token': (token) => [proof(token, {}, { typ: 'at+jwt' })],
    'alg none': (token) => [proof(token, {}, { alg: 'none' })],
    'a kid': (token) => [proof(token, {}, { kid: 'x' })],
    garbage: () => ['x'],
  }
  for (const [what, proofs] of Object.entries(bad)) {
    test(`refuses a proof with ${what}`, async () => {
      const token = bound()
      assert.equal(await fault(token, {}, request(...proofs(token))), 'proof_invalid')
    })
  }

  test('need a nonce where the service gives them out', async () => {
    const token = bound()
    const isOwnNonce = (nonce: string) => nonce === 'n'
    assert.equal(await fault(token, { isOwnNonce }, request(proof(token))), 'nonce_wanted')
    assert.equal(await fault(token, { isOwnNonce }, request(proof(token, { nonce: 'o' }))), 'nonce_wanted')
    assert.equal(await fault(token, { isOwnNonce }, request(proof(token, { nonce: 'n' }))), 'valid')
  })

  test('are refused rather than forgotten when too many proofs must be remembered', async () => {
    const replays = new MemoryReplayGuard(() => now, 2)
    const { verify } = keep({ replays })
    const token = bound()
    const [one, two] = [proof(token), proof(token)]
    for (const text of [one, two]) assert.ok((await verify(token, request(text))).valid)
    await assert.rejects(verify(token, request(proof(token))), { code: 'replay_guard_full' })
    assert.deepEqual(await verify(token, request(one)), { valid: false, error: 'proof_replayed' })
    now += 62_000
    assert.ok((await verify(token, request(proof(token)))).valid)
  })
})

function keep(more: Partial<VerifierOptions> = {}) {
  const kept = verifier(more)
  return { verify: kept.verify.bind(kept) }
}

/** The same signature in another last character, which decoders with less care take. */
function respelt(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) as string) ^ 1]
}

async function until(condition: () => boolean): Promise<void> {
  for (let left = 2_000; left > 0 && !condition(); left--) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.ok(condition())
}
