import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import type { AgentPrincipal } from '../contract.ts'
import { keyProblems } from '../keys/contract.ts'
import { type Came, fromOf, type JktOf } from './came.ts'
import {
  ACCESS_LIFE_MS,
  AskChallenge,
  Challenge,
  Prove,
  Refresh,
  Revoked,
  RevokeOwn,
  Self,
  sessionProblems,
  Tokens,
} from './contract.ts'
import type { SignedIn, SignIn } from './sign-in.ts'

const problems = { ...sessionProblems, ...keyProblems }

export const askChallenge = endpoint({
  method: 'POST',
  path: '/claviger/v1/auth/challenge',
  caller: 'anyone',
  summary: 'Ask for a challenge: good for one try within five minutes',
  body: AskChallenge,
  reply: Challenge,
  problems,
})

export const proveForTokens = endpoint({
  method: 'POST',
  path: '/claviger/v1/auth/token',
  caller: 'anyone',
  summary: 'Answer a challenge with a signed proof; with a DPoP header the tokens are bound to its key',
  body: Prove,
  reply: Tokens,
  problems,
})

export const refreshTokens = endpoint({
  method: 'POST',
  path: '/claviger/v1/auth/refresh',
  caller: 'anyone',
  summary: 'Use up a refresh token for new tokens; one that was used ends its sign-in',
  body: Refresh,
  reply: Tokens,
  problems,
})

export const revokeShown = endpoint({
  method: 'POST',
  path: '/claviger/v1/auth/revoke',
  caller: 'anyone',
  summary: 'End the sign-in that a token belongs to, by showing the token',
  body: RevokeOwn,
  maxBody: 48 * 1_024,
  reply: Revoked,
})

export const whoAmI = endpoint({
  method: 'GET',
  path: '/claviger/v1/auth/self',
  caller: 'agent',
  summary: 'Who the token says that its bearer is',
  reply: Self,
})

export interface SessionRouteNeeds<Who> {
  readonly signIn: SignIn
  readonly issuer: () => string
  readonly agentOf: (who: Who) => AgentPrincipal
  readonly revokeShown: (token: string) => Promise<boolean>
  readonly jktOf: JktOf
}

export function sessionRoutes<Who>(needs: SessionRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { signIn, issuer, agentOf, jktOf } = needs
  const from = (came: Came) => fromOf('native', came)
  return [
    bind(askChallenge, async ({ body, ...came }) => {
      const { id, nonce, audience, expires_at } = await signIn.challenge(
        { agent: body.agentId, audience: body.audience },
        from(came),
      )
      return {
        challengeId: id,
        nonce,
        issuer: issuer(),
        audience: audience ?? issuer(),
        expiresAt: new Date(expires_at).toISOString(),
      }
    }),
    bind(proveForTokens, async ({ body, ...came }) => {
      const wanted = {
        typ: 'at+jwt',
        lifeMs: ACCESS_LIFE_MS,
        scope: body.scope,
        jkt: jktOf(proveForTokens, came),
      } as const
      return shown(await signIn.byJws(body.challengeId, body.proof, wanted, from(came)))
    }),
    bind(refreshTokens, async ({ body, ...came }) =>
      shown(await signIn.refresh(body.refreshToken, jktOf(refreshTokens, came), from(came))),
    ),
    bind(revokeShown, async ({ body }) => ({ revoked: await needs.revokeShown(body.token) })),
    bind(whoAmI, ({ caller }) => selfOf(agentOf(caller as Who))),
  ]
}

function shown({ accessToken, refreshToken, expiresInSeconds, agentId, jkt, keyRefusedAt }: SignedIn) {
  const tokenType = jkt === undefined ? ('Bearer' as const) : ('DPoP' as const)
  const age = keyRefusedAt === undefined ? {} : { keyRefusedAt }
  const given = { accessToken, tokenType, expiresIn: expiresInSeconds, agentId, ...age }
  return refreshToken === undefined ? given : { ...given, refreshToken }
}

function selfOf({ agent, token }: AgentPrincipal) {
  const who = { agentId: agent.id, name: agent.name, status: agent.status, expiresAt: token.expiresAt }
  if (token.kind !== 'jwt') return who
  const { scope } = token.claims
  return { ...who, sessionId: token.id, ...(typeof scope === 'string' && { scope }) }
}
