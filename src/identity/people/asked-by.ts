// What the endpoints of this part make of who asks.

import type { z } from 'zod'
import { Answer, roleSuffices } from '../../http/endpoint.ts'
import { headerOf } from '../../http/header-of.ts'
import { httpProblem } from '../../http/problems.ts'
import type { Actor } from '../../storage/storage.ts'
import type { OperatorPrincipal } from '../contract.ts'
import { type NewSession, type PasskeyView, peopleProblem, type SignedIn } from './contract.ts'
import { cookieOf, setCookie } from './page-guard.ts'
import { type Party, partyOf } from './party.ts'
import type { FreshSession, PersonSession } from './person-sessions.ts'
import type { PeopleRoom } from './room.ts'
import { requireStaff } from './roster.ts'
import type { PasskeyRow } from './store.ts'

/** What the endpoints need besides this part: who an authenticated caller is. */
export interface PeopleRouteNeeds<Who> {
  readonly room: PeopleRoom
  readonly actorOf: (who: Who) => Actor
  /** Throws Problem `caller_refused` for anybody but an operator. */
  readonly operatorOf: (who: Who) => OperatorPrincipal
  /** Counts one attempt to sign in from this address. Throws Problem `rate_limited`. */
  readonly limit: (address: string) => void
}

/** The page that a sign-in comes from; that it is one of ours was asked before. Throws Problem `origin_refused`. */
export function partyFor(room: PeopleRoom, rawHeaders: readonly string[]): Party {
  const party = partyOf(room.parties(), headerOf(rawHeaders, 'origin'))
  if (party === undefined) throw peopleProblem('origin_refused')
  return party
}

export const cookieIn = (rawHeaders: readonly string[]) => cookieOf({ rawHeaders: [...rawHeaders] })

/** Throws Problem `session_wanted` for an operator token. */
export function sessionOf({ session }: OperatorPrincipal): PersonSession {
  if (session === undefined) throw peopleProblem('session_wanted')
  return session
}

/** Others than the operator themselves must be owners. Throws Problem `role_refused`. */
export function refuseUnlessOwn({ id, operator }: OperatorPrincipal, owner: string): void {
  if (id !== owner && !roleSuffices(operator.role, 'owner'))
    throw httpProblem('role_refused', { facts: { role: 'owner' } })
}

export function signedIn(room: PeopleRoom, session: PersonSession): z.input<typeof SignedIn> {
  const { id, name, role } = requireStaff(room.identity, session.operator)
  const { recovery, expiresAt, verifiedUntil, party } = session
  const { thisMachineOnly } = party
  return { operator: { id, name, role }, session: session.id, recovery, thisMachineOnly, expiresAt, verifiedUntil }
}

/** With the cookie: the other half is in the reply. Throws Problem `passkey_refused` for a member: these are no pages of theirs. */
export function opened(room: PeopleRoom, { session, token, csrf }: FreshSession): Answer<z.input<typeof NewSession>> {
  if (room.identity.directory.operator(session.operator)?.role === 'member') {
    room.sessions.end(session.id)
    throw peopleProblem('passkey_refused', { facts: { check: 'role' } })
  }
  return new Answer({ ...signedIn(room, session), csrf }, setCookie(token))
}

export function viewPasskey(room: PeopleRoom, row: PasskeyRow): z.input<typeof PasskeyView> {
  const { id, name, rp_id: rpId, synced, created_at: createdAt, last_used_at } = row
  const operator = room.identity.directory.operator(row.operator)?.name ?? row.operator
  const known = { id, operator, name, rpId, thisMachineOnly: rpId === 'localhost', synced: synced === 1, createdAt }
  return { ...known, ...(last_used_at !== null && { lastUsedAt: last_used_at }) }
}
