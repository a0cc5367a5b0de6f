/**
 * The token endpoint: who it is, what it may have, and a sign-in for it. It owns nothing; sessions/ opens and refreshes,
 * and what each grant type may give stands here and in exchange.ts.
 */
import type { Problem } from '../../ground/problem.ts'
import type { Actor } from '../../storage/storage.ts'
import type { Room } from '../room.ts'
import type { AccessTokens } from '../sessions/access-tokens.ts'
import { ACCESS_LIFE_MS } from '../sessions/contract.ts'
import type { From, SignIn } from '../sessions/sign-in.ts'
import { type IssuedTokens, openSession, sessionOfRefresh } from '../sessions/tokens.ts'
import type { SignIns } from '../sign-ins/sign-ins.ts'
import type { ClientAssertions, ProvenClient } from './client-assertion.ts'
import {
  ACCESS_TOKEN_TYPES,
  CLIENT_CREDENTIALS,
  oauthProblem,
  REFRESH_TOKEN,
  TOKEN_EXCHANGE,
  type TokenForm,
  type TokenReply,
} from './contract.ts'
import { exchanged } from './exchange.ts'
import { isWithin, readScopes } from './narrow-scope.ts'

export interface TokenEndpointNeeds {
  readonly room: Room
  readonly accessTokens: AccessTokens
  readonly signIn: Pick<SignIn, 'refresh' | 'claims'>
  readonly signIns: Pick<SignIns, 'attempt'>
  readonly clients: ClientAssertions
  /** The audience as tokens name it, for an id or a name; undefined if there is none of that name here. */
  readonly audienceOf: (name: string) => string | undefined
}

/** A request at the token endpoint, its form read. */
export interface TokenAsked {
  readonly form: TokenForm
  readonly from: From
  /** Thumbprint of the key that the request proves (DPoP), if it proves one. */
  readonly jkt: string | undefined
}

export class TokenEndpoint {
  readonly #needs: TokenEndpointNeeds

  constructor(needs: TokenEndpointNeeds) {
    this.#needs = needs
  }

  /** Throws Problems of contract.ts and of sessions/contract.ts, `scope_invalid`, `rate_limited`, `vault_sealed`. */
  answer(asked: TokenAsked): Promise<TokenReply> {
    // While the vault is sealed nobody is known, and nobody must be told that they are unknown.
    this.#needs.room.signing.active()
    const { grant_type: type } = asked.form
    if (type === CLIENT_CREDENTIALS) return this.#clientCredentials(asked)
    if (type === REFRESH_TOKEN) return this.#refresh(asked)
    if (type === TOKEN_EXCHANGE) return this.#exchange(asked)
    throw type === undefined ? missing('grant_type') : oauthProblem('unsupported_grant_type')
  }

  async #clientCredentials({ form, from, jkt }: TokenAsked): Promise<TokenReply> {
    const client = await this.#needs.clients.prove(form, from, 'assertion')
    const audience = this.#audience(form) ?? this.#needs.room.issuer()
    const scope = readScopes(form.scope)?.join(' ')
    const opened = { agent: client.agent.id, keyId: client.key.id, audience, scope, jkt, lifeMs: ACCESS_LIFE_MS }
    const claims = this.#needs.signIn.claims(client.agent.id, audience, 'at+jwt')
    const issued = await openSession(this.#needs.room, { ...opened, typ: 'at+jwt', claims }, actor(client))
    this.#note('assertion', from, client)
    return reply(issued, { scope: issued.scope, jkt })
  }

  async #refresh({ form, from, jkt }: TokenAsked): Promise<TokenReply> {
    const { room, clients, signIn } = this.#needs
    const { refresh_token: presented, scope } = form
    if (presented === undefined) throw missing('refresh_token')
    const { agent } = await clients.prove(form, from, 'refresh')
    const session = sessionOfRefresh(room, presented)
    if (session !== undefined && session.agent !== agent.id) throw oauthProblem('invalid_grant')
    const wanted = readScopes(scope)
    const audience = this.#audience(form)
    if (session !== undefined && !isWithin(wanted ?? readScopes(session.scope), readScopes(session.scope))) {
      throw oauthProblem('invalid_scope')
    }
    if (audience !== undefined && session !== undefined && audience !== session.audience)
      throw oauthProblem('invalid_target')
    const issued = await signIn.refresh(presented, jkt, from, wanted?.join(' '))
    return reply(issued, { scope: wanted?.join(' ') ?? session?.scope, jkt })
  }

  async #exchange(asked: TokenAsked): Promise<TokenReply> {
    const { form, from, jkt } = asked
    const { room, accessTokens, clients, signIn } = this.#needs
    const client = await clients.prove(form, from, 'exchange')
    const given = exchanged({ form, client, jkt, audience: this.#audience(form), room, accessTokens })
    const claims = signIn.claims(given.agent, given.audience, 'at+jwt')
    const issued = await openSession(
      room,
      { ...given, keyId: client.key.id, jkt, typ: 'at+jwt', claims },
      actor(client),
    )
    this.#note('exchange', from, client)
    return { ...reply(issued, { scope: issued.scope, jkt }), issued_token_type: ACCESS_TOKEN_TYPES[0] }
  }

  /** The one audience that is asked for (RFC 8707 §2, RFC 8693 §2.1). Throws Problem `invalid_target`. */
  #audience({ resource, audience }: TokenForm): string | undefined {
    const issuer = this.#needs.room.issuer()
    const find = (name: string) => (name === issuer || name === `${issuer}/` ? issuer : this.#needs.audienceOf(name))
    const found = [resource, audience].filter((name) => name !== undefined).map(find)
    if (found.includes(undefined) || new Set(found).size > 1) throw oauthProblem('invalid_target')
    return found[0]
  }

  #note(form: 'assertion' | 'exchange', from: From, { agent, key }: ProvenClient): void {
    this.#needs.signIns.attempt({ ...from, form, result: 'ok', agent: agent.id, keyThumbprint: key.thumbprint })
  }
}

function reply(
  { accessToken, refreshToken, expiresInSeconds }: IssuedTokens,
  { scope, jkt }: { scope: string | undefined; jkt: string | undefined },
): TokenReply {
  return {
    access_token: accessToken,
    token_type: jkt === undefined ? 'Bearer' : 'DPoP',
    expires_in: expiresInSeconds,
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(scope !== undefined && { scope }),
  }
}

function actor({ agent, key }: ProvenClient): Actor {
  return { kind: 'agent', id: agent.id, key: key.thumbprint }
}

function missing(name: string): Problem {
  return oauthProblem('invalid_request', { detail: `${name} is missing` })
}
