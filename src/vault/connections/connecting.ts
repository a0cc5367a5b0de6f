/**
 * Connecting an account: the gateway asks for authorization, a human gives it at the provider, the tokens are sealed here.
 * Owns what was begun and not finished: states, code verifiers, device codes; in memory, for ten minutes at most.
 * Invariant: a state is 256 bits, good for one answer, and for the operator who began; every code has its PKCE verifier.
 * Refuses: an answer of another issuer (RFC 9207), a redirect to anything but this machine (RFC 8252 §7.3).
 */
import * as oauth from 'oauth4webapi'
import type { Clock } from '../../ground/clock.ts'
import { newId, type ServiceId } from '../../ground/ids.ts'
import type { Outbound } from '../../http/outbound.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import { checkHandle } from '../check-credential.ts'
import { type CredentialView, vaultProblem } from '../contract.ts'
import type { CredentialEntries } from '../credential-entries.ts'
import type { Sealing } from '../sealing.ts'
import { authorizationServer, type ReadyServer } from './authorization-server.ts'
import { authorizationUrl, scopeOf } from './authorization-url.ts'
import type { Begun, NewConnect, Polled } from './connect-shapes.ts'
import type { ConnectionInput } from './contract.ts'
import { failureOf, RenewalFailure } from './failure.ts'
import { type PlacesOf, securePlaces, type TokenPlaces, tokenOrigin } from './places.ts'
import type { Registrations } from './registrations.ts'
import { clientOf, renewedBy, type Send, through, tolerant } from './token-request.ts'

export interface ConnectingParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  readonly registrations: Registrations
  readonly outbound: Outbound | undefined
  readonly placesOf: PlacesOf
}

interface Pending {
  readonly input: NewConnect
  readonly server: ReadyServer
  readonly operator: string
  readonly expiresAt: number
  readonly state: string
  readonly verifier: string
  readonly device: { readonly code: string; intervalSeconds: number; notBefore: number } | undefined
}

const LIFE_MS = 600_000
/** Characters. What is longer is not kept: nothing is asked with it. */
const MAX_SCOPES = 4_096
const MAX_PENDING = 32

export class Connecting {
  readonly #parts: ConnectingParts
  readonly #pending = new Map<string, Pending>()

  constructor(parts: ConnectingParts) {
    this.#parts = parts
    parts.sealing.watch(({ state }) => {
      if (state === 'sealed') this.#pending.clear()
    })
  }

  /** Throws Problem `connect_unsupported`, `connect_failed`, `token_url_refused`, `handle_*`, `redirect_refused`. */
  async begin(input: NewConnect, by: Actor): Promise<Begun> {
    const { sealing, clock } = this.#parts
    sealing.unlocked()
    this.#checkHandle(input)
    const [places, send] = this.#way(input.service)
    const server = await authorizationServer(input.oauth, input.flow, places, send)
    const [state, verifier] = [oauth.generateRandomState(), oauth.generateRandomCodeVerifier()]
    const rest = { input, server, operator: by.id, state, verifier, expiresAt: clock.now() + LIFE_MS }
    if (input.flow === 'device') return this.#beginDevice(rest, send, by)
    const url = await authorizationUrl(rest)
    return { ...this.#keep({ ...rest, device: undefined }), flow: 'code', authorizationUrl: url }
  }

  /** `answer`: the query that the provider sent the browser back with. Throws `connect_unknown`, `connect_failed`, as register(). */
  async finish(id: string, answer: string, by: Actor): Promise<CredentialView> {
    const pending = this.#take(id, by)
    if (pending.device !== undefined) throw vaultProblem('connect_unknown')
    const { server, input, state, verifier } = pending
    const { client, auth } = this.#client(pending)
    const [, send] = this.#way(input.service)
    return this.#connected(pending, by, async () => {
      const shown = oauth.validateAuthResponse(server, client, new URLSearchParams(answer), state)
      await this.#record(pending, by)
      const uri = input.redirectUri as string
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        auth,
        shown,
        uri,
        verifier,
        through(send),
      )
      return oauth.processAuthorizationCodeResponse(server, client, response, tolerant)
    })
  }

  /** Asks once whether the human has said yes, no more often than the provider allows. Throws as finish(). */
  async poll(id: string, by: Actor): Promise<Polled> {
    const pending = this.#known(id, by)
    const { device, server, input } = pending
    if (device === undefined) throw vaultProblem('connect_unknown')
    const waitMs = device.notBefore - this.#parts.clock.now()
    if (waitMs > 0) return { status: 'pending', retryAfterSeconds: Math.ceil(waitMs / 1_000) }
    device.notBefore = this.#parts.clock.now() + device.intervalSeconds * 1_000
    const { client, auth } = this.#client(pending)
    const [, send] = this.#way(input.service)
    let said: oauth.TokenEndpointResponse
    try {
      const response = await oauth.deviceCodeGrantRequest(server, client, auth, device.code, through(send))
      said = await oauth.processDeviceCodeResponse(server, client, response, tolerant)
    } catch (error) {
      const word = error instanceof oauth.ResponseBodyError ? error.error : undefined
      if (word === 'slow_down') device.intervalSeconds += 5
      if (word === 'slow_down' || word === 'authorization_pending') {
        return { status: 'pending', retryAfterSeconds: device.intervalSeconds }
      }
      this.#pending.delete(id)
      throw connectFailed(error)
    }
    this.#pending.delete(id)
    return { status: 'connected', credential: await this.#connected(pending, by, async () => said) }
  }

  async #beginDevice(begun: Omit<Pending, 'device'>, send: Send, by: Actor): Promise<Begun> {
    const { server, input } = begun
    const { client, auth } = this.#client(begun)
    await this.#record(begun, by)
    try {
      const response = await oauth.deviceAuthorizationRequest(server, client, auth, scopeOf(input), through(send))
      const said = await oauth.processDeviceAuthorizationResponse(server, client, response)
      if (!/^https:\/\//.test(said.verification_uri)) throw new RenewalFailure('refused', 'answer_unusable')
      const now = this.#parts.clock.now()
      const intervalSeconds = Math.min(Math.max(said.interval ?? 5, 1), 60)
      const device = { code: said.device_code, intervalSeconds, notBefore: now + intervalSeconds * 1_000 }
      const expiresAt = now + Math.min(said.expires_in * 1_000, LIFE_MS)
      return {
        ...this.#keep({ ...begun, device, expiresAt }),
        flow: 'device',
        userCode: said.user_code,
        verificationUri: said.verification_uri,
        verificationUriComplete: said.verification_uri_complete,
        intervalSeconds,
      }
    } catch (error) {
      throw connectFailed(error)
    }
  }

  /** What the provider gave, sealed: in the place of the connection of that handle, where there is one. */
  async #connected(
    { input, server }: Pending,
    by: Actor,
    ask: () => Promise<oauth.TokenEndpointResponse>,
  ): Promise<CredentialView> {
    const { clock, entries, registrations } = this.#parts
    let said: oauth.TokenEndpointResponse
    let connection: ConnectionInput
    try {
      said = await ask()
      const { accessToken, refreshToken, endsAt } = renewedBy(said, clock)
      const ends = refreshToken !== undefined || said.expires_in !== undefined
      const { clientId, clientSecret, oauth: places } = input
      connection = {
        kind: 'oauth',
        ...{ accessToken, refreshToken, clientId, clientSecret, clientAuth: places?.clientAuth },
        tokenUrl: server.token_endpoint,
        ...(ends && { expiresAt: endsAt }),
        ...(said.scope !== undefined && said.scope.length <= MAX_SCOPES && { scopes: said.scope }),
      }
    } catch (error) {
      throw connectFailed(error)
    }
    const { handle, service, origins } = input
    const replace = entries.find(handle) !== undefined
    return registrations.register({ handle, service, origins, connection, replace }, by)
  }

  #checkHandle({ handle, service, flow, redirectUri }: NewConnect): void {
    checkHandle(handle)
    const there = this.#parts.entries.find(handle)
    if (there !== undefined && (there.connection === undefined || there.service !== service)) {
      throw vaultProblem('handle_taken', { facts: { handle } })
    }
    if (flow === 'code' && !LOOPBACK.test(redirectUri ?? '')) throw vaultProblem('redirect_refused')
  }

  #way(service: ServiceId): [TokenPlaces | undefined, Send] {
    const { outbound, placesOf } = this.#parts
    const places = placesOf(service)
    if (outbound === undefined || places === undefined) throw vaultProblem('connect_unsupported')
    const [pinned, { allowed }] = [securePlaces(places), places]
    return [places, (request) => outbound({ ...request, pinned, allowed })]
  }

  #client({ input, server }: Pick<Pending, 'input' | 'server'>) {
    const { clientId, clientSecret } = input
    return clientOf({ tokenUrl: server.token_endpoint, clientId, clientSecret, clientAuth: input.oauth?.clientAuth })
  }

  #keep(pending: Pending): { id: string; expiresAt: number } {
    const now = this.#parts.clock.now()
    for (const [id, { expiresAt }] of this.#pending) if (expiresAt <= now) this.#pending.delete(id)
    const [oldest] = this.#pending.keys()
    if (this.#pending.size >= MAX_PENDING && oldest !== undefined) this.#pending.delete(oldest)
    const id = newId('con')
    this.#pending.set(id, pending)
    return { id, expiresAt: pending.expiresAt }
  }

  #known(id: string, by: Actor): Pending {
    const pending = this.#pending.get(id)
    if (pending?.operator !== by.id || pending.expiresAt <= this.#parts.clock.now())
      throw vaultProblem('connect_unknown')
    return pending
  }

  /** Good once, whatever comes of it. */
  #take(id: string, by: Actor): Pending {
    const pending = this.#known(id, by)
    this.#pending.delete(id)
    return pending
  }

  /** Before anything is sent to the provider. */
  async #record({ input, server }: Pick<Pending, 'input' | 'server'>, actor: Actor): Promise<void> {
    const { handle, service, flow } = input
    const ev = { handle, service, flow, tokenOrigin: tokenOrigin(server.token_endpoint, this.#parts.placesOf(service)) }
    const record = { type: 'secret.connecting', actor, ev }
    await this.#parts.storage.write((tx) => tx.change({ kind: 'connecting', ref: handle, record }))
  }
}

const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,4}\/[A-Za-z0-9/_-]{0,64}$/

/** Nothing that the provider wrote is repeated: it may hold what must not be seen. */
function connectFailed(error: unknown) {
  if (error instanceof oauth.AuthorizationResponseError) {
    const reason = error.error === 'access_denied' ? 'access_denied' : 'refused'
    return vaultProblem('connect_failed', { facts: { reason }, cause: error })
  }
  const mismatch = error instanceof oauth.OperationProcessingError && error.code === oauth.INVALID_RESPONSE
  const reason = mismatch ? 'answer_invalid' : failureOf(error).reason
  return vaultProblem('connect_failed', { facts: { reason }, cause: error })
}
