import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { NameParam } from '../http/shapes.ts'
import { identityProblems } from '../identity/contract.ts'
import type { Rooms } from '../rooms.ts'
import type { Actor } from '../storage/storage.ts'
import { contain, eraseAgent, exportAgent } from './agent-care.ts'

const DAY_MS = 86_400_000

export const containAgent = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/{name}/contain',
  caller: 'operator',
  summary:
    'After an incident: lock an agent, end its keys, sign-ins, tokens and grants, list its calls, invite it anew',
  params: NameParam,
  /** `since`: milliseconds since 1970; a day ago if left out. */
  body: z.strictObject({ since: z.int().nonnegative().optional() }),
  reply: z.object({
    agent: z.string(),
    stopped: z.object({ keys: z.int(), tokens: z.int(), sessions: z.int(), grants: z.int() }),
    calls: z.array(z.record(z.string(), z.unknown())),
    /** Shown once. */
    invite: z.string(),
    inviteExpiresAt: z.int(),
  }),
  problems: identityProblems,
})

export const exportAgentData = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/{name}/export',
  caller: 'operator',
  summary: 'Everything that is kept about an agent and whoever stands behind it',
  params: NameParam,
  reply: z.record(z.string(), z.unknown()),
  problems: identityProblems,
})

export const eraseAgentData = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/{name}/erase',
  caller: 'operator',
  summary: 'Remove what names a person from a revoked agent; the log keeps its id, which names nobody any more',
  params: NameParam,
  reply: z.record(z.string(), z.int()),
  problems: identityProblems,
})

export function agentCareRoutes<Who>(rooms: Rooms, actorOf: (who: Who) => Actor): BoundEndpoint<Who>[] {
  return [
    bind(containAgent, async ({ params, body, caller }) => {
      const since = body.since ?? rooms.clock.now() - DAY_MS
      const { agent, stopped, calls, invite } = await contain(rooms, params.name, since, actorOf(caller as Who))
      const shown = calls as unknown as Record<string, unknown>[]
      const text = invite.token.reveal().toString('latin1')
      return { agent, stopped, calls: [...shown], invite: text, inviteExpiresAt: invite.expiresAt }
    }),
    bind(exportAgentData, ({ params }) => exportAgent(rooms, params.name)),
    bind(eraseAgentData, ({ params, caller }) => eraseAgent(rooms, params.name, actorOf(caller as Who))),
  ]
}
