import assert from 'node:assert/strict'
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { describe, test } from 'node:test'
import { readPublicKey as readByGateway } from '../../src/crypto/p256.ts'
import { utf8 } from './bytes.ts'
import { generateKeyPair, generatePemKeyPair, importKeyPair } from './keys.ts'
import { publicKeyOf, readPublicKey } from './public-key.ts'
import { pemSigner, webCryptoSigner } from './signer.ts'

const data = utf8('bytes to sign')

describe('generateKeyPair()', () => {
  test('makes a private key that nobody can read out, and that signs', async () => {
    const pair = await generateKeyPair()
    const { subtle } = crypto
    await assert.rejects(subtle.exportKey('pkcs8', pair.privateKey), { name: 'InvalidAccessError' })
    await assert.rejects(subtle.exportKey('jwk', pair.privateKey), { name: 'InvalidAccessError' })
    const signer = await webCryptoSigner(pair)
    const key = createPublicKey(signer.publicKey as string)
    const signature = await signer.sign(data)
    assert.equal(signature.length, 64)
    assert.ok(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature))
  })
})

describe('generatePemKeyPair()', () => {
  test('makes PKCS#8 and SubjectPublicKeyInfo that OpenSSL reads, of one key', async () => {
    const { publicKey, privateKey } = await generatePemKeyPair()
    const key = createPrivateKey(privateKey)
    assert.equal(key.asymmetricKeyDetails?.namedCurve, 'prime256v1')
    assert.equal(createPublicKey(key).export({ type: 'spki', format: 'pem' }), publicKey)
  })
})

describe('importKeyPair()', () => {
  test('reads PKCS#8 of OpenSSL and keeps the private key from being read out', async () => {
    const made = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = made.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const { publicKey, privateKey } = await importKeyPair(pem)
    assert.equal(privateKey.extractable, false)
    assert.equal((await publicKeyOf(publicKey)).pem, made.publicKey.export({ type: 'spki', format: 'pem' }))
    const signature = await (await pemSigner(pem)).sign(data)
    assert.ok(verify('sha256', data, { key: made.publicKey, dsaEncoding: 'ieee-p1363' }, signature))
  })

  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const good = ec('P-256').export({ type: 'pkcs8', format: 'pem' }) as string
  const refused: Readonly<Record<string, string>> = {
    'another curve': ec('P-384').export({ type: 'pkcs8', format: 'pem' }) as string,
    'a curve of the same size': ec('secp256k1').export({ type: 'pkcs8', format: 'pem' }) as string,
    RSA: rsa.export({ type: 'pkcs8', format: 'pem' }) as string,
    SEC1: ec('P-256').export({ type: 'sec1', format: 'pem' }) as string,
    encrypted: ec('P-256').export({ type: 'pkcs8', format: 'pem', cipher: 'aes256', passphrase: 'x' }) as string,
    'a public key': createPublicKey(good).export({ type: 'spki', format: 'pem' }) as string,
    'two keys': good + good,
    'text before it': `x ${good}`,
    'not base64': good.replace(/\n(.)/, '\n*'),
    nothing: '',
  }
  for (const [what, pem] of Object.entries(refused)) {
    test(`refuses ${what}`, () => assert.rejects(importKeyPair(pem), { code: 'key_invalid' }))
  }
})

describe('readPublicKey()', () => {
  test('names a key as the gateway does, from PEM and from a JWK', async () => {
    const { publicKey } = await generatePemKeyPair()
    const read = await readPublicKey(publicKey)
    const theirs = readByGateway(publicKey)
    assert.deepEqual([read.thumbprint, read.hash, read.jwk], [theirs.thumbprint, theirs.hash, theirs.jwk])
    const fromJwk = await readPublicKey({ ...read.jwk, use: 'sig', kid: 'x' })
    assert.equal(fromJwk.thumbprint, read.thumbprint)
    assert.equal(fromJwk.pem, publicKey)
    const der = createPublicKey(publicKey).export({ type: 'spki', format: 'der' })
    assert.equal(read.hash, `sha256:${createHash('sha256').update(der).digest('hex')}`)
  })

  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = key.publicKey.export({ format: 'jwk' })
  const zeros = Buffer.alloc(32).toString('base64url')
  const refused: Readonly<Record<string, string | object>> = {
    'a private key': key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    'a private JWK': key.privateKey.export({ format: 'jwk' }),
    'another curve': generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }),
    'another curve by name': { ...jwk, crv: 'P-384' },
    'another type': { ...jwk, kty: 'OKP' },
    'a point on no curve': { ...jwk, y: zeros },
    'a coordinate that is short': { ...jwk, x: 'AAAA' },
    'a coordinate with padding': { ...jwk, x: `${jwk.x}=` },
    'a coordinate in another spelling': { ...jwk, x: other(jwk.x as string) },
    'Ed25519 PEM': generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }) as string,
    'a compressed point': compressed(key.publicKey.export({ type: 'spki', format: 'der' })),
  }
  for (const [what, input] of Object.entries(refused)) {
    test(`refuses ${what}`, () => assert.rejects(readPublicKey(input), { code: 'key_invalid' }))
  }
})

/** Another last character that decoders with less care take for the same bytes. */
function other(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) as string) ^ 1]
}

function compressed(spki: Buffer): string {
  const head = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex')
  const der = Buffer.concat([head, Buffer.of(2 + ((spki.at(-1) as number) & 1)), spki.subarray(27, 59)])
  // OpenSSL takes it, so that it is a key, and the wrong spelling of one.
  assert.equal(createPublicKey({ key: der, format: 'der', type: 'spki' }).asymmetricKeyType, 'ec')
  return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`
}
