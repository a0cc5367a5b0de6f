// Making a passkey: with a one-time link, or in a session for one more.
import { randomBytes } from 'node:crypto'
import type { Actor, Tx } from '../../storage/storage.ts'
import type { OperatorEntry } from '../contract.ts'
import { library, readClientData, refusedPasskey, verifyRegistration } from './ceremony.ts'
import type { RegistrationResponse } from './contract.ts'
import { ALGORITHMS } from './cose-key.ts'
import { readLink, useLinkInto } from './links.ts'
import type { Party } from './party.ts'
import { addPasskeyInto } from './passkeys.ts'
import type { FreshSession, PersonSession } from './person-sessions.ts'
import { newCodesInto } from './recovery.ts'
import type { CeremonyAsked, PeopleRoom } from './room.ts'
import { requireActive, requireActiveStaff } from './roster.ts'
import type { PasskeyRow } from './store.ts'

const RP_NAME = 'Claviger'
const PATIENCE_MS = 5 * 60_000

export interface Registered {
  readonly passkey: PasskeyRow
  readonly recoveryCodes: readonly string[] | undefined
}

/** Throws Problems `link_unknown`, `link_used`, `operator_revoked`. */
export async function startEnrolment(room: PeopleRoom, token: string, party: Party) {
  const link = readLink(room, token)
  const operator = requireActiveStaff(room.identity, link.operator)
  return { operator, options: await creationOptions(room, operator, { purpose: 'enrol', party, subject: link.id }) }
}

/** The passkey, and a session of its maker. Throws as startEnrolment(), and `passkey_refused`, `passkey_exists`. */
export async function completeEnrolment(
  room: PeopleRoom,
  asked: { readonly token: string; readonly name: string; readonly response: RegistrationResponse },
  party: Party,
  cookie: string | undefined,
): Promise<Registered & { readonly opened: FreshSession }> {
  const link = readLink(room, asked.token)
  const by: Actor = { kind: 'operator', id: link.operator, key: link.id }
  const ceremony = { purpose: 'enrol', party, subject: link.id } as const
  const registered = await register(room, { ...asked, operator: link.operator, ceremony }, by, (tx) =>
    useLinkInto(room, tx, link, by),
  )
  const { operator, id: passkey } = registered.passkey
  return { ...registered, opened: room.sessions.open({ operator, passkey, party }, cookie) }
}

export async function startAdding(room: PeopleRoom, { id, operator, party }: PersonSession) {
  const known = requireActive(room.identity, operator)
  return creationOptions(room, known, { purpose: 'add', party, subject: id })
}

/** One more passkey for whoever is signed in. Throws Problems `passkey_refused`, `passkey_exists`. */
export async function completeAdding(
  room: PeopleRoom,
  asked: { readonly name: string; readonly response: RegistrationResponse },
  { id, operator, party, recovery }: PersonSession,
): Promise<Registered> {
  const by: Actor = { kind: 'operator', id: operator, key: id }
  const ceremony = { purpose: 'add', party, subject: id } as const
  const registered = await register(room, { ...asked, operator, ceremony }, by)
  // It was for one passkey.
  if (recovery) room.sessions.end(id)
  return registered
}

interface Asked {
  readonly name: string
  readonly response: RegistrationResponse
  readonly operator: PasskeyRow['operator']
  readonly ceremony: CeremonyAsked
}

async function register(
  room: PeopleRoom,
  { name, response, operator, ceremony }: Asked,
  by: Actor,
  first: (tx: Tx) => Promise<void> = async () => {},
): Promise<Registered> {
  const { party } = ceremony
  const { challenge } = readClientData(response.response.clientDataJSON, 'webauthn.create', party)
  refuseUnlessAsked(room.challenges.take(challenge), ceremony)
  const made = await verifyRegistration(response, { challenge, party })
  requireActive(room.identity, operator)
  const { transports } = response.response
  return room.storage.write(async (tx) => {
    await first(tx)
    const added = await addPasskeyInto(room, tx, { operator, name, party, made, transports }, by)
    const recoveryCodes = added.first ? await newCodesInto(room, tx, operator, by) : undefined
    return { passkey: added.row, recoveryCodes }
  })
}

/** Whether that is what this challenge was given for. Throws Problem `passkey_refused`. */
export function refuseUnlessAsked(asked: CeremonyAsked | undefined, wanted: CeremonyAsked): void {
  const same =
    asked?.purpose === wanted.purpose && asked.subject === wanted.subject && asked.party.origin === wanted.party.origin
  if (!same) throw refusedPasskey('challenge')
}

async function creationOptions(room: PeopleRoom, operator: OperatorEntry, ceremony: CeremonyAsked) {
  const { party } = ceremony
  const { generateRegistrationOptions } = await library()
  const challenge = randomBytes(32)
  room.challenges.open(challenge, ceremony)
  const mine = room.book.passkeysOf(operator.id).filter(({ rp_id }) => rp_id === party.rpId)
  return generateRegistrationOptions({
    rpName: RP_NAME,
    rpID: party.rpId,
    userName: operator.name,
    userDisplayName: operator.name,
    userID: new Uint8Array(Buffer.from(operator.id, 'ascii')),
    challenge: new Uint8Array(challenge),
    timeout: PATIENCE_MS,
    attestationType: 'none',
    excludeCredentials: mine.map(({ credential, transports }) => ({
      id: credential,
      transports: JSON.parse(transports),
    })),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    supportedAlgorithmIDs: [...ALGORITHMS],
  })
}
