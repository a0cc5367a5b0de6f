import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, listOf, NameParam } from '../../http/shapes.ts'
import type { Actor } from '../../storage/storage.ts'
import { viewAgent } from '../agents.ts'
import { AgentView, identityProblems } from '../contract.ts'
import type { Identity } from '../identity.ts'
import { AddKey, KeyView, keyProblems, RegisterAgent, RegisteredAgent } from './contract.ts'
import { inviteRoutes } from './invite-routes.ts'

const problems = { ...identityProblems, ...keyProblems }
const KeyParams = z.strictObject({ name: z.string().min(1).max(128), key: z.string().min(1).max(128) })
const OwnKeyParams = z.strictObject({ key: z.string().min(1).max(128) })

export const registerAgent = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/register',
  caller: 'anyone',
  summary: 'Register an agent by its public key, with an invite or where registration is open',
  body: RegisterAgent,
  maxBody: 32 * 1_024,
  reply: RegisteredAgent,
  status: 201,
  problems,
})

export const approveAgent = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/{name}/approve',
  caller: 'operator',
  summary: 'Let in an agent that registered itself',
  params: NameParam,
  reply: AgentView,
  problems,
})

export const revokeAgent = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/{name}/revoke',
  caller: 'operator',
  summary: 'End an agent for good: its keys, tokens and running calls with it',
  params: NameParam,
  reply: AgentView,
  problems,
})

export const listKeys = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/{name}/keys',
  caller: 'operator',
  summary: 'List the keys of an agent',
  params: NameParam,
  reply: listOf(KeyView),
  problems,
})

export const addKeyFor = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/{name}/keys',
  caller: 'operator',
  summary: 'Add a key to an agent',
  params: NameParam,
  body: AddKey,
  reply: KeyView,
  status: 201,
  problems,
})

export const revokeKeyOf = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/agents/{name}/keys/{key}',
  caller: 'operator',
  summary: 'Revoke a key of an agent: what was made of it ends at once',
  params: KeyParams,
  query: z.strictObject({ evenLast: z.enum(['true', 'false']).optional() }),
  reply: Done,
  problems,
})

export const ownKeys = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/self/keys',
  caller: 'agent',
  summary: 'List the keys of the agent that asks',
  reply: listOf(KeyView),
})

export const addOwnKey = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/self/keys',
  caller: 'agent',
  summary: 'Add a key to the agent that asks, which signed in with one it has',
  body: AddKey,
  reply: KeyView,
  status: 201,
  problems,
})

export const revokeOwnKey = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/agents/self/keys/{key}',
  caller: 'agent',
  summary: 'Revoke a key of the agent that asks, but not its last',
  params: OwnKeyParams,
  reply: Done,
  problems,
})

export interface KeyRouteNeeds<Who> {
  readonly identity: Identity
  readonly actorOf: (who: Who) => Actor
  /** Id of the agent that asks. */
  readonly agentOf: (who: Who) => string
  /** The same, where it may change its keys. Throws Problem `key_sign_in_wanted`. */
  readonly keyholderOf: (who: Who) => string
  readonly register: (
    body: z.output<typeof RegisterAgent>,
    from: { address: string; rid: string },
  ) => Promise<z.input<typeof RegisteredAgent>>
}

export function keyRoutes<Who>(needs: KeyRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { identity, actorOf, agentOf, keyholderOf } = needs
  const by = (caller: unknown) => actorOf(caller as Who)
  const self = (caller: unknown) => agentOf(caller as Who)
  return [
    bind(registerAgent, ({ body, client, rid }) => needs.register(body, { address: client.address, rid })),
    ...inviteRoutes(identity.keys, actorOf),
    bind(approveAgent, async ({ params, caller }) => viewAgent(await identity.approveAgent(params.name, by(caller)))),
    bind(revokeAgent, async ({ params, caller }) => viewAgent(await identity.revokeAgent(params.name, by(caller)))),
    bind(listKeys, ({ params }) => ({ items: identity.keys.list(params.name) })),
    bind(addKeyFor, ({ params, body, caller }) => identity.keys.add(params.name, body, by(caller))),
    bind(revokeKeyOf, async ({ params, query, caller }) => {
      const evenLast = query.evenLast !== 'false'
      await identity.keys.revoke({ agent: params.name, key: params.key, evenLast }, by(caller))
      return done
    }),
    bind(ownKeys, ({ caller }) => ({ items: identity.keys.list(self(caller)) })),
    bind(addOwnKey, ({ body, caller }) => identity.keys.add(keyholderOf(caller as Who), body, by(caller))),
    bind(revokeOwnKey, async ({ params, caller }) => {
      await identity.keys.revoke({ agent: keyholderOf(caller as Who), key: params.key }, by(caller))
      return done
    }),
  ]
}
