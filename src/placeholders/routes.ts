import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, IdParam, listOf } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import {
  IssuedPlaceholder,
  IssuePlaceholders,
  type PlaceholderEntry,
  PlaceholderView,
  placeholderProblems,
} from './contract.ts'
import type { Placeholders } from './placeholders.ts'

export const issueOwnPlaceholders = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/self/placeholders',
  caller: 'agent',
  summary:
    'Make placeholders for the services that the agent was given something on; they end with the token that asks',
  body: IssuePlaceholders,
  reply: listOf(IssuedPlaceholder),
  problems: { placeholders_full: placeholderProblems.placeholders_full },
})

export const listOwnPlaceholders = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/self/placeholders',
  caller: 'agent',
  summary: 'List the agent’s placeholders that live; not their text, which nobody keeps',
  reply: listOf(PlaceholderView),
})

export const endOwnPlaceholder = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/agents/self/placeholders/{id}',
  caller: 'agent',
  summary: 'End one of the agent’s placeholders',
  params: IdParam,
  reply: Done,
  problems: { placeholder_gone: placeholderProblems.placeholder_gone },
})

export const listPlaceholders = endpoint({
  method: 'GET',
  path: '/claviger/v1/placeholders',
  caller: 'operator',
  summary: 'List placeholders that live, of one agent or of all',
  query: z.strictObject({ agent: z.string().min(1).max(128).optional() }),
  reply: listOf(PlaceholderView),
})

export const endPlaceholder = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/placeholders/{id}',
  caller: 'operator',
  summary: 'End a placeholder',
  params: IdParam,
  reply: Done,
  problems: { placeholder_gone: placeholderProblems.placeholder_gone },
})

export interface PlaceholderRouteNeeds<Who> {
  readonly placeholders: Placeholders
  readonly actorOf: (who: Who) => Actor
  /** Id of the agent that calls. */
  readonly agentOf: (who: Who) => string
  /** Id of an agent by id or name. Throws Problem `agent_unknown`. */
  readonly agentNamed: (idOrName: string) => string
  readonly issue: (who: Who, services: readonly string[] | undefined) => Promise<IssuedPlaceholder[]>
  /** Undefined where the service or the credential is gone. */
  readonly view: (entry: PlaceholderEntry) => PlaceholderView | undefined
}

export function placeholderRoutes<Who>(needs: PlaceholderRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { placeholders, actorOf, agentOf, agentNamed, issue, view } = needs
  const shown = (agent?: string) => ({ items: placeholders.list(agent).flatMap((entry) => view(entry) ?? []) })
  return [
    bind(issueOwnPlaceholders, async ({ caller, body }) => ({ items: await issue(caller, body.services) })),
    bind(listOwnPlaceholders, async ({ caller }) => shown(agentOf(caller))),
    bind(endOwnPlaceholder, async ({ caller, params }) => {
      await placeholders.end(params.id, actorOf(caller), agentOf(caller))
      return done
    }),
    bind(listPlaceholders, async ({ query }) => shown(query.agent && agentNamed(query.agent))),
    bind(endPlaceholder, async ({ caller, params }) => {
      await placeholders.end(params.id, actorOf(caller))
      return done
    }),
  ]
}
