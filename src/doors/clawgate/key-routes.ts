// The operators' endpoints beside the door: its API keys.
import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, IdParam, listOf } from '../../http/shapes.ts'
import { identityProblems, LABEL_PATTERN } from '../../identity/contract.ts'
import type { ApiKeys, ApiKeyView } from '../../identity/doors/api-keys.ts'
import type { Actor } from '../../storage/storage.ts'
import { iso } from './states.ts'

const operator = { caller: 'operator', problems: identityProblems } as const
const Time = z.string().nullable()

export const ApiKey = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  agentId: z.string(),
  /** Since the last start. */
  lastUsedAt: Time,
  createdAt: z.string(),
  expiresAt: Time,
  revokedAt: Time,
})

export const addApiKey = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/clawgate/api-keys',
  summary: 'ClawGate: make an API key for an agent; the answer is the only one that ever holds it',
  body: z.strictObject({
    name: z.string().regex(LABEL_PATTERN, { error: '1 to 100 printable characters' }),
    /** Name or id. */
    agent: z.string().min(1).max(128),
    expiresAt: z.iso.datetime({ offset: true }).optional(),
  }),
  reply: ApiKey.extend({ key: z.string() }),
  status: 201,
})

export const listApiKeys = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/clawgate/api-keys',
  summary: 'ClawGate: the API keys of agents, the oldest first',
  reply: listOf(ApiKey),
})

export const revokeApiKey = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/clawgate/api-keys/{id}',
  summary: 'ClawGate: revoke an API key; what was approved for it is void',
  params: IdParam,
  reply: Done,
})

export interface KeyNeeds<Who> {
  readonly keys: ApiKeys
  readonly actorOf: (who: Who) => Actor
  /** By name or id. Throws Problem `agent_unknown`. */
  agentOf(idOrName: string): ApiKeyView['agent']
}

export function keyRoutes<Who>({ keys, actorOf, agentOf }: KeyNeeds<Who>): BoundEndpoint<Who>[] {
  return [
    bind(addApiKey, async ({ body: { name, agent, expiresAt }, caller }) => {
      const end = expiresAt === undefined ? undefined : Date.parse(expiresAt)
      const asked = { agent: agentOf(agent).id, name, expiresAt: end }
      const { view, key } = await keys.issue(asked, actorOf(caller as Who))
      return { ...shownKey(view), key: key.reveal().toString('latin1') }
    }),
    bind(listApiKeys, () => ({ items: keys.list().map(shownKey) })),
    bind(revokeApiKey, async ({ params, caller }) => {
      await keys.revoke(params.id, actorOf(caller as Who))
      return done
    }),
  ]
}

const orNull = (time: number | undefined) => (time === undefined ? null : iso(time))

export function shownKey({ id, name, prefix, agent, lastUsedAt, createdAt, expiresAt, revokedAt }: ApiKeyView) {
  return {
    ...{ id: id as string, name, prefix, agentId: agent.name, createdAt: iso(createdAt) },
    ...{ lastUsedAt: orNull(lastUsedAt), expiresAt: orNull(expiresAt), revokedAt: orNull(revokedAt) },
  }
}
