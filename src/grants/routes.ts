import { z } from 'zod'
import type { Clock } from '../ground/clock.ts'
import type { AgentId, CredentialId, ServiceId } from '../ground/ids.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, IdParam, listOf, TtlSeconds } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import { type GrantedCredential, type GrantedService, GrantInput, GrantView, grantProblems } from './contract.ts'
import type { Grants } from './grants.ts'

/** Ids, and beside them the names that people know. */
const NamedGrant = GrantView.extend({
  agentName: z.string().optional(),
  serviceName: z.string().optional(),
  credentialHandle: z.string().optional(),
})
type NamedGrant = z.output<typeof NamedGrant>

const NameFilter = z.string().min(1).max(128).optional()

export const listGrants = endpoint({
  method: 'GET',
  path: '/claviger/v1/grants',
  caller: 'operator',
  summary: 'List grants',
  query: z.strictObject({ agent: NameFilter, service: NameFilter }),
  reply: listOf(NamedGrant),
  problems: grantProblems,
})

export const addGrant = endpoint({
  method: 'POST',
  path: '/claviger/v1/grants',
  caller: 'operator',
  summary: 'Grant an agent scopes on a service, with a credential of it',
  body: GrantInput.omit({ expiresAt: true }).extend({ ttlSeconds: TtlSeconds.optional() }),
  reply: NamedGrant,
  status: 201,
  problems: grantProblems,
})

export const revokeGrant = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/grants/{id}',
  caller: 'operator',
  summary: 'Revoke a grant; calls that run on it end',
  params: IdParam,
  reply: Done,
  problems: grantProblems,
})

/** What the endpoints need from other rooms: names to ids and back. */
export interface GrantRouteNeeds<Who> {
  readonly grants: Grants
  readonly clock: Clock
  readonly actorOf: (who: Who) => Actor
  agentOf(nameOrId: string): AgentId
  agentName(id: AgentId): string | undefined
  serviceOf(nameOrId: string): GrantedService
  serviceName(id: ServiceId): string | undefined
  credentialsOf(service: ServiceId): readonly GrantedCredential[]
  credentialHandle(id: CredentialId): string | undefined
}

export function grantRoutes<Who>(needs: GrantRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { grants, clock, actorOf } = needs
  const named = (view: GrantView): NamedGrant => ({
    ...view,
    agentName: needs.agentName(view.agent as AgentId),
    serviceName: needs.serviceName(view.service as ServiceId),
    credentialHandle:
      view.credential === undefined ? undefined : needs.credentialHandle(view.credential as CredentialId),
  })
  return [
    bind(listGrants, ({ query }) => {
      const agent = query.agent === undefined ? undefined : needs.agentOf(query.agent)
      const service = query.service === undefined ? undefined : needs.serviceOf(query.service).id
      const found = grants.list(agent).filter((grant) => service === undefined || grant.service === service)
      return { items: found.map(named) }
    }),
    bind(addGrant, async ({ body, caller }) => {
      const { ttlSeconds, agent, service: serviceName, credentials: several, ...rest } = body
      const service = needs.serviceOf(serviceName)
      const view = await grants.add(
        {
          ...rest,
          named: several,
          agent: needs.agentOf(agent),
          service,
          credentials: needs.credentialsOf(service.id),
          expiresAt: ttlSeconds === undefined ? undefined : clock.now() + ttlSeconds * 1_000,
        },
        actorOf(caller as Who),
      )
      return named(view)
    }),
    bind(revokeGrant, async ({ params, caller }) => {
      await grants.revoke(params.id, actorOf(caller as Who))
      return done
    }),
  ]
}
