import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, IdParam } from '../../http/shapes.ts'
import { identityProblems } from '../contract.ts'
import { signInProblems } from '../sign-ins/problems.ts'
import {
  AgentForService,
  AssignmentView,
  AssignOwnRole,
  type RelyingPrincipal,
  RelyingView,
  Report,
  RoleView,
  relyingProblems,
  TrustView,
  Verified,
} from './contract.ts'
import type { Relying } from './relying.ts'
import { endOf } from './role-end.ts'

const { role_unknown, role_of_other_service, role_not_assigned, role_end_invalid, roles_too_many } = relyingProblems
const { agent_not_eligible, report_invalid, report_on_own_agent } = relyingProblems
const { agent_unknown } = identityProblems
const { rate_limited } = signInProblems
const part = z.string().min(1).max(128)

export const relyingSelf = endpoint({
  method: 'GET',
  path: '/claviger/v1/relying/self',
  caller: 'service',
  summary: 'What the gateway knows of the service that asks, and its roles',
  reply: RelyingView.extend({ roles: z.array(RoleView) }),
})

export const verifyToken = endpoint({
  method: 'POST',
  path: '/claviger/v1/tokens/verify',
  caller: 'service',
  summary:
    'Say whether a token is good for the service that asks, and whose it is; bad tokens are answered with 200 too',
  body: z.strictObject({ token: z.string().min(1).max(32_768) }),
  reply: Verified,
  problems: { rate_limited },
})

export const agentForService = endpoint({
  method: 'GET',
  path: '/claviger/v1/relying/agents/{id}',
  caller: 'service',
  summary: 'Show an agent, by its id, with its roles at the service that asks',
  params: IdParam,
  reply: AgentForService,
  problems: { agent_unknown },
})

export const assignOwnRole = endpoint({
  method: 'PUT',
  path: '/claviger/v1/relying/agents/{id}/roles',
  caller: 'service',
  summary: 'Give an agent a role of the service that asks; again gives it a new end',
  params: IdParam,
  body: AssignOwnRole,
  reply: AssignmentView.extend({ created: z.boolean() }),
  problems: {
    agent_unknown,
    agent_not_eligible,
    role_unknown,
    role_of_other_service,
    role_end_invalid,
    roles_too_many,
  },
})

export const revokeOwnRole = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/relying/agents/{id}/roles/{role}',
  caller: 'service',
  summary: 'Take a role of the service that asks back',
  params: IdParam.extend({ role: part }),
  reply: Done,
  problems: { agent_unknown, role_unknown, role_of_other_service, role_not_assigned },
})

export const reportTrust = endpoint({
  method: 'POST',
  path: '/claviger/v1/relying/agents/{id}/trust',
  caller: 'service',
  summary: 'Say how the agent behaved, 0 to 10, and why; one report counts in 24 hours, a later one replaces it',
  params: IdParam,
  body: Report,
  reply: z.object({ id: z.string(), counted: z.boolean(), trust: TrustView }),
  status: 201,
  problems: { agent_unknown, report_invalid, report_on_own_agent, rate_limited },
})

export const trustForService = endpoint({
  method: 'GET',
  path: '/claviger/v1/relying/agents/{id}/trust',
  caller: 'service',
  summary: 'Show how far an agent is trusted',
  params: IdParam,
  reply: TrustView,
  problems: { agent_unknown },
})

export interface ServiceRouteNeeds<Who> {
  readonly relying: Relying
  readonly now: () => number
  /** The service that the caller is. */
  readonly serviceOf: (who: Who) => RelyingPrincipal
}

export function relyingServiceRoutes<Who>({ relying, now, serviceOf }: ServiceRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const desk = (caller: unknown) => relying.desk(serviceOf(caller as Who))
  return [
    bind(relyingSelf, ({ caller }) => {
      const { keys: _, ...self } = relying.show(serviceOf(caller as Who).service.id)
      return self
    }),
    bind(verifyToken, ({ body, caller }) => desk(caller).verify(body.token)),
    bind(agentForService, ({ params, caller }) => desk(caller).agent(params.id)),
    bind(assignOwnRole, async ({ params, body, caller }) => {
      const { assignment, created } = await desk(caller).assignRole(params.id, body.role, endOf(body, now()))
      return { ...assignment, created }
    }),
    bind(revokeOwnRole, async ({ params, caller }) => {
      await desk(caller).revokeRole(params.id, params.role)
      return done
    }),
    bind(reportTrust, ({ params, body, caller }) => desk(caller).reportTrust(params.id, body)),
    bind(trustForService, ({ params, caller }) => desk(caller).trust(params.id)),
  ]
}
