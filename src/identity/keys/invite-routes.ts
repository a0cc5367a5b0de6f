import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, IdParam, listOf } from '../../http/shapes.ts'
import type { Actor } from '../../storage/storage.ts'
import { AgentName, identityProblems } from '../contract.ts'
import { InviteView, keyProblems } from './contract.ts'
import type { AgentKeys } from './keys.ts'

const problems = { ...identityProblems, ...keyProblems }

export const inviteAgent = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/invite',
  caller: 'operator',
  summary: 'Make a one-time invite: registers a new agent, or a new key for the one that is named',
  body: z
    .strictObject({
      agent: z.string().max(128).optional(),
      /** What the new agent is called; without it the agent says so itself. */
      name: AgentName.optional(),
      ttlSeconds: z.int().min(60).max(86_400).optional(),
    })
    .refine(({ agent, name }) => agent === undefined || name === undefined, { error: 'one of agent and name' }),
  reply: z.object({ id: z.string(), invite: z.string(), expiresAt: z.int() }),
  status: 201,
  problems,
})

export const listInvites = endpoint({
  method: 'GET',
  path: '/claviger/v1/invites',
  caller: 'operator',
  summary: 'List the invites that may still be used',
  reply: listOf(InviteView),
})

export const revokeInvite = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/invites/{id}',
  caller: 'operator',
  summary: 'End an invite that nobody has used',
  params: IdParam,
  reply: Done,
  problems,
})

export function inviteRoutes<Who>(keys: AgentKeys, actorOf: (who: Who) => Actor): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bind(inviteAgent, async ({ body, caller }) => {
      const { id, token, expiresAt } = await keys.invite(body, by(caller))
      return { id, invite: token.reveal().toString('latin1'), expiresAt }
    }),
    bind(listInvites, () => ({ items: keys.invites() })),
    bind(revokeInvite, async ({ params, caller }) => {
      await keys.revokeInvite(params.id, by(caller))
      return done
    }),
  ]
}
