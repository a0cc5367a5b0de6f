import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { readCompact, readJws } from './jws.ts'
import { readPublicKey, signatureOf, verifyP256 } from './p256.ts'

type Json = Record<string, unknown>
interface Group extends Json {
  readonly tests: readonly { tcId: number; result: string; msg: string; sig: string; jws: string }[]
  readonly publicKeyPem: string
  readonly comment: string
  readonly private: Json & { readonly keys?: readonly Json[] }
  readonly public?: Json & { readonly keys?: readonly Json[] }
}

function groups(name: string): Group[] {
  const file = new URL(`../../test/corpora/wycheproof/${name}_test.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { testGroups: Group[] }).testGroups
}

const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const invalid = { code: 'public_key_invalid' }

describe('Wycheproof, P-256', () => {
  for (const [name, count, valid] of [
    ['ecdsa_secp256r1_sha256_p1363', 262, 173],
    ['ecdsa_secp256r1_sha256', 484, 174],
  ] as const) {
    test(`${name}: ${count} of ${count}`, () => {
      let seen = 0
      let accepted = 0
      for (const group of groups(name)) {
        const { key } = readPublicKey(group.publicKeyPem)
        for (const { tcId, msg, sig, result } of group.tests) {
          const raw = signatureOf(sig)
          // The file of r‖s has no DER in it: what reads as DER there is none of ours to accept.
          const holds = raw !== undefined && verifyP256(key, Buffer.from(msg, 'hex'), raw)
          assert.equal(holds, result === 'valid', `${name} ${tcId}`)
          seen += 1
          if (holds) accepted += 1
        }
      }
      assert.deepEqual([seen, accepted], [count, valid])
    })
  }

  for (const [name, count] of [
    ['json_web_signature', 401],
    ['json_web_key', 26],
  ] as const) {
    test(`${name}: only what is valid and ES256`, () => {
      let seen = 0
      const accepted: string[] = []
      for (const group of groups(name)) {
        const set = group.public ?? group.private
        const keys = set.keys ?? [set]
        for (const { tcId, jws, result } of group.tests) {
          seen += 1
          const read = typeof jws === 'string' ? readCompact(jws, { typ: [undefined] }) : undefined
          const key = read && keyNamed(keys, read.header.kid)
          if (!read || !key || !verifyP256(key, read.signingInput, read.signature)) continue
          assert.equal(result, 'valid', `${name} ${tcId}`)
          accepted.push(group.comment)
        }
      }
      assert.equal(seen, count)
      assert.deepEqual(accepted, name === 'json_web_key' ? [] : ['es256', 'SpecialCaseEs256'])
    })
  }
})

/** As a set of ours is asked: one key of that id, or none. */
function keyNamed(keys: readonly Json[], kid: string | undefined) {
  const named = keys.filter((key) => key.kid === kid)
  if (named.length !== 1) return undefined
  const { d, ...rest } = named[0] as Json
  try {
    return readPublicKey(rest).key
  } catch {
    return undefined
  }
}

describe('readPublicKey()', () => {
  test('gives one form, whatever form came in', () => {
    const { publicKey } = ec()
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const fromPem = readPublicKey(pem)
    const fromJwk = readPublicKey(publicKey.export({ format: 'jwk' }) as Json)
    assert.deepEqual([fromPem.thumbprint, fromPem.hash], [fromJwk.thumbprint, fromJwk.hash])
    assert.deepEqual(fromPem.spki, publicKey.export({ type: 'spki', format: 'der' }))
  })

  const { privateKey, publicKey } = ec()
  const jwk = publicKey.export({ format: 'jwk' }) as Json
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
  const refused: [string, string | Json][] = [
    ['a private key', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string],
    ['a private JWK', privateKey.export({ format: 'jwk' }) as Json],
    ['another curve', other.export({ type: 'spki', format: 'pem' }) as string],
    [
      'RSA',
      generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ type: 'spki', format: 'pem' }) as string,
    ],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }) as string],
    [
      'two keys',
      `${publicKey.export({ type: 'spki', format: 'pem' })}${publicKey.export({ type: 'spki', format: 'pem' })}`,
    ],
    ['a point off the curve', { ...jwk, y: jwk.x }],
    ['a key for encryption', { ...jwk, use: 'enc' }],
    ['a key for another algorithm', { ...jwk, alg: 'ES384' }],
    ['a key that may not verify', { ...jwk, key_ops: ['encrypt'] }],
    ['text', 'hello'],
    ['nothing', ''],
    ['an empty object', {}],
  ]
  for (const [what, input] of refused) test(`refuses ${what}`, () => assert.throws(() => readPublicKey(input), invalid))
})

describe('signatureOf()', () => {
  test('reads four spellings of one signature as one', () => {
    const { privateKey } = ec()
    const data = Buffer.from('nonce')
    const raw = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const der = derOf(raw)
    const { key } = readPublicKey(createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string)
    for (const bytes of [raw, der]) {
      for (const text of [bytes.toString('hex'), bytes.toString('hex').toUpperCase(), bytes.toString('base64url')]) {
        assert.deepEqual(signatureOf(text), raw)
      }
    }
    assert.ok(verifyP256(key, data, raw))
    assert.equal(verifyP256(key, Buffer.from('other'), raw), false)
  })

  for (const text of [
    '',
    '00',
    'zz',
    'AA==',
    '00'.repeat(64),
    'ff'.repeat(64),
    '3006020100020100',
    'a'.repeat(1_000),
  ]) {
    test(`reads nothing in ${text.slice(0, 20)}…`, () => assert.equal(signatureOf(text), undefined))
  }
})

/** DER of r‖s, made another way than it is read. */
function derOf(raw: Buffer): Buffer {
  const integer = (bytes: Buffer) => {
    let at = 0
    while (at < bytes.length - 1 && bytes[at] === 0) at += 1
    const short = bytes.subarray(at)
    const body = (short[0] as number) >= 0x80 ? Buffer.concat([Buffer.of(0), short]) : short
    return Buffer.concat([Buffer.of(2, body.length), body])
  }
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))])
  return Buffer.concat([Buffer.of(0x30, body.length), body])
}

describe('readJws()', () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const tail = Buffer.alloc(64, 1).toString('base64url')
  const of = (header: unknown, payload: unknown = {}) => `${part(header)}.${part(payload)}.${tail}`
  const good = { alg: 'ES256', typ: 'at+jwt', kid: 'k1' }
  const rules = { typ: ['at+jwt'] }

  test('reads what is of the form', () => assert.deepEqual(readJws(of(good, { a: 1 }), rules)?.payload, { a: 1 }))

  const refused: [string, string][] = [
    ...['none', 'HS256', 'RS256', 'ES384', 'ES256K', 'es256', 'PS256', 'EdDSA', '', null, ['ES256']].map(
      (alg): [string, string] => [`alg ${alg}`, of({ ...good, alg })],
    ),
    ...['jku', 'jwk', 'x5u', 'x5c', 'x5t', 'crit', 'b64', 'zip', 'cty', 'enc', 'extra'].map(
      (member): [string, string] => [member, of({ ...good, [member]: member === 'b64' ? false : ['x'] })],
    ),
    ...['JWT', 'AT+JWT', 'application/at+jwt', undefined, ''].map((typ): [string, string] => [
      `typ ${typ}`,
      of({ ...good, typ }),
    ]),
    ...['../../etc/passwd', "' OR 1=1", 'a b', '', 'x'.repeat(65), 7].map((kid): [string, string] => [
      `kid ${kid}`,
      of({ ...good, kid }),
    ]),
    ['padding', `${of(good)}=`],
    ['four parts', `${of(good)}.x`],
    ['two parts', of(good).split('.').slice(0, 2).join('.')],
    ['the JSON form', JSON.stringify({ payload: 'e30', signatures: [] })],
    ['a payload that is an array', of(good, [])],
    [
      'a duplicate name',
      `${Buffer.from('{"alg":"ES256","alg":"none","typ":"at+jwt"}').toString('base64url')}.e30.${tail}`,
    ],
    ['a short signature', `${part(good)}.e30.${Buffer.alloc(63).toString('base64url')}`],
    ['bits after the end', `${part(good)}.e30.${tail.slice(0, -1)}R`],
    ['blanks', ` ${of(good)}`],
    ['length', of(good, { a: 'x'.repeat(9_000) })],
  ]
  for (const [what, text] of refused) test(`refuses ${what}`, () => assert.equal(readJws(text, rules), undefined))
})
