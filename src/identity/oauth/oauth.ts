/**
 * The OAuth endpoints: tokens for registered clients, what a token says, and its end.
 *
 * Owns: the table of used assertions. Invariant: nobody gets a token here but an agent that proved its key just now, and no
 * token is more than what it comes from. Refuses: shared secrets, redirects, and to tell a stranger whose token is whose.
 */
import type { Room } from '../room.ts'
import type { AccessTokens } from '../sessions/access-tokens.ts'
import type { From, SignIn } from '../sessions/sign-in.ts'
import { refuseUnlessOk } from '../sign-ins/limits.ts'
import type { SignIns } from '../sign-ins/sign-ins.ts'
import { ClientAssertions } from './client-assertion.ts'
import { type Introspected, oauthProblem, type TokenFormOfOne, type TokenReply } from './contract.ts'
import { Metadata } from './metadata.ts'
import { type Asker, introspected } from './shown-token.ts'
import { type TokenAsked, TokenEndpoint } from './token-endpoint.ts'

export interface OAuthOptions {
  readonly room: Room
  readonly accessTokens: AccessTokens
  readonly signIn: Pick<SignIn, 'refresh' | 'claims'>
  readonly signIns: Pick<SignIns, 'limits' | 'attempt'>
  /** The audience as tokens name it, for an id or a name; undefined if there is none of that name here. */
  readonly audienceOf: (name: string) => string | undefined
  /** Ends what a token belongs to. False if it is none of ours. */
  readonly revokeShown: (token: string) => Promise<boolean>
}

export class OAuth {
  readonly metadata: Metadata
  readonly #options: OAuthOptions
  readonly #clients: ClientAssertions
  readonly #tokens: TokenEndpoint

  constructor(options: OAuthOptions) {
    const { room, signIns } = options
    const audiences = () => [
      room.issuer(),
      ...['token', 'introspect', 'revoke'].map((at) => `${room.issuer()}/oauth/${at}`),
    ]
    this.#options = options
    this.metadata = new Metadata(() => room.issuer())
    this.#clients = new ClientAssertions({ room, signIns, audiences })
    this.#tokens = new TokenEndpoint({ ...options, clients: this.#clients })
  }

  /** Throws what TokenEndpoint.answer() throws. */
  token(asked: TokenAsked): Promise<TokenReply> {
    return this.#tokens.answer(asked)
  }

  /** `bearer`: who shows a token of its own with the request. Throws Problems `invalid_request`, `invalid_client`, `rate_limited`. */
  async introspect(form: TokenFormOfOne, bearer: Asker | undefined, from: From): Promise<Introspected> {
    const { room, accessTokens, signIns } = this.#options
    room.signing.active()
    const token = tokenIn(form)
    const asker: Asker = bearer ?? { kind: 'agent', id: (await this.#clients.prove(form, from, 'assertion')).agent.id }
    if (asker.kind === 'service') refuseUnlessOk(signIns.limits.verify(asker.id))
    return introspected(token, asker, room, accessTokens)
  }

  /**
   * Whoever shows a token may end it: it can do no more harm than be used. What is none of ours is no error (RFC 7009 §2.2).
   * Throws Problems `invalid_request`, `invalid_client`, `rate_limited`.
   */
  async revoke(form: TokenFormOfOne, from: From): Promise<void> {
    this.#options.room.signing.active()
    const token = tokenIn(form)
    if (form.client_assertion !== undefined) await this.#clients.prove(form, from, 'assertion')
    await this.#options.revokeShown(token)
  }
}

function tokenIn({ token }: TokenFormOfOne): string {
  if (token === undefined) throw oauthProblem('invalid_request', { detail: 'token is missing' })
  return token
}
