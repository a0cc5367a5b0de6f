import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import { fromKey } from '../../crypto/p256.ts'
import { SetClock } from '../../ground/clock.ts'
import { Dpop, type DpopAsked, dpopHeader } from './dpop.ts'
import { namesRequest } from './same-url.ts'

type Members = Readonly<Record<string, unknown>>

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey } = pair()
const { jwk, thumbprint } = fromKey(privateKey)
const token = 'a.b.c'
const ath = hash('sha256', token, 'base64url')
const url = { origins: ['https://gate.test', 'http://127.0.0.1:4317'], path: '/to/u/a%2fb/c?q=1' }
const htu = 'https://gate.test/to/u/a%2Fb/c'

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function signed(input: string, key: KeyObject): string {
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

function setUp(options: { remembered?: number } = {}) {
  const clock = new SetClock()
  const dpop = new Dpop({ clock, bootId: 'boot01', secret: createSecretKey(randomBytes(32)), ...options })
  const seconds = () => Math.floor(clock.now() / 1_000)
  const claims = (): Members => ({ jti: randomBytes(12).toString('hex'), htm: 'POST', htu, iat: seconds(), ath })
  const proof = (payload: Members = {}, header: Members = {}, key = privateKey) =>
    signed(`${part({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })}.${part({ ...claims(), ...payload })}`, key)
  const check = (text: string | undefined, more: Partial<DpopAsked> = {}) =>
    dpop.check({ proof: text, method: 'POST', url, accessToken: token, jkt: thumbprint, ...more })
  return { clock, dpop, seconds, proof, check }
}

describe('Dpop', () => {
  test('takes a proof of the key, for the request and the token', () => {
    const { proof, check } = setUp()
    assert.deepEqual(check(proof()), { ok: true, jkt: thumbprint })
    assert.deepEqual(check(proof({}, { jwk: { ...jwk, use: 'sig', alg: 'ES256' } })), { ok: true, jkt: thumbprint })
    assert.deepEqual(check(proof({ more: 1, exp: 4_102_444_800 })), { ok: true, jkt: thumbprint })
    assert.deepEqual(check(proof({ ath: undefined }), { accessToken: undefined, jkt: undefined }), {
      ok: true,
      jkt: thumbprint,
    })
  })

  const other = pair()
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'jwk' })
  const flip = (text: string) => text.slice(0, -3) + (text.at(-3) === 'A' ? 'B' : 'A') + text.slice(-2)
  const withoutSignature = (text: string) => `${text.split('.').slice(0, 2).join('.')}.`
  type Vector = readonly [string, (make: ReturnType<typeof setUp>['proof'], now: number) => string]
  const refused: readonly Vector[] = [
    ['nothing in the header', () => ''],
    ['no JWS', () => 'abc'],
    ['two proofs in one header', (make) => `${make()}, ${make()}`],
    ['JSON form', (make) => JSON.stringify({ payload: make().split('.')[1], signatures: [] })],
    ['a space before it', (make) => ` ${make()}`],
    ['padding', (make) => `${make()}=`],
    ['another typ', (make) => make({}, { typ: 'jwt' })],
    ['typ with its tree', (make) => make({}, { typ: 'application/dpop+jwt' })],
    ['no typ', (make) => make({}, { typ: undefined })],
    ['alg none', (make) => withoutSignature(make({}, { alg: 'none' }))],
    ['alg HS256', (make) => make({}, { alg: 'HS256' })],
    ['alg ES384', (make) => make({}, { alg: 'ES384' })],
    ['alg ES256K', (make) => make({}, { alg: 'ES256K' })],
    ['no key', (make) => make({}, { jwk: undefined })],
    ['a private key', (make) => make({}, { jwk: { ...privateKey.export({ format: 'jwk' }) } })],
    ['a symmetric key', (make) => make({}, { jwk: { kty: 'oct', k: 'AAAA' } })],
    ['a key on P-384', (make) => make({}, { jwk: p384 })],
    ['an RSA key', (make) => make({}, { jwk: rsa })],
    ['a point on no curve', (make) => make({}, { jwk: { ...jwk, y: jwk.x } })],
    ['a key meant for encryption', (make) => make({}, { jwk: { ...jwk, use: 'enc' } })],
    ['a key that is a list', (make) => make({}, { jwk: [jwk] })],
    ['a key by address', (make) => make({}, { jku: 'https://evil.test/' })],
    ['crit', (make) => make({}, { crit: ['b64'], b64: false })],
    [
      'another key than the token is bound to',
      (make) => make({}, { jwk: fromKey(other.privateKey).jwk }, other.privateKey),
    ],
    ['a key that did not sign it', (make) => make({}, {}, other.privateKey)],
    ['a changed signature', (make) => flip(make())],
    ['no signature', (make) => withoutSignature(make())],
    ['no jti', (make) => make({ jti: undefined })],
    ['an empty jti', (make) => make({ jti: '' })],
    ['a jti of 129 characters', (make) => make({ jti: 'x'.repeat(129) })],
    ['a jti of 1 MiB', (make) => make({ jti: 'x'.repeat(1_048_576) })],
    ['a jti that is a number', (make) => make({ jti: 7 })],
    ['no htm', (make) => make({ htm: undefined })],
    ['htm of another method', (make) => make({ htm: 'GET' })],
    ['htm in lower case', (make) => make({ htm: 'post' })],
    ['no htu', (make) => make({ htu: undefined })],
    ['htu that is a list', (make) => make({ htu: [htu] })],
    ['htu of another path', (make) => make({ htu: `${htu}/d` })],
    ['htu of another case', (make) => make({ htu: 'https://gate.test/to/U/a%2Fb/c' })],
    ['htu of another host', (make) => make({ htu: htu.replace('gate.test', 'gate.test.evil.test') })],
    ['htu of another scheme', (make) => make({ htu: htu.replace('https', 'http') })],
    ['htu of another port', (make) => make({ htu: htu.replace('gate.test', 'gate.test:8443') })],
    ['htu with a user', (make) => make({ htu: htu.replace('gate.test', 'gate.test@gate.test') })],
    ['htu that is a path', (make) => make({ htu: '/to/u/a%2Fb/c' })],
    ['htu with its slash decoded', (make) => make({ htu: 'https://gate.test/to/u/a/b/c' })],
    ['no iat', (make) => make({ iat: undefined })],
    ['iat as text', (make, now) => make({ iat: String(now) })],
    ['iat below zero', (make) => make({ iat: -1 })],
    ['an end that has passed', (make, now) => make({ exp: now - 31 })],
    ['an end that is no number', (make) => make({ exp: 'never' })],
    ['no ath', (make) => make({ ath: undefined })],
    ['ath of another token', (make) => make({ ath: hash('sha256', 'a.b.d', 'base64url') })],
    ['ath in hex', (make) => make({ ath: hash('sha256', token, 'hex') })],
    ['ath padded', (make) => make({ ath: `${ath}=` })],
  ]
  for (const [what, make] of refused) {
    test(`refuses ${what}`, () => {
      const { proof, check, seconds } = setUp()
      assert.deepEqual(check(make(proof, seconds())), { ok: false, error: 'invalid_dpop_proof' })
    })
  }

  const stale: readonly (readonly [string, (now: number) => Members])[] = [
    ['signed 31 seconds ago', (now) => ({ iat: now - 31 })],
    ['signed 31 seconds from now', (now) => ({ iat: now + 31 })],
    ['signed in 1970', () => ({ iat: 0 })],
    ['with a nonce that was never given', () => ({ nonce: 'x' })],
    ['with a nonce that is no text', () => ({ nonce: 1 })],
    ['with an empty nonce', () => ({ nonce: '' })],
  ]
  for (const [what, payload] of stale) {
    test(`wants a nonce of its own for a proof ${what}, and takes it with one`, () => {
      const { dpop, proof, check, seconds } = setUp()
      const nonce = dpop.nonce()
      assert.deepEqual(check(proof(payload(seconds()))), { ok: false, error: 'use_dpop_nonce', nonce })
      assert.deepEqual(check(proof({ ...payload(seconds()), nonce })), { ok: true, jkt: thumbprint })
    })
  }

  test('asks for a proof where there is none', () => {
    assert.deepEqual(setUp().check(undefined), { ok: false, error: 'dpop_missing' })
  })

  test('takes a jti once, of each key', async () => {
    const { dpop, proof, check } = setUp()
    const text = proof()
    const verdicts = await Promise.all(Array.from({ length: 2_000 }, async () => check(text)))
    assert.equal(verdicts.filter(({ ok }) => ok).length, 1)
    const jti = 'j'.repeat(128)
    assert.equal(check(proof({ jti })).ok, true)
    assert.equal(check(proof({ jti, htm: 'GET' }), { method: 'GET' }).ok, false)
    const mine = { jwk: fromKey(other.privateKey).jwk }
    assert.equal(check(proof({ jti }, mine, other.privateKey), { jkt: undefined }).ok, true)
    assert.equal(dpop.check({ proof: text, method: 'POST', url }).ok, false)
  })

  test('knows r, n − s for the same proof', () => {
    const { proof, check } = setUp()
    const text = proof()
    const [head, body, tail] = text.split('.') as [string, string, string]
    const raw = Buffer.from(tail, 'base64url')
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const flipped = order - BigInt(`0x${raw.subarray(32).toString('hex')}`)
    const twin = Buffer.concat([raw.subarray(0, 32), Buffer.from(flipped.toString(16).padStart(64, '0'), 'hex')])
    assert.equal(check(text).ok, true)
    assert.equal(check(`${head}.${body}.${twin.toString('base64url')}`).ok, false)
  })

  test('never takes one twice, whenever it comes back', () => {
    const { clock, dpop, proof, check } = setUp()
    const first = proof()
    const second = proof({ nonce: dpop.nonce() })
    assert.deepEqual([check(first).ok, check(second).ok], [true, true])
    for (let passed = 0; passed < 600; passed += 5) {
      clock.advance(5_000)
      assert.deepEqual([check(first).ok, check(second).ok], [false, false], `after ${passed} s`)
    }
  })

  test('lets a nonce live two to four minutes, gives the next one in time, and none outlives the process', () => {
    const { clock, dpop, proof, check } = setUp()
    const nonce = dpop.nonce()
    clock.advance(119_000)
    assert.deepEqual(check(proof({ nonce, iat: 1 })), { ok: true, jkt: thumbprint })
    clock.advance(2_000)
    const next = dpop.nonce()
    assert.notEqual(next, nonce)
    assert.deepEqual(check(proof({ nonce, iat: 1 })), { ok: true, jkt: thumbprint, nonce: next })
    clock.advance(120_000)
    assert.deepEqual(check(proof({ nonce, iat: 1 })), { ok: false, error: 'use_dpop_nonce', nonce: dpop.nonce() })
    const secret = createSecretKey(randomBytes(32))
    const [one, two] = ['boot01', 'boot02'].map((bootId) => new Dpop({ clock, bootId, secret }).nonce())
    assert.notEqual(one, two)
  })

  test('believes no iat from before the process started: what was used then is forgotten', () => {
    const { clock, proof, check } = setUp()
    const old = proof()
    assert.equal(check(old).ok, true)
    clock.advance(1_500)
    const next = new Dpop({ clock, bootId: 'boot02', secret: createSecretKey(randomBytes(32)) })
    const shown = (text: string) =>
      next.check({ proof: text, method: 'POST', url, accessToken: token, jkt: thumbprint })
    assert.deepEqual(shown(old), { ok: false, error: 'use_dpop_nonce', nonce: next.nonce() })
    assert.equal(shown(proof({ nonce: next.nonce(), iat: 1 })).ok, true)
    assert.equal(shown(proof()).ok, true)
  })

  test('believes no iat after the clock was set back to where it was believed before', () => {
    const { clock, dpop, proof, check } = setUp()
    const old = proof()
    assert.equal(check(old).ok, true)
    clock.advance(241_000) // by now it is forgotten
    clock.jumpTo(clock.now() - 241_000)
    for (const text of [old, proof()])
      assert.deepEqual(check(text), { ok: false, error: 'use_dpop_nonce', nonce: dpop.nonce() })
    assert.equal(check(proof({ nonce: dpop.nonce() })).ok, true)
    clock.advance(91_000)
    assert.equal(check(old).ok, false)
    assert.equal(check(proof()).ok, true)
  })

  for (const jump of [-20_000, 20_000, 600_000]) {
    test(`believes an iat after the clock went ${jump / 1_000} s`, () => {
      const { clock, proof, check } = setUp()
      assert.equal(check(proof()).ok, true)
      clock.jumpTo(clock.now() + jump)
      assert.equal(check(proof()).ok, true)
    })
  }

  test('refuses when it can remember no more, and goes on when it may forget', () => {
    const { clock, proof, check } = setUp({ remembered: 3_000 })
    for (let n = 0; n < 3_000; n++) assert.equal(check(proof()).ok, true)
    const last = proof()
    assert.deepEqual(check(last), { ok: false, error: 'invalid_dpop_proof' })
    clock.advance(120_000)
    assert.equal(check(proof()).ok, true)
  })
})

describe('namesRequest()', () => {
  for (const same of [
    htu,
    'http://127.0.0.1:4317/to/u/a%2Fb/c',
    'https://GATE.test/to/u/a%2fb/c',
    'HTTPS://gate.test:443/to/u/a%2Fb/c',
    `${htu}?x=1#y`,
    'https://gate.test/to/./u/a%2Fb/d/../c',
    'https://gate.test/to/%75/a%2Fb/c',
  ]) {
    test(`takes ${same}`, () => assert.equal(namesRequest(same, url), true))
  }

  test('takes the root with and without its slash', () => {
    assert.equal(namesRequest('https://gate.test', { ...url, path: '/' }), true)
    assert.equal(namesRequest('https://gate.test/', { ...url, path: '/' }), true)
  })
})

test('dpopHeader() finds the one header there is', () => {
  assert.equal(dpopHeader(['Host', 'a', 'DPoP', 'x.y.z']), 'x.y.z')
  assert.equal(dpopHeader(['host', 'a']), undefined)
  assert.equal(dpopHeader(['DPoP', 'x.y.z', 'dpop', 'x.y.z']), '')
})
