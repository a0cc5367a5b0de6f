// Endpoints about who the operators are.
import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, listOf, NameParam } from '../../http/shapes.ts'
import { IssuedToken, identityProblems } from '../contract.ts'
import type { Room } from '../room.ts'
import { type FreshToken, viewToken } from '../tokens.ts'
import type { PeopleRouteNeeds } from './asked-by.ts'
import { AddOperator, IssueOperatorToken, LinkView, OperatorView, peopleProblems, SetOperatorRole } from './contract.ts'
import { makeLink } from './links.ts'
import {
  addOperator,
  endOperatorTokens,
  isStaff,
  issueOperatorToken,
  removeOperator,
  type Staff,
  setRole,
  viewOperator,
} from './roster.ts'

const operator = { caller: 'operator', problems: { ...peopleProblems } } as const

export const listOperators = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/operators',
  summary: 'List operators and their roles',
  reply: listOf(OperatorView),
})

export const addOperatorEndpoint = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/operators',
  summary: 'Add an operator: an owner does everything, an approver answers approvals and reads, an auditor reads',
  body: AddOperator,
  reply: OperatorView,
  status: 201,
})

export const setOperatorRole = endpoint({
  ...operator,
  method: 'PUT',
  path: '/claviger/v1/operators/{name}/role',
  summary: 'Give an operator another role; it counts from the next request on',
  params: NameParam,
  body: SetOperatorRole,
  reply: OperatorView,
})

export const removeOperatorEndpoint = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/operators/{name}',
  summary: 'Remove an operator for good, with everything that signs in as them',
  params: NameParam,
  reply: Done,
})

export const issueOperatorTokenEndpoint = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/operators/{name}/tokens',
  summary: 'Issue an operator token with the role of its operator; the answer is the only one that ever holds it',
  params: NameParam,
  body: IssueOperatorToken,
  reply: IssuedToken,
  status: 201,
  problems: { ...peopleProblems, ...identityProblems },
})

export const makeLinkEndpoint = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/operators/{name}/link',
  summary: 'Make a one-time link, good for 15 minutes, by which an operator makes a passkey; `self` is who asks',
  params: NameParam,
  reply: LinkView,
  status: 201,
})

export const endOperatorTokensEndpoint = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/operator/token/off',
  summary: 'End every operator token of everybody; from then on operators sign in. Refused while no owner could',
  reply: z.object({ ended: z.int() }),
})

export function operatorRoutes<Who>({ room, actorOf, operatorOf }: PeopleRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  const { identity } = room
  const view = (one: Staff) => viewOperator(one, room.book.passkeysOf(one.id).length)
  return [
    bind(listOperators, () => ({ items: [...identity.directory.operators()].filter(isStaff).map(view) })),
    bind(addOperatorEndpoint, async ({ body, caller }) => view(await addOperator(identity, body, by(caller)))),
    bind(setOperatorRole, async ({ params, body, caller }) =>
      view(await setRole(identity, params.name, body.role, by(caller))),
    ),
    bind(makeLinkEndpoint, async ({ params: { name }, caller }) =>
      makeLink(room, name === 'self' ? operatorOf(caller as Who).id : name, by(caller)),
    ),
    bind(removeOperatorEndpoint, async ({ params, caller }) => {
      await removeOperator(identity, params.name, by(caller))
      return done
    }),
    bind(endOperatorTokensEndpoint, async ({ caller }) => ({ ended: await endOperatorTokens(room, by(caller)) })),
    bind(issueOperatorTokenEndpoint, async ({ params: { name }, body: { ttlSeconds, label }, caller }) => {
      const lifeMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1_000
      return shown(identity, await issueOperatorToken(identity, { name, lifeMs, label }, by(caller)))
    }),
  ]
}

/** The one time a token is shown. */
function shown(room: Room, { row, token }: FreshToken): z.input<typeof IssuedToken> {
  const entry = room.directory.token(row.id)
  if (entry === undefined) throw new TypeError('a token was committed and did not arrive in the read-model')
  return { ...viewToken(room, entry), token: token.reveal().toString('latin1') }
}
