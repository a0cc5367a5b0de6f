// Endpoints about who the operators are.
import type { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, listOf, NameParam } from '../../http/shapes.ts'
import type { Actor } from '../../storage/storage.ts'
import { IssuedToken, identityProblems } from '../contract.ts'
import type { Room } from '../room.ts'
import { type FreshToken, viewToken } from '../tokens.ts'
import { AddOperator, IssueOperatorToken, OperatorView, peopleProblems, SetOperatorRole } from './contract.ts'
import { addOperator, issueOperatorToken, removeOperator, setRole, viewOperator } from './roster.ts'

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

export interface OperatorRouteNeeds<Who> {
  readonly room: Room
  readonly actorOf: (who: Who) => Actor
}

export function operatorRoutes<Who>({ room, actorOf }: OperatorRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bind(listOperators, () => ({ items: Array.from(room.directory.operators(), viewOperator) })),
    bind(addOperatorEndpoint, async ({ body, caller }) => viewOperator(await addOperator(room, body, by(caller)))),
    bind(setOperatorRole, async ({ params, body, caller }) =>
      viewOperator(await setRole(room, params.name, body.role, by(caller))),
    ),
    bind(removeOperatorEndpoint, async ({ params, caller }) => {
      await removeOperator(room, params.name, by(caller))
      return done
    }),
    bind(issueOperatorTokenEndpoint, async ({ params: { name }, body: { ttlSeconds, label }, caller }) => {
      const lifeMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1_000
      return shown(room, await issueOperatorToken(room, { name, lifeMs, label }, by(caller)))
    }),
  ]
}

/** The one time a token is shown. */
function shown(room: Room, { row, token }: FreshToken): z.input<typeof IssuedToken> {
  const entry = room.directory.token(row.id)
  if (entry === undefined) throw new TypeError('a token was committed and did not arrive in the read-model')
  return { ...viewToken(room, entry), token: token.reveal().toString('latin1') }
}
