// What everybody with a token can do at a gateway, wherever the token comes from.
import type { FetchHeaders } from '../platform.ts'
import type { Wire } from '../wire.ts'
import { type Caller, gatewayUrl } from './call.ts'
import type { ServiceAnswer } from './service-answer.ts'
import { type CallOptions, callService, jsonOf } from './service-call.ts'
import {
  type ActionToken,
  type CallActionOptions,
  callAction,
  type IssueTokenOptions,
  issueToken,
} from './vault-actions.ts'

export abstract class GatewayClient {
  readonly #wire: Wire
  readonly #caller: Caller

  protected constructor(wire: Wire, caller: Caller) {
    this.#wire = wire
    this.#caller = caller
  }

  /**
   * Calls a service through the gateway, which adds the credential: `agent.call('github', { path: '/user' })`. Follows no
   * redirect. Whatever the service answers is the result, whatever its status; what the gateway refuses is thrown, as the
   * error class of its family. Throws ConnectionError where nobody answers, and the signal's reason.
   */
  async call(service: string, options: CallOptions = {}): Promise<ServiceAnswer> {
    return callService(this.#caller, this.#wire.baseUrl, service, options)
  }

  /** The same, and the JSON of the answer; undefined for an empty one. Throws ServiceError where its status is not 2xx. */
  async callJson<T = unknown>(service: string, options: CallOptions = {}): Promise<T | undefined> {
    const headers = new Headers(options.headers as FetchHeaders | undefined)
    if (!headers.has('accept')) headers.set('accept', 'application/json')
    return jsonOf<T>(await this.call(service, { ...options, headers }))
  }

  /**
   * The same as `fetch` of the platform: `agent.fetch('github', '/user')`. Refusals of the gateway are answers here too.
   * Throws `path_invalid`, and what authentication throws.
   */
  async fetch(service: string, path: string, init: RequestInit = {}): Promise<Response> {
    return this.#caller.send(gatewayUrl(this.#wire.baseUrl, service, path), init)
  }

  /**
   * A short token of the agentic-credential-vault door, for a service that is described there and some of its scopes. Throws that
   * door's refusals.
   */
  async issueToken(service: string, scope: readonly string[], options: IssueTokenOptions = {}): Promise<ActionToken> {
    return issueToken(this.#caller, this.#wire.baseUrl, { ...options, service, scope })
  }

  /** Calls an action by its name with such a token, whoever got it. The service's answer, whatever its status. */
  async callAction(
    token: string,
    service: string,
    action: string,
    params: Readonly<Record<string, unknown>> = {},
    options: CallActionOptions = {},
  ): Promise<ServiceAnswer> {
    return callAction(this.#wire, { token, service, action, params }, options)
  }
}
