import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { NameParam } from '../../http/shapes.ts'
import { identityProblem, identityProblems } from '../contract.ts'
import { SignInView } from './contract.ts'
import type { SignIns } from './sign-ins.ts'

const history = {
  method: 'GET',
  path: '/claviger/v1/agents/{name}/sign-ins',
  params: NameParam,
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    /** The `next` of the answer before. */
    before: z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).optional(),
  }),
  reply: z.object({ items: z.array(SignInView), next: z.int().optional() }),
  problems: identityProblems,
} as const

export const listSignIns = endpoint({
  ...history,
  caller: 'operator',
  summary: 'Sign-ins of an agent, by name or id, and what was found in them, newest first',
})

export const listOwnSignIns = endpoint({
  ...history,
  caller: 'agent',
  summary: 'The same for the agent that asks, of itself',
})

export interface SignInRouteNeeds<Who> {
  readonly signIns: SignIns
  /** The id of the agent of that name or id. Throws Problem `agent_unknown`. */
  readonly agentOf: (nameOrId: string) => string
  /** Id and name of the agent that the caller is. */
  readonly self: (who: Who) => { readonly id: string; readonly name: string }
}

export function signInRoutes<Who>({ signIns, agentOf, self }: SignInRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const read = async (agent: string, { limit, before }: { limit: number; before?: number | undefined }) => {
    const { items, next } = await signIns.history(agent, limit, before)
    return { items: [...items], ...(next !== undefined && { next }) }
  }
  return [
    bind(listSignIns, ({ params, query }) => read(agentOf(params.name), query)),
    bind(listOwnSignIns, ({ params, query, caller }) => {
      const { id, name } = self(caller as Who)
      // Others are unknown to it, whether they are there or not.
      if (params.name !== id && params.name !== name) throw identityProblem('agent_unknown')
      return read(id, query)
    }),
  ]
}
