/**
 * WebAuthn, strictly (Level 3 §7.1 and §7.2): what a browser sends is judged here, @simplewebauthn/server reads CBOR and
 * registrations, Node verifies. Pure but for loading that library when it is first needed.
 *
 * Attestation statements are thrown away before the library sees the rest: nothing here depends on who made an
 * authenticator, and chains of certificates that a stranger sends are neither parsed nor looked up over the network.
 */
import { createHash, verify } from 'node:crypto'
import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import { fromBase64url } from '../../crypto/base64url.ts'
import { sameMac } from '../../crypto/mac.ts'
import { parseStrictJson } from '../../ground/strict-json.ts'
import { type AssertionResponse, peopleProblem, type RegistrationResponse } from './contract.ts'
import { ALGORITHMS, type CoseKey, verifyingKey } from './cose-key.ts'
import type { Party } from './party.ts'

/** Loaded once, when somebody comes. */
export const library = () => import('@simplewebauthn/server')
const helpers = () => import('@simplewebauthn/server/helpers')

/** What a browser says that it was asked. */
export interface ClientData {
  readonly challenge: string
  readonly bytes: Buffer
}

export interface NewCredential {
  readonly credential: string
  readonly publicKey: Uint8Array
  readonly counter: number
  readonly synced: boolean
  readonly aaguid: string
}

export interface Asserted {
  readonly counter: number
  /** Whether it is one that may be copied to other devices: then its counter means nothing. */
  readonly synced: boolean
}

export interface Asked {
  readonly challenge: string
  readonly party: Party
}

/** A refusal says which check failed: the person at the browser cannot see it otherwise, and who forges knows it anyway. */
export function refusedPasskey(check: string) {
  return peopleProblem('passkey_refused', { facts: { check } })
}

/** Reads `clientDataJSON` and judges all of it but the challenge. Throws Problem `passkey_refused`. */
export function readClientData(text: string, type: 'webauthn.create' | 'webauthn.get', party: Party): ClientData {
  const bytes = fromBase64url(text)
  if (bytes === undefined) throw refusedPasskey('encoding')
  const data = objectIn(bytes)
  if (data.type !== type) throw refusedPasskey('type')
  if (data.origin !== party.origin) throw refusedPasskey('origin')
  // Ours is never in a frame: another page around it could cover what is approved.
  if (data.crossOrigin !== undefined && data.crossOrigin !== false) throw refusedPasskey('cross_origin')
  if (data.topOrigin !== undefined) throw refusedPasskey('top_origin')
  if (typeof data.challenge !== 'string' || data.challenge === '') throw refusedPasskey('challenge')
  return { challenge: data.challenge, bytes }
}

/** Throws Problem `passkey_refused`. */
export async function verifyRegistration(response: RegistrationResponse, asked: Asked): Promise<NewCredential> {
  const { challenge } = readClientData(response.response.clientDataJSON, 'webauthn.create', asked.party)
  if (challenge !== asked.challenge) throw refusedPasskey('challenge')
  const { verifyRegistrationResponse } = await library()
  try {
    const { registrationInfo } = await verifyRegistrationResponse({
      response: (await withoutStatement(response, asked.party)) as unknown as RegistrationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: asked.party.origin,
      expectedRPID: asked.party.rpId,
      requireUserVerification: true,
      supportedAlgorithmIDs: [...ALGORITHMS],
    })
    const { credential, credentialDeviceType, aaguid } = registrationInfo as NonNullable<typeof registrationInfo>
    if (credential.id !== response.id) throw refusedPasskey('credential')
    // The library keeps what it could not verify with.
    await keyIn(credential.publicKey)
    const { publicKey, counter } = credential
    return { credential: credential.id, publicKey, counter, synced: credentialDeviceType === 'multiDevice', aaguid }
  } catch (error) {
    throw asRefusal(error)
  }
}

/** Verifies an answer against a passkey's key. The counter is for the caller to judge. Throws Problem `passkey_refused`. */
export async function verifyAssertion(
  response: AssertionResponse,
  asked: Asked,
  key: { readonly credential: string; readonly publicKey: Uint8Array },
): Promise<Asserted> {
  const client = readClientData(response.response.clientDataJSON, 'webauthn.get', asked.party)
  if (client.challenge !== asked.challenge) throw refusedPasskey('challenge')
  if (response.id !== response.rawId || response.id !== key.credential) throw refusedPasskey('credential')
  const [bytes, signature] = [response.response.authenticatorData, response.response.signature].map(fromBase64url)
  judgeAuthenticatorData(bytes, asked.party)
  if (bytes === undefined || signature === undefined) throw refusedPasskey('encoding')
  const { key: publicKey, hash } = await keyIn(key.publicKey)
  const signed = Buffer.concat([bytes, createHash('sha256').update(client.bytes).digest()])
  if (!verify(hash, signed, publicKey, signature)) throw refusedPasskey('signature')
  return readState(bytes)
}

/** Its counter, and whether it is synced, from authenticator data that is whole and has nothing behind its end. */
async function readState(bytes: Buffer): Promise<Asserted> {
  const { parseAuthenticatorData } = await helpers()
  try {
    const { counter, flags } = parseAuthenticatorData(new Uint8Array(bytes))
    // §6.1: what cannot be backed up is not.
    if (flags.bs && !flags.be) throw refusedPasskey('backup_state')
    return { counter, synced: flags.be }
  } catch (error) {
    throw asRefusal(error)
  }
}

/** Node's own verification, which takes one spelling of a signature: the library's takes bytes behind its end. */
async function keyIn(cose: Uint8Array) {
  const { decodeCredentialPublicKey } = await helpers()
  const known = verifyingKey(decodeCredentialPublicKey(new Uint8Array(cose)) as unknown as CoseKey)
  if (known === undefined) throw refusedPasskey('key')
  return known
}

/** The relying party, that somebody was there, and that the authenticator knew who: §7.2 steps 15 to 17. */
function judgeAuthenticatorData(bytes: Buffer | undefined, { rpId }: Party): void {
  if (bytes === undefined || bytes.length < 37) throw refusedPasskey('encoding')
  if (!sameMac(bytes.subarray(0, 32), createHash('sha256').update(rpId).digest())) throw refusedPasskey('rp_id')
  const flags = bytes[32] as number
  if ((flags & 0x01) === 0) throw refusedPasskey('user_presence')
  if ((flags & 0x04) === 0) throw refusedPasskey('user_verification')
}

/** The same answer with the statement `none`. */
async function withoutStatement(response: RegistrationResponse, party: Party): Promise<RegistrationResponse> {
  const { isoCBOR, decodeAttestationObject } = await helpers()
  const bytes = fromBase64url(response.response.attestationObject)
  if (bytes === undefined) throw refusedPasskey('encoding')
  const authData = decodeAttestationObject(new Uint8Array(bytes)).get('authData')
  if (!(authData instanceof Uint8Array)) throw refusedPasskey('encoding')
  judgeAuthenticatorData(Buffer.from(authData), party)
  const none = new Map<string, unknown>([
    ['fmt', 'none'],
    ['attStmt', new Map()],
    ['authData', authData],
  ])
  const attestationObject = Buffer.from(isoCBOR.encode(none as never)).toString('base64url')
  return { ...response, response: { ...response.response, attestationObject } }
}

function objectIn(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = parseStrictJson(bytes)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw refusedPasskey('encoding')
}

/** The library's errors quote what came: only that it refused is told. */
function asRefusal(error: unknown) {
  return (error as { code?: string }).code === 'passkey_refused' ? error : refusedPasskey('verification')
}
