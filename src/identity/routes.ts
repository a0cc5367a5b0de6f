import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, IdParam, listOf, NameParam } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import { viewAgent } from './agents.ts'
import { AddAgent, AgentView, IssuedToken, IssueToken, identityProblems, TokenView } from './contract.ts'
import type { Identity, IssuedToken as Issued } from './identity.ts'

export const listAgents = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents',
  caller: 'operator',
  summary: 'List agents',
  reply: listOf(AgentView),
})

export const addAgent = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents',
  caller: 'operator',
  summary: 'Add an agent, active at once',
  body: AddAgent,
  reply: AgentView,
  status: 201,
  problems: identityProblems,
})

export const lockAgent = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/{name}/lock',
  caller: 'operator',
  summary: 'Stop an agent, by name or id: its running calls end, its tokens are refused until it is unlocked',
  params: NameParam,
  reply: AgentView,
  problems: identityProblems,
})

export const unlockAgent = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/{name}/unlock',
  caller: 'operator',
  summary: 'Let a locked agent act again',
  params: NameParam,
  reply: AgentView,
  problems: identityProblems,
})

export const issueToken = endpoint({
  method: 'POST',
  path: '/claviger/v1/tokens',
  caller: 'operator',
  summary: "Issue an agent's API key; the answer is the only one that ever holds it",
  body: IssueToken,
  reply: IssuedToken,
  status: 201,
  problems: identityProblems,
})

export const listTokens = endpoint({
  method: 'GET',
  path: '/claviger/v1/tokens',
  caller: 'operator',
  summary: 'List tokens, of one agent (name or id) or of everybody; never the tokens themselves',
  query: z.strictObject({ agent: z.string().min(1).max(128).optional() }),
  reply: listOf(TokenView),
  problems: identityProblems,
})

export const revokeToken = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/tokens/{id}',
  caller: 'operator',
  summary: 'Revoke one token; the calls it began end',
  params: IdParam,
  reply: Done,
  problems: identityProblems,
})

export const revokeTokensOf = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/agents/{name}/tokens',
  caller: 'operator',
  summary: 'Revoke every token of an agent; its running calls end',
  params: NameParam,
  reply: z.object({ revoked: z.int() }),
  problems: identityProblems,
})

export const rotateOperatorToken = endpoint({
  method: 'POST',
  path: '/claviger/v1/operator/token/rotate',
  caller: 'operator',
  summary: 'Make a new operator token; the one that asks dies in the same commit',
  reply: IssuedToken,
  problems: identityProblems,
})

/** What the endpoints need besides the room: who an authenticated caller is. */
export interface IdentityRouteNeeds<Who> {
  readonly identity: Identity
  readonly actorOf: (who: Who) => Actor
  /** Opens the socket of a token that is to have one; its folder. Throws Problem `token_socket_failed`. */
  readonly openSocket: (token: string) => Promise<string>
  /** Id of the operator token that the caller showed. */
  readonly tokenOf: (who: Who) => string
}

export function identityRoutes<Who>(needs: IdentityRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { identity, actorOf, tokenOf, openSocket } = needs
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bind(listAgents, () => ({ items: identity.listAgents() })),
    bind(addAgent, async ({ body, caller }) => viewAgent(await identity.addAgent(body, by(caller)))),
    bind(lockAgent, async ({ params, caller }) => viewAgent(await identity.lockAgent(params.name, by(caller)))),
    bind(unlockAgent, async ({ params, caller }) => viewAgent(await identity.unlockAgent(params.name, by(caller)))),
    bind(issueToken, async ({ body, caller }) => {
      const lifeMs = body.ttlSeconds === undefined ? undefined : body.ttlSeconds * 1_000
      const { agent, label, from } = body
      const issued = await identity.issueToken({ agent, label, lifeMs, from }, by(caller))
      if (from?.includes('socket') !== true) return shown(issued)
      try {
        return { ...shown(issued), socketFolder: await openSocket(issued.view.id) }
      } catch (error) {
        await identity.revokeToken(issued.view.id, by(caller))
        throw error
      }
    }),
    bind(listTokens, ({ query }) => ({ items: identity.listTokens(query.agent) })),
    bind(revokeToken, async ({ params, caller }) => {
      await identity.revokeToken(params.id, by(caller))
      return done
    }),
    bind(revokeTokensOf, async ({ params, caller }) => ({
      revoked: await identity.revokeTokensOf(params.name, by(caller)),
    })),
    bind(rotateOperatorToken, async ({ caller }) =>
      shown(await identity.rotateOperatorToken(tokenOf(caller as Who), by(caller))),
    ),
  ]
}

/** The one time a token is shown. */
function shown({ view, token }: Issued): z.input<typeof IssuedToken> {
  return { ...view, token: token.reveal().toString('latin1') }
}
