// WebAuthn Level 3's own test vectors (test/corpora/webauthn-l3), by our options and our policy.
import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { verifyRegistrationResponse } from '@simplewebauthn/server'
import {
  decodeAttestationObject,
  decodeCredentialPublicKey,
  isoCBOR,
  parseAuthenticatorData,
} from '@simplewebauthn/server/helpers'
import { verifyAssertion, verifyRegistration } from './ceremony.ts'
import { AssertionResponse, RegistrationResponse } from './contract.ts'
import { ALGORITHMS, type CoseKey, verifyingKey } from './cose-key.ts'
import { partyAt } from './party.ts'

interface Vector {
  readonly id: string
  readonly registration: Readonly<Record<'clientDataJSON' | 'attestationObject' | 'credential_id', string>>
  readonly authentication: Readonly<Record<'clientDataJSON' | 'authenticatorData' | 'signature', string>>
}

const file = new URL('../../../test/corpora/webauthn-l3/vectors.json', import.meta.url)
const { credentials } = JSON.parse(readFileSync(file, 'utf8')) as { credentials: readonly Vector[] }
const party = partyAt('https://example.org')
const url = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')
const saidIn = (hex: string) => JSON.parse(Buffer.from(hex, 'hex').toString('utf8')) as Record<string, unknown>
const UV = 0x04

function registrationOf({ registration }: Vector) {
  const id = url(registration.credential_id)
  const { clientDataJSON, attestationObject } = registration
  const response = { clientDataJSON: url(clientDataJSON), attestationObject: url(attestationObject) }
  return RegistrationResponse.parse({ id, rawId: id, type: 'public-key', clientExtensionResults: {}, response })
}

function assertionOf({ registration, authentication }: Vector) {
  const id = url(registration.credential_id)
  const { clientDataJSON, authenticatorData, signature } = authentication
  const response = {
    clientDataJSON: url(clientDataJSON),
    authenticatorData: url(authenticatorData),
    signature: url(signature),
  }
  return AssertionResponse.parse({ id, rawId: id, type: 'public-key', clientExtensionResults: {}, response })
}

function authDataOf({ registration }: Vector): Uint8Array<ArrayBuffer> {
  const attestation = decodeAttestationObject(new Uint8Array(Buffer.from(registration.attestationObject, 'hex')))
  return new Uint8Array(attestation.get('authData'))
}

/** What the key of the credential is, whatever its registration's flags. */
const keyOf = (vector: Vector) =>
  parseAuthenticatorData(authDataOf(vector)).credentialPublicKey as Uint8Array<ArrayBuffer>

/** The checks that policy must refuse a part of a vector by, in the order in which they are asked; none where it is good. */
function expected(clientDataJSON: string, flags: number): string | undefined {
  const { crossOrigin, topOrigin } = saidIn(clientDataJSON)
  if (crossOrigin === true) return 'cross_origin'
  if (topOrigin !== undefined) return 'top_origin'
  return (flags & UV) === 0 ? 'user_verification' : undefined
}

const refusal = (check: string) => (error: { code: string; facts: { check: string } }) => {
  assert.equal(error.code, 'passkey_refused')
  assert.equal(error.facts.check, check)
  return true
}

describe('the credentials of WebAuthn Level 3', () => {
  test('are fifteen, of which two come from a frame of another page', () => {
    assert.equal(credentials.length, 15)
    const framed = credentials.filter(
      ({ authentication }) => saidIn(authentication.clientDataJSON).crossOrigin === true,
    )
    assert.equal(framed.length, 2)
  })

  for (const vector of credentials) {
    test(`${vector.id}: parses and verifies with our algorithms, and policy alone decides`, async () => {
      const [registration, assertion] = [registrationOf(vector), assertionOf(vector)]
      const challenge = saidIn(vector.registration.clientDataJSON).challenge as string
      const attested = new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', authDataOf(vector)],
      ])
      const attestationObject = Buffer.from(isoCBOR.encode(attested as never)).toString('base64url')
      const lenient = await verifyRegistrationResponse({
        response: { ...registration, response: { ...registration.response, attestationObject } } as never,
        ...{ expectedChallenge: challenge, expectedOrigin: party.origin, expectedRPID: party.rpId },
        ...{ requireUserVerification: false, supportedAlgorithmIDs: [...ALGORITHMS] },
      })
      assert.equal(lenient.verified, true)
      const { response } = assertion
      const key = verifyingKey(decodeCredentialPublicKey(keyOf(vector)) as unknown as CoseKey)
      const [data, client, signature] = [response.authenticatorData, response.clientDataJSON, response.signature].map(
        (text) => Buffer.from(text, 'base64url'),
      ) as [Buffer, Buffer, Buffer]
      const signed = Buffer.concat([data, createHash('sha256').update(client).digest()])
      assert.equal(verify(key!.hash, signed, key!.key, signature), true)
    })

    test(`${vector.id}: is registered unless it was framed or nobody was verified`, async () => {
      const check = expected(vector.registration.clientDataJSON, authDataOf(vector)[32] as number)
      const challenge = saidIn(vector.registration.clientDataJSON).challenge as string
      const registering = verifyRegistration(registrationOf(vector), { challenge, party })
      if (check !== undefined) return assert.rejects(registering, refusal(check))
      assert.equal((await registering).credential, url(vector.registration.credential_id))
    })

    test(`${vector.id}: signs in unless it was framed or nobody was verified`, async () => {
      const { authenticatorData, clientDataJSON } = vector.authentication
      const check = expected(clientDataJSON, Buffer.from(authenticatorData, 'hex')[32] as number)
      const challenge = saidIn(clientDataJSON).challenge as string
      const key = { credential: url(vector.registration.credential_id), publicKey: keyOf(vector) }
      const signingIn = verifyAssertion(assertionOf(vector), { challenge, party }, key)
      if (check !== undefined) return assert.rejects(signingIn, refusal(check))
      await signingIn
    })
  }
})
