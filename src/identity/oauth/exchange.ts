// What an exchanged token may be (RFC 8693): never more than the one it comes from, in scope, audience, time and binding.
import type { AgentId, SessionId } from '../../ground/ids.ts'
import type { Room } from '../room.ts'
import type { AccessToken, AccessTokens } from '../sessions/access-tokens.ts'
import { type Act, actorsIn } from '../sessions/session-book.ts'
import type { ProvenClient } from './client-assertion.ts'
import {
  ACCESS_TOKEN_TYPES,
  MAX_ACTORS,
  MAX_EXCHANGED_LIFE_MS,
  MAX_USES,
  oauthProblem,
  type TokenForm,
} from './contract.ts'
import { narrowed, readScopes } from './narrow-scope.ts'

export interface ExchangeAsked {
  readonly form: TokenForm
  readonly client: ProvenClient
  readonly jkt: string | undefined
  /** The audience that is asked for; the parent's if none is. */
  readonly audience: string | undefined
  readonly room: Room
  readonly accessTokens: AccessTokens
}

export interface Exchanged {
  /** The subject: in whose name it is used. */
  readonly agent: AgentId
  readonly parent: SessionId
  readonly audience: string
  readonly scope: string | undefined
  readonly lifeMs: number
  readonly act: Act | undefined
  readonly maxUses: number | undefined
}

/** Throws Problems `invalid_request`, `invalid_scope`, `invalid_target`, `scope_invalid`. */
export function exchanged(asked: ExchangeAsked): Exchanged {
  const { form, client, room } = asked
  refuseOtherTypes(form)
  const subject = tokenIn(asked, 'subject_token')
  const actor = form.actor_token === undefined ? undefined : tokenIn(asked, 'actor_token')
  refuseUnlessHeld(asked, subject, actor)
  const scopes = narrowed(readScopes(form.scope), subject.scopes)
  if (scopes === undefined) throw oauthProblem('invalid_scope', { detail: 'It is more than the subject_token has.' })
  const lifeMs = Math.min(MAX_EXCHANGED_LIFE_MS, subject.expiresAt - room.clock.now())
  return {
    agent: subject.agent.id,
    parent: subject.session.id,
    audience: audienceOf(asked, subject),
    scope: scopes.scopes?.join(' '),
    lifeMs: Math.floor(lifeMs / 1_000) * 1_000,
    act: actOf(subject, actor?.agent.id ?? client.agent.id),
    maxUses: maxUsesIn(form),
  }
}

function refuseOtherTypes({
  subject_token_type,
  actor_token,
  actor_token_type,
  requested_token_type,
}: TokenForm): void {
  const ours = (type: string | undefined) => ACCESS_TOKEN_TYPES.includes(type as (typeof ACCESS_TOKEN_TYPES)[number])
  if (!ours(subject_token_type)) throw refused('subject_token_type must say access_token or jwt')
  if ((actor_token === undefined) !== (actor_token_type === undefined))
    throw refused('actor_token and actor_token_type go together')
  if (actor_token_type !== undefined && !ours(actor_token_type))
    throw refused('actor_token_type must say access_token or jwt')
  if (requested_token_type !== undefined && !ours(requested_token_type)) throw refused('only access tokens are given')
}

/** A token of ours that is good now, at whatever audience: that stands in it. */
function tokenIn({ form, accessTokens }: ExchangeAsked, name: 'subject_token' | 'actor_token'): AccessToken {
  const text = form[name]
  if (text === undefined) throw refused(`${name} is missing`)
  const verified = accessTokens.verifyAny(text)
  if (!verified.ok) throw refused(`${name} is not good: ${verified.error}`)
  return verified.token
}

/**
 * Whoever asks must be the subject or the actor. A token that is bound to a key is exchanged by its own agent, or by whoever
 * proves that key; and what comes of it is bound as well. Whoever acts by a bound token proves that token's key: a request
 * proves one key, so it is the subject's too where that must be proven.
 */
function refuseUnlessHeld({ client, jkt }: ExchangeAsked, subject: AccessToken, actor: AccessToken | undefined): void {
  const own = subject.agent.id === client.agent.id
  if (actor !== undefined && !own && actor.agent.id !== client.agent.id)
    throw refused('the client is neither subject nor actor')
  // Whatever came of it would be good for more than it is.
  if (subject.use !== undefined)
    throw refused('the subject_token is good for a number of uses, and not to be exchanged')
  if (actor?.jkt !== undefined && jkt !== actor.jkt)
    throw refused('the actor_token is bound to a key: send a DPoP proof by that key')
  if (subject.jkt === undefined) return
  if (jkt === undefined) throw refused('the subject_token is bound to a key, so the new one must be: send a DPoP proof')
  if (!own && jkt !== subject.jkt) throw refused('the subject_token is bound to another key than is proven')
}

/**
 * An agent may turn its own token for the gateway into one for a service, where its roles speak for it. Nobody else may do
 * that in its name, and a service's tokens stay with that service.
 */
function audienceOf({ audience, room, client }: ExchangeAsked, { session, agent }: AccessToken): string {
  if (audience === undefined || audience === session.audience) return session.audience
  if (session.audience === room.issuer() && agent.id === client.agent.id) return audience
  throw oauthProblem('invalid_target', { detail: 'The subject_token is for another audience.' })
}

function actOf({ claims, agent }: AccessToken, acting: string): Act | undefined {
  const before = claims.act as Act | undefined
  if (acting === (before?.sub ?? agent.id)) return before
  const act: Act = before === undefined ? { sub: acting } : { sub: acting, act: before }
  if (actorsIn(act).length > MAX_ACTORS) throw refused(`more than ${MAX_ACTORS} would act for each other`)
  return act
}

function maxUsesIn({ max_uses: text }: TokenForm): number | undefined {
  if (text === undefined) return undefined
  const uses = /^[1-9][0-9]{0,6}$/.test(text) ? Number(text) : 0
  if (uses < 1 || uses > MAX_USES) throw refused(`max_uses must be 1 to ${MAX_USES}`)
  return uses
}

function refused(detail: string) {
  return oauthProblem('invalid_request', { detail })
}
