// What people do, operators and members: sign in with a passkey, care for their passkeys. Everything here is identity's.
import { z } from 'zod'
import { approvalProblem } from '../../approvals/contract.ts'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import { AssertionResponse, MAX_ANSWER, peopleProblem, RegistrationResponse } from '../../identity/people/contract.ts'
import { removePasskey, requirePasskey } from '../../identity/people/passkeys.ts'
import type { PersonSession } from '../../identity/people/person-sessions.ts'
import { completeSignIn, recover, startSignIn } from '../../identity/people/proving.ts'
import { noting } from '../../identity/people/refusals.ts'
import { completeAdding, startAdding } from '../../identity/people/registering.ts'
import type { MemberRequestRow } from '../../identity/people/store.ts'
import { partyIn } from './party-in.ts'
import type { PeopleNeeds } from './people-needs.ts'
import type { Person, PersonTokens } from './person-tokens.ts'
import { readShape } from './read-shape.ts'
import { iso, isStated } from './states.ts'

const StartBody = z.object({ email: z.string().max(254).optional(), approvalId: z.string().max(64).optional() })
const RecoverBody = z.object({ email: z.string().max(254), recoveryCode: z.string().max(64) })
const MadeBody = RegistrationResponse.extend({ name: z.string().max(64).optional() })

export const actorOf = ({ id, session }: Person) => ({ kind: 'operator', id, key: session.id }) as const
const anybody = { recovery: true, member: true } as const
const ok: PlainReply = { status: 200, body: { ok: true } }

type Handler = (desk: Desk, asked: PlainAsked) => Promise<PlainReply> | PlainReply

/** What these routes work on. */
interface Desk {
  readonly needs: PeopleNeeds
  readonly tokens: PersonTokens
}

export function peopleRoutes(needs: PeopleNeeds, tokens: PersonTokens): PlainRoute[] {
  const desk: Desk = { needs, tokens }
  const route = (method: PlainRoute['method'], path: `/${string}`, handler: Handler): PlainRoute => {
    return { method, path: `/api/v1${path}`, maxBody: MAX_ANSWER, handle: (asked) => handler(desk, asked) }
  }
  return [
    route('POST', '/passkey/authenticate/start', startAuthentication),
    route('POST', '/passkey/authenticate/complete', completeAuthentication),
    route('POST', '/auth/recover', comeBack),
    route('GET', '/auth/me', me),
    route('POST', '/auth/logout', logOut),
    route('POST', '/passkey/register/start', startRegistration),
    route('POST', '/passkey/register/complete', completeRegistration),
    route('GET', '/passkey', listPasskeys),
    route('DELETE', '/passkey/{id}', removeOwn),
  ]
}

async function startAuthentication({ needs }: Desk, asked: PlainAsked): Promise<PlainReply> {
  needs.limitPeople(asked.client.address)
  const { email, approvalId } = readShape(StartBody, await asked.json())
  if (email !== undefined) needs.limitAccount('start', email)
  const party = partyIn(needs, asked)
  if (approvalId === undefined) return { status: 200, body: await startSignIn(needs.people.room, party) }
  // What is no request of this door is not signed here.
  const found = needs.approvals.find(approvalId)
  if (!isStated(found)) throw approvalProblem('approval_unknown')
  const { id, digest } = found
  return { status: 200, body: await needs.people.approvals.challengeAnybody({ approvalId: id, digest }, party) }
}

async function completeAuthentication(desk: Desk, asked: PlainAsked): Promise<PlainReply> {
  const { needs } = desk
  needs.limitPeople(asked.client.address)
  const response = readShape(AssertionResponse, await asked.json())
  const account = needs.people.room.book.find(response.id)?.operator
  if (account !== undefined) needs.limitAccount('authenticate', account)
  const { room } = needs.people
  const trying = { rid: asked.rid, how: 'sign-in', door: 'clawgate', credential: response.id } as const
  const party = partyIn(needs, asked)
  const { session } = await noting(room, trying, () => completeSignIn(room, response, party, undefined))
  return signedIn(desk, session)
}

async function comeBack(desk: Desk, asked: PlainAsked): Promise<PlainReply> {
  const { needs } = desk
  const { room } = needs.people
  needs.limitPeople(asked.client.address)
  const { email, recoveryCode } = readShape(RecoverBody, await asked.json())
  needs.limitAccount('recover', email)
  const party = partyIn(needs, asked)
  return noting(room, { rid: asked.rid, how: 'recover', door: 'clawgate' }, async () => {
    const { session } = await recover(room, recoveryCode, party, undefined)
    if (room.identity.directory.operator(session.operator)?.name === email.toLowerCase()) return signedIn(desk, session)
    room.sessions.end(session.id)
    throw peopleProblem('recovery_code_invalid')
  })
}

function me(desk: Desk, asked: PlainAsked): PlainReply {
  const request = desk.tokens.requestIn(asked)
  if (request !== undefined) return { status: 200, body: { user: userOfRequest(request) } }
  return { status: 200, body: { user: userOf(desk, desk.tokens.person(asked, anybody).session) } }
}

function logOut({ needs, tokens }: Desk, asked: PlainAsked): PlainReply {
  needs.people.room.sessions.end(tokens.person(asked, anybody).session.id)
  return ok
}

async function startRegistration({ needs, tokens }: Desk, asked: PlainAsked): Promise<PlainReply> {
  const { session } = tokens.person(asked, { ...anybody, fresh: true })
  return { status: 200, body: await startAdding(needs.people.room, session) }
}

async function completeRegistration({ needs, tokens }: Desk, asked: PlainAsked): Promise<PlainReply> {
  const { session } = tokens.person(asked, { ...anybody, fresh: true })
  const { name = 'passkey', ...response } = readShape(MadeBody, await asked.json())
  const { passkey, recoveryCodes } = await completeAdding(needs.people.room, { name, response }, session)
  return { status: 201, body: { id: passkey.id, name: passkey.name, recoveryCodes } }
}

function listPasskeys({ needs, tokens }: Desk, asked: PlainAsked): PlainReply {
  const rows = needs.people.room.book.passkeysOf(tokens.person(asked, { member: true }).id)
  const passkeys = rows.map((row) => ({
    ...{ id: row.id, name: row.name, createdAt: iso(row.created_at), backedUp: row.synced === 1 },
    deviceType: row.synced === 1 ? 'multiDevice' : 'singleDevice',
    lastUsedAt: row.last_used_at === null ? null : iso(row.last_used_at),
  }))
  return { status: 200, body: { passkeys } }
}

/** Somebody else's is as if it were not there. */
async function removeOwn({ needs, tokens }: Desk, asked: PlainAsked): Promise<PlainReply> {
  const { room } = needs.people
  const person = tokens.person(asked, { member: true, fresh: true })
  const { id, operator } = requirePasskey(room, asked.params.id as string)
  if (operator !== person.id) throw peopleProblem('passkey_unknown')
  await removePasskey(room, id, actorOf(person))
  return ok
}

export async function signedIn(desk: Desk, session: PersonSession): Promise<PlainReply> {
  return { status: 200, body: { token: await desk.tokens.issue(session), user: userOf(desk, session) } }
}

function userOf({ needs }: Desk, { operator: id }: PersonSession): object {
  const { identity, book } = needs.people.room
  const operator = identity.directory.operator(id)
  const name = operator?.name ?? id
  const { displayName = name, createdAt = 0 } = operator ?? {}
  const user = { id, email: name, emailVerified: true, displayName, createdAt: iso(createdAt) }
  return { ...user, passkeyCount: book.passkeysOf(id).length }
}

/** Somebody who says to have an address. */
export function userOfRequest({ id, email, created_at, display_name }: MemberRequestRow): object {
  const displayName = display_name ?? email
  return { id, email, emailVerified: false, displayName, createdAt: iso(created_at), passkeyCount: 0 }
}
