// Tokens that are bound to a key are worth nothing without it: who shows one also proves, with each call, that it holds
// the key (RFC 9449). One check for every way in.
import { createSecretKey, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock } from './ground/clock.ts'
import type { Client } from './http/client-address.ts'
import { identityProblem, type Principal } from './identity/contract.ts'
import { Dpop, type DpopVerdict, dpopHeader } from './identity/oauth/dpop.ts'

export interface PossessionOptions {
  readonly clock: Clock
  readonly bootId: string
  readonly issuer: () => string
  readonly clientOf: (request: IncomingMessage) => Client
}

export class Possession {
  readonly dpop: Dpop
  readonly #options: PossessionOptions

  constructor(options: PossessionOptions) {
    const { clock, bootId } = options
    this.#options = options
    this.dpop = new Dpop({ clock, bootId, secret: createSecretKey(randomBytes(32)) })
  }

  /** The principal, once it is shown that the caller holds the key its token is bound to. Throws Problem `possession_unproven`. */
  proven<P extends Principal>(principal: P, presented: string, request: IncomingMessage): P {
    if (principal.kind !== 'agent' || principal.token.kind !== 'jwt') return principal
    const { jkt } = principal.token
    if (jkt !== undefined) this.#check(request, presented, jkt)
    return principal
  }

  /** Thumbprint of the key that the request proves, if it proves one. Throws Problem `possession_unproven` for a bad proof. */
  jktOf(request: IncomingMessage): string | undefined {
    return dpopHeader(request.rawHeaders) === undefined ? undefined : this.#check(request)
  }

  #check(request: IncomingMessage, accessToken?: string, jkt?: string): string {
    const { rawHeaders, method = '', url: path = '' } = request
    const origins = [this.#options.issuer(), this.#originAsked(request)]
    const proof = dpopHeader(rawHeaders)
    const verdict = this.dpop.check({ proof, method, url: { origins, path }, accessToken, jkt })
    if (!verdict.ok) throw refusal(verdict)
    return verdict.jkt
  }

  /** As the caller addressed us. Its Host was checked against the listener's names before. */
  #originAsked(request: IncomingMessage): string {
    const scheme = this.#options.clientOf(request).secure ? 'https' : 'http'
    return `${scheme}://${request.headers.host ?? ''}`
  }
}

function refusal({ error, nonce }: Extract<DpopVerdict, { ok: false }>) {
  return identityProblem('possession_unproven', {
    detail: error,
    facts: { error, ...(nonce !== undefined && { dpopNonce: nonce }) },
  })
}
