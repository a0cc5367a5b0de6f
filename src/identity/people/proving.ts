// Proving who one is with a passkey: to sign in, and again before a change.
import { randomBytes } from 'node:crypto'
import { fromBase64url } from '../../crypto/base64url.ts'
import { type Asked, library, readClientData, refusedPasskey, verifyAssertion } from './ceremony.ts'
import type { AssertionResponse } from './contract.ts'
import type { Party } from './party.ts'
import { notePasskeyUse } from './passkeys.ts'
import type { FreshSession, PersonSession } from './person-sessions.ts'
import { useCode } from './recovery.ts'
import { refuseUnlessAsked } from './registering.ts'
import type { PeopleRoom } from './room.ts'
import type { PasskeyRow } from './store.ts'

/** Nobody says who they are: the authenticator knows, and has them choose. */
export async function startSignIn(room: PeopleRoom, party: Party) {
  const challenge = randomBytes(32)
  room.signIns.open(challenge, { purpose: 'sign-in', party, subject: '' })
  return requestOptions(challenge, party, [])
}

/** Throws Problem `passkey_refused`. */
export async function completeSignIn(
  room: PeopleRoom,
  response: AssertionResponse,
  party: Party,
  cookie: string | undefined,
): Promise<FreshSession> {
  const { challenge } = readClientData(response.response.clientDataJSON, 'webauthn.get', party)
  refuseUnlessAsked(room.signIns.take(challenge), { purpose: 'sign-in', party, subject: '' })
  const used = await asserted(room, response, { challenge, party }, { what: 'operator.signed_in' })
  return room.sessions.open({ operator: used.operator, passkey: used.id, party }, cookie)
}

/** A session that may add a passkey. Throws Problem `recovery_code_invalid`. */
export async function recover(room: PeopleRoom, code: string, party: Party, cookie: string | undefined) {
  const operator = await useCode(room, code)
  return room.sessions.open({ operator, passkey: undefined, party }, cookie)
}

export async function startVerification(room: PeopleRoom, { id, operator, party }: PersonSession) {
  const challenge = randomBytes(32)
  room.challenges.open(challenge, { purpose: 'verify', party, subject: id })
  return requestOptions(challenge, party, usable(room, operator, party))
}

/** Throws Problem `passkey_refused`. */
export async function completeVerification(
  room: PeopleRoom,
  response: AssertionResponse,
  { id, operator, party }: PersonSession,
): Promise<void> {
  const { challenge } = readClientData(response.response.clientDataJSON, 'webauthn.get', party)
  refuseUnlessAsked(room.challenges.take(challenge), { purpose: 'verify', party, subject: id })
  await asserted(room, response, { challenge, party }, { what: 'operator.verified' }, operator)
  room.sessions.verified(id)
}

/**
 * The passkey that answered, its use noted. Its operator is there, is the one wanted where one is, and is whom the
 * authenticator takes the passkey to be of. Throws Problem `passkey_refused`.
 */
export async function asserted(
  room: PeopleRoom,
  response: AssertionResponse,
  asked: Asked,
  ev: { readonly what: string; readonly [name: string]: string },
  wanted?: string,
): Promise<PasskeyRow> {
  const passkey = room.book.find(response.id)
  if (passkey?.credential !== response.id || passkey.rp_id !== asked.party.rpId) throw refusedPasskey('credential')
  if (wanted !== undefined && passkey.operator !== wanted) throw refusedPasskey('credential')
  const handle = response.response.userHandle
  if (handle != null && fromBase64url(handle)?.toString('latin1') !== passkey.operator)
    throw refusedPasskey('user_handle')
  const { credential, public_key: publicKey } = passkey
  const result = await verifyAssertion(response, asked, { credential, publicKey })
  // Asked last: while the signature was looked at somebody may have been removed.
  if (room.identity.directory.operator(passkey.operator)?.status !== 'active') throw refusedPasskey('credential')
  await notePasskeyUse(room, passkey, result, ev)
  return passkey
}

/** An operator's passkeys that are good there. */
export function usable(room: PeopleRoom, operator: string, party: Party): PasskeyRow[] {
  return room.book.passkeysOf(operator).filter(({ rp_id }) => rp_id === party.rpId)
}

export async function requestOptions(
  challenge: Uint8Array,
  party: Party,
  allowed: readonly PasskeyRow[],
  patienceMs = 300_000,
) {
  const { generateAuthenticationOptions } = await library()
  return generateAuthenticationOptions({
    rpID: party.rpId,
    challenge: new Uint8Array(challenge),
    timeout: patienceMs,
    userVerification: 'required',
    allowCredentials: allowed.map(({ credential, transports }) => ({
      id: credential,
      transports: JSON.parse(transports),
    })),
  })
}
