/**
 * What a token says (RFC 7662), and its end (RFC 7009). Invariant: whoever may not know of a token cannot tell it from one
 * that never was.
 */
import type { Room } from '../room.ts'
import type { AccessToken, AccessTokens } from '../sessions/access-tokens.ts'
import { sessionOfRefresh } from '../sessions/tokens.ts'
import type { Introspected } from './contract.ts'

/** Who wants to know: a service of that id, an agent, or an operator, who may know everything. */
export type Asker =
  | { readonly kind: 'service'; readonly id: string }
  | { readonly kind: 'agent'; readonly id: string }
  | { readonly kind: 'operator' }

const INACTIVE: Introspected = { active: false }

/** What the token says, if it is good now and the asker's to know. Nothing is used up by it. */
export function introspected(text: string, asker: Asker, room: Room, accessTokens: AccessTokens): Introspected {
  const verified = accessTokens.verifyAny(text)
  if (!verified.ok) return refreshIntrospected(text, asker, room)
  const { token } = verified
  return mayKnow(asker, token) ? said(token) : INACTIVE
}

function mayKnow(asker: Asker, { session, agent }: AccessToken): boolean {
  if (asker.kind === 'operator') return true
  if (asker.kind === 'service') return session.audience === asker.id
  return agent.id === asker.id || session.actors.includes(asker.id)
}

function said({ claims, jkt }: AccessToken): Introspected {
  return { ...claims, active: true, token_type: jkt === undefined ? 'Bearer' : 'DPoP' }
}

/** A refresh token is nobody's business but its agent's and the operators'. */
function refreshIntrospected(text: string, asker: Asker, room: Room): Introspected {
  const session = asker.kind === 'service' ? undefined : sessionOfRefresh(room, text)
  if (session === undefined || (asker.kind === 'agent' && session.agent !== asker.id)) return INACTIVE
  const stands = session.live && room.clock.now() < session.expiresAt
  if (!stands || room.directory.agent(session.agent)?.status !== 'active') return INACTIVE
  const { agent, audience, scope, id, jkt } = session
  return {
    active: true,
    client_id: agent,
    sub: agent,
    aud: audience,
    iss: room.issuer(),
    sid: id,
    exp: Math.floor(session.expiresAt / 1_000),
    iat: Math.floor(session.createdAt / 1_000),
    ...(scope !== undefined && { scope }),
    ...(jkt !== undefined && { cnf: { jkt } }),
  }
}
