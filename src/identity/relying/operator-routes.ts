import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, IdParam, listOf, NameParam } from '../../http/shapes.ts'
import type { Actor } from '../../storage/storage.ts'
import { identityProblems } from '../contract.ts'
import {
  AddRelying,
  AssignmentView,
  AssignRole,
  IssuedKey,
  IssueKey,
  KeyView,
  RelyingView,
  ReportView,
  RoleView,
  relyingProblems,
  SetRole,
  TrustView,
} from './contract.ts'
import type { Relying } from './relying.ts'
import { endOf } from './role-end.ts'

const problems = { ...relyingProblems, agent_unknown: identityProblems.agent_unknown }
const operator = { caller: 'operator', problems } as const
const part = z.string().min(1).max(128)
const KeyParam = NameParam.extend({ id: part })
const RoleParam = NameParam.extend({ role: part })

export const addRelying = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/relying',
  summary: 'Add a relying service: one that wants to know which agent calls it',
  body: AddRelying,
  reply: RelyingView,
  status: 201,
})

export const listRelying = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/relying',
  summary: 'List relying services',
  reply: listOf(RelyingView),
})

export const showRelying = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/relying/{name}',
  summary: 'Show a relying service, by name or id, with its roles and its keys (never the keys themselves)',
  params: NameParam,
  reply: RelyingView.extend({ keys: z.array(KeyView), roles: z.array(RoleView) }),
})

export const removeRelying = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/relying/{name}',
  summary: 'Remove a relying service with its keys and roles; its reports weigh nothing any more',
  params: NameParam,
  reply: Done.extend({ keys: z.int(), roles: z.int(), assignments: z.int() }),
})

export const setDefaultRelying = endpoint({
  ...operator,
  method: 'PUT',
  path: '/claviger/v1/relying/{name}/default',
  summary: 'Make it the audience of tokens that name none',
  params: NameParam,
  reply: RelyingView,
})

export const issueRelyingKey = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/relying/{name}/keys',
  summary: 'Issue an API key of the service; the answer is the only one that ever holds it',
  params: NameParam,
  body: IssueKey,
  reply: IssuedKey,
  status: 201,
})

export const revokeRelyingKey = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/relying/{name}/keys/{id}',
  summary: 'Revoke one API key of the service',
  params: KeyParam,
  reply: Done,
})

export const listRoles = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/relying/{name}/roles',
  summary: 'List the roles of a relying service',
  params: NameParam,
  reply: listOf(RoleView),
})

export const setRole = endpoint({
  ...operator,
  method: 'PUT',
  path: '/claviger/v1/relying/{name}/roles/{role}',
  summary: 'Make a role of the service, or give it other permissions',
  params: RoleParam,
  body: SetRole,
  reply: RoleView,
})

export const removeRole = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/relying/{name}/roles/{role}',
  summary: 'Remove a role, from everybody who has it',
  params: RoleParam,
  reply: z.object({ revoked: z.int() }),
})

export const listAssignments = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/relying/{name}/assignments',
  summary: 'List who has which role of the service, of one agent (name or id) or of everybody',
  params: NameParam,
  query: z.strictObject({ agent: part.optional() }),
  reply: listOf(AssignmentView),
})

export const assignRole = endpoint({
  ...operator,
  method: 'PUT',
  path: '/claviger/v1/relying/{name}/assignments',
  summary: 'Give an agent a role of the service; again gives it a new end',
  params: NameParam,
  body: AssignRole,
  reply: AssignmentView.extend({ created: z.boolean() }),
})

export const revokeRole = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/relying/{name}/assignments/{agent}/{role}',
  summary: 'Take a role back; tokens that say it live until they expire, the gateway says so at once',
  params: RoleParam.extend({ agent: part }),
  reply: Done,
})

export const showTrust = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/agents/{name}/trust',
  summary: 'Show how far an agent is trusted',
  params: NameParam,
  reply: TrustView,
})

export const trustHistory = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/agents/{name}/trust/reports',
  summary: 'List every report on an agent, with its reason',
  params: NameParam,
  reply: listOf(ReportView),
})

export const disputeReport = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/trust-reports/{id}/dispute',
  summary: 'Dispute a report on an agent: it weighs nothing until it is decided on',
  params: IdParam,
  reply: ReportView,
})

export const decideReport = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/trust-reports/{id}/decision',
  summary: 'Decide on a disputed report: keep it, or drop it',
  params: IdParam,
  body: z.strictObject({ decision: z.enum(['keep', 'drop']) }),
  reply: ReportView,
})

/** What the endpoints need besides the room: who an authenticated caller is. */
export interface RelyingRouteNeeds<Who> {
  readonly relying: Relying
  readonly now: () => number
  readonly actorOf: (who: Who) => Actor
}

export function relyingRoutes<Who>(needs: RelyingRouteNeeds<Who>): BoundEndpoint<Who>[] {
  return [...serviceEndpoints(needs), ...roleEndpoints(needs), ...trustEndpoints(needs)]
}

function serviceEndpoints<Who>({ relying, actorOf }: RelyingRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bind(addRelying, ({ body, caller }) => {
      const actor = by(caller)
      return relying.add({ name: body.name, owner: body.owner ?? actor.id, default: body.default }, actor)
    }),
    bind(listRelying, () => ({ items: relying.list() })),
    bind(showRelying, ({ params }) => relying.show(params.name)),
    bind(removeRelying, async ({ params, caller }) => ({
      ...done,
      ...(await relying.remove(params.name, by(caller))),
    })),
    bind(setDefaultRelying, async ({ params, caller }) => {
      await relying.setDefault(params.name, by(caller))
      return relying.show(params.name)
    }),
    bind(issueRelyingKey, async ({ params, body, caller }) => {
      const issued = await relying.issueKey({ service: params.name, label: body.label }, by(caller))
      // The one time it is shown.
      return { ...issued.view, service: issued.service.id, key: issued.key.reveal().toString('latin1') }
    }),
    bind(revokeRelyingKey, async ({ params, caller }) => {
      await relying.revokeKey(params.name, params.id, by(caller))
      return done
    }),
  ]
}

function roleEndpoints<Who>({ relying, now, actorOf }: RelyingRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bind(listRoles, ({ params }) => ({ items: relying.listRoles(params.name) })),
    bind(setRole, ({ params, body, caller }) =>
      relying.setRole({ service: params.name, role: params.role, permissions: body.permissions }, by(caller)),
    ),
    bind(removeRole, async ({ params, caller }) => ({
      revoked: await relying.removeRole(params.name, params.role, by(caller)),
    })),
    bind(listAssignments, ({ params, query }) => ({ items: relying.listAssignments(params.name, query.agent) })),
    bind(assignRole, async ({ params, body, caller }) => {
      const { agent, role } = body
      const asked = { service: params.name, agent, role, expiresAt: endOf(body, now()) }
      const { assignment, created } = await relying.assignRole(asked, by(caller))
      return { ...assignment, created }
    }),
    bind(revokeRole, async ({ params, caller }) => {
      await relying.revokeRole({ service: params.name, agent: params.agent, role: params.role }, by(caller))
      return done
    }),
  ]
}

function trustEndpoints<Who>({ relying, actorOf }: RelyingRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bind(showTrust, ({ params }) => relying.showTrust(params.name)),
    bind(trustHistory, async ({ params }) => ({ items: await relying.trustHistory(params.name) })),
    bind(disputeReport, ({ params, caller }) => relying.dispute(params.id, by(caller))),
    bind(decideReport, ({ params, body, caller }) => relying.decide(params.id, body.decision === 'keep', by(caller))),
  ]
}
