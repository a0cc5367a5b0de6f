// Endpoints about sessions: who is signed in, a fresh proof, which there are, ending them.
import { z } from 'zod'
import { Answer, type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, IdParam, listOf } from '../../http/shapes.ts'
import { type PeopleRouteNeeds, refuseUnlessOwn, sessionOf, signedIn } from './asked-by.ts'
import {
  Assert,
  MAX_ANSWER,
  PublicKeyOptions,
  peopleProblem,
  peopleProblems,
  SessionView,
  SignedIn,
} from './contract.ts'
import { clearCookie } from './page-guard.ts'
import type { PersonSession } from './person-sessions.ts'
import { completeVerification, startVerification } from './proving.ts'
import { noting } from './refusals.ts'
import type { PeopleRoom } from './room.ts'
import { requireOperator } from './roster.ts'

/** What everybody does for themselves, whatever their role. */
const own = { caller: 'operator', role: 'auditor', problems: peopleProblems } as const

export const showSession = endpoint({
  ...own,
  method: 'GET',
  path: '/claviger/v1/people/session',
  summary: 'Who is signed in',
  reply: SignedIn,
  recovery: true,
})

export const signOut = endpoint({
  ...own,
  method: 'DELETE',
  path: '/claviger/v1/people/session',
  summary: 'Sign out',
  reply: Done,
  recovery: true,
})

export const startVerificationEndpoint = endpoint({
  ...own,
  method: 'POST',
  path: '/claviger/v1/people/verify/start',
  summary: 'Begin to prove again who one is; changes want a proof that is not older than five minutes',
  reply: PublicKeyOptions,
})

export const completeVerificationEndpoint = endpoint({
  ...own,
  method: 'POST',
  path: '/claviger/v1/people/verify/complete',
  summary: 'Prove it',
  body: Assert,
  maxBody: MAX_ANSWER,
  reply: SignedIn,
})

export const listSessions = endpoint({
  ...own,
  method: 'GET',
  path: '/claviger/v1/people/sessions',
  summary: 'List sessions: one’s own, an owner everybody’s',
  query: z.strictObject({ operator: z.string().min(1).max(128).optional() }),
  reply: listOf(SessionView),
})

export const endSession = endpoint({
  ...own,
  method: 'DELETE',
  path: '/claviger/v1/people/sessions/{id}',
  summary: 'End a session: one’s own, an owner anybody’s',
  params: IdParam,
  reply: Done,
})

export function sessionRoutesOfPeople<Who>(needs: PeopleRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { room, operatorOf } = needs
  const { sessions } = room
  const asks = (caller: unknown) => operatorOf(caller as Who)
  return [
    bind(showSession, ({ caller }) => signedIn(room, sessionOf(asks(caller)))),
    bind(signOut, ({ caller }) => {
      sessions.end(sessionOf(asks(caller)).id)
      return new Answer(done, clearCookie())
    }),
    bind(startVerificationEndpoint, async ({ caller }) => ({
      ...(await startVerification(room, sessionOf(asks(caller)))),
    })),
    bind(completeVerificationEndpoint, async ({ body: { response }, caller, rid }) => {
      const session = sessionOf(asks(caller))
      const trying = { rid, how: 'verify', door: 'pages', credential: response.id } as const
      await noting(room, trying, () => completeVerification(room, response, session))
      return signedIn(room, session)
    }),
    ...listRoutes(needs),
  ]
}

function listRoutes<Who>({ room, operatorOf }: PeopleRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { sessions } = room
  const asks = (caller: unknown) => operatorOf(caller as Who)
  return [
    bind(listSessions, ({ query, caller }) => {
      const who = asks(caller)
      const whose = query.operator === undefined ? undefined : requireOperator(room.identity, query.operator).id
      if (whose !== undefined) refuseUnlessOwn(who, whose)
      const all = whose === undefined && who.operator.role !== 'owner' ? sessions.of(who.id) : sessions.all()
      const items = all.filter(({ operator }) => whose === undefined || operator === whose)
      return { items: items.map((session) => viewOf(room, session, who.session?.id)) }
    }),
    bind(endSession, ({ params, caller }) => {
      const session = sessions.byId(params.id)
      if (session === undefined) throw peopleProblem('session_unknown')
      refuseUnlessOwn(asks(caller), session.operator)
      sessions.end(session.id)
      return done
    }),
  ]
}

function viewOf(
  room: PeopleRoom,
  { id, operator, party, recovery, createdAt, lastSeenAt, expiresAt }: PersonSession,
  mine?: string,
) {
  const name = room.identity.directory.operator(operator)?.name ?? operator
  return {
    id,
    operator: name,
    origin: party.origin,
    current: id === mine,
    recovery,
    createdAt,
    lastSeenAt,
    expiresAt,
  }
}
