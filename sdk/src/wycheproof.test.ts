// Project Wycheproof's vectors (test/corpora/wycheproof, Apache-2.0) against what this package reads and verifies.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fromHex } from './bytes.ts'
import { readCompact } from './jws.ts'
import type { Bytes } from './platform.ts'
import { readPublicKey, verifySignature } from './public-key.ts'
import { fromDer, isRawSignature, toDer } from './signature.ts'
import { readKeys } from './verify/jwks.ts'

// biome-ignore lint/suspicious/noExplicitAny: the corpora have shapes of their own
function groups(name: string): any[] {
  const file = new URL(`../../test/corpora/wycheproof/${name}_test.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')).testGroups
}

const hex = (text: string): Bytes => fromHex(text) ?? new Uint8Array(0)

describe('Wycheproof', () => {
  for (const [name, raw, count] of [
    ['ecdsa_secp256r1_sha256_p1363', true, 262],
    ['ecdsa_secp256r1_sha256', false, 484],
  ] as const) {
    test(`${name}: ${count} of ${count}`, async () => {
      let seen = 0
      for (const group of groups(name)) {
        const { key } = await readPublicKey(group.publicKeyPem as string)
        for (const { tcId, msg, sig, result } of group.tests) {
          const given = hex(sig)
          const signature = raw ? given : fromDer(given)
          const isForm = signature !== undefined && isRawSignature(signature)
          const holds = isForm && (await verifySignature(key, hex(msg), signature))
          assert.equal(holds, result === 'valid', `case ${tcId}`)
          if (holds && !raw) assert.deepEqual(toDer(signature), given, `case ${tcId}`)
          seen += 1
        }
      }
      assert.equal(seen, count)
    })
  }

  test('JSON Web Signature: exactly the valid with ES256, and nothing else', async () => {
    let accepted = 0
    for (const { public: jwk, tests } of groups('json_web_signature')) {
      for (const { tcId, jws, result } of tests) {
        const isOurs = result === 'valid' && jwk?.alg === 'ES256'
        assert.equal(await accepts(jws, jwk), isOurs, `case ${tcId}`)
        accepted += isOurs ? 1 : 0
      }
    }
    assert.equal(accepted, 2)
  })

  test('JSON Web Key: no key for ES256 comes out of a set that holds a bad one of that kind, or an id twice', async () => {
    let sets = 0
    for (const { public: set, tests } of groups('json_web_key')) {
      const keys = await readKeys(set ?? {}).catch(() => new Map<string, never>())
      for (const { tcId, result, jws } of tests) {
        const [jwk] = set?.keys ?? []
        const isOurs = result === 'valid' && jwk?.kty === 'EC' && jwk.crv === 'P-256'
        const jwsRead = readCompact(jws, { typ: [undefined], members: ['kid'] })
        const key = keys.get(jwsRead?.header.kid ?? '')
        const holds = jwsRead && key && (await verifySignature(key, jwsRead.signingInput, jwsRead.signature))
        assert.equal(holds === true, isOurs, `case ${tcId}`)
        sets += 1
      }
    }
    assert.equal(sets, 26)
  })
})

/** As the verifier does, with the claims left out. */
async function accepts(jws: unknown, jwk: object | undefined): Promise<boolean> {
  const read = readCompact(jws, { typ: [undefined], members: ['kid'] })
  const key = read && (await readKeys({ keys: [jwk] })).get(read.header.kid as string)
  return read !== undefined && key !== undefined && verifySignature(key, read.signingInput, read.signature)
}
