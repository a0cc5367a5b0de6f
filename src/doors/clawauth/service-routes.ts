// What a relying service asks and does: everything is about itself, by the service's own desk.

import type { z } from 'zod'
import { Answer, type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import type { AgentForService, RelyingPrincipal } from '../../identity/relying/contract.ts'
import {
  AgentParam,
  AgentReply,
  AgentRoleParams,
  AssignBody,
  AssignReply,
  Ok,
  TrustBody,
  TrustReply,
  TrustReported,
  VerifyBody,
  VerifyReply,
} from './contract.ts'
import type { DoorNeeds } from './needs.ts'
import { wording } from './wording.ts'

const service = { caller: 'service', wording } as const

export const verify = endpoint({
  ...service,
  method: 'POST',
  path: '/auth/verify',
  summary: 'ClawAuth: say whether a token is good for the service that asks; always 200',
  body: VerifyBody,
  reply: VerifyReply,
})
export const getAgent = endpoint({
  ...service,
  method: 'GET',
  path: '/agents/{id}',
  summary: 'ClawAuth: show an agent',
  params: AgentParam,
  reply: AgentReply,
})
export const assignRole = endpoint({
  ...service,
  method: 'POST',
  path: '/agents/{id}/roles',
  summary: 'ClawAuth: give an agent a role of the service that asks',
  params: AgentParam,
  body: AssignBody,
  reply: AssignReply,
  status: 201,
})
export const revokeRole = endpoint({
  ...service,
  method: 'DELETE',
  path: '/agents/{id}/roles/{roleId}',
  summary: 'ClawAuth: take a role of the service that asks back',
  params: AgentRoleParams,
  reply: Ok,
})
export const reportTrust = endpoint({
  ...service,
  method: 'POST',
  path: '/agents/{id}/trust',
  summary: 'ClawAuth: say how an agent behaved, 0 to 10, and why',
  params: AgentParam,
  body: TrustBody,
  reply: TrustReported,
  status: 201,
})
export const trust = endpoint({
  ...service,
  method: 'GET',
  path: '/agents/{id}/trust',
  summary: 'ClawAuth: how far an agent is trusted',
  params: AgentParam,
  reply: TrustReply,
})

export function serviceRoutes<Who>(needs: DoorNeeds): BoundEndpoint<Who>[] {
  const desk = (caller: unknown) => needs.relying.desk(caller as RelyingPrincipal)
  return [
    bind(verify, async ({ body, caller }) => verified(needs, body, caller as RelyingPrincipal)),
    bind(getAgent, async ({ params, caller }) => told(needs, await desk(caller).agent(params.id))),
    bind(assignRole, async ({ params, body, caller }) => {
      const end = body.expiresAt == null ? undefined : Date.parse(body.expiresAt)
      const { assignment, created } = await desk(caller).assignRole(params.id, body.roleId, end)
      const expiresAt = assignment.expiresAt === undefined ? null : new Date(assignment.expiresAt).toISOString()
      const serviceId = (caller as RelyingPrincipal).service.id
      return new Answer({ agentId: params.id, roleId: body.roleId, serviceId, expiresAt }, {}, created ? 201 : 200)
    }),
    bind(revokeRole, async ({ params, caller }) => {
      await desk(caller).revokeRole(params.id, params.roleId)
      return { ok: true as const }
    }),
    bind(reportTrust, async ({ params, body, caller }) => {
      const { id, counted, trust: now } = await desk(caller).reportTrust(params.id, body)
      return { id, counted, trustScore: now.score }
    }),
    bind(trust, ({ params, caller }) => {
      const { score, band, samples, confidence, updatedAt } = desk(caller).trust(params.id)
      const at = new Date(updatedAt).toISOString()
      return { agentId: params.id, trustScore: score, band, samples, confidence, updatedAt: at }
    }),
  ]
}

/** A token that is bound to a key is good only with the proof that the agent sent with it. */
async function verified(needs: DoorNeeds, body: z.output<typeof VerifyBody>, caller: RelyingPrincipal) {
  const answer = await needs.relying.desk(caller).verify(body.token)
  const { jkt, agent } = answer
  if (!answer.valid || agent === undefined) return { valid: false, error: answer.error }
  const proven = jkt === undefined || (body.dpop && needs.proves({ ...body.dpop, accessToken: body.token, jkt }))
  if (proven !== true) return { valid: false, error: 'bad_signature' }
  return { valid: true, agent: { ...told(needs, agent), scopes: [...agent.permissions] } }
}

function told({ identity }: DoorNeeds, agent: AgentForService): z.input<typeof AgentReply> {
  const { id, name, email, trustScore, status, lastSeenAt, roles, permissions } = agent
  return {
    id,
    name: identity.findAgent(id)?.label ?? name,
    email,
    trustScore,
    status,
    lastSeenAt: lastSeenAt === undefined ? null : new Date(lastSeenAt).toISOString(),
    roles: [...roles],
    permissions: [...permissions],
  }
}
