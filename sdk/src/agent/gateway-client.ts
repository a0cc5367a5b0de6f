// What everybody with a token can do at a gateway, wherever the token comes from.
import type { FetchHeaders } from '../platform.ts'
import type { Wire } from '../wire.ts'
import {
  type AnsweredApproval,
  type Approval,
  type ApprovalRequest,
  Approvals,
  type StatedApproval,
  type WaitOptions,
} from './approvals.ts'
import { type Caller, gatewayUrl } from './call.ts'
import { type AnswerOptions, answerTo, callLater, type LaterCall, type LaterOptions } from './later-call.ts'
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
  readonly #approvals: Approvals

  protected constructor(wire: Wire, caller: Caller) {
    this.#wire = wire
    this.#caller = caller
    this.#approvals = new Approvals(wire, caller)
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
   * Asks a human about something that this agent does itself, and does not wait: `waitForVerdict(id)` does. Throws the gateway's refusals
   * (BusyError where too much waits, or after a denial), `gateway_unreachable`.
   */
  async requestApproval(request: ApprovalRequest): Promise<StatedApproval> {
    return this.#approvals.request(request)
  }

  /**
   * The approval once it is answered, expired or taken back, of a stated action or of a call (`approvalId` of an ApprovalError); with its
   * receipt where somebody said yes or no. Outlives a restart of the gateway. Throws `verdict_timeout`, the signal's reason, refusals.
   */
  async waitForVerdict(id: string, options: WaitOptions = {}): Promise<AnsweredApproval> {
    return this.#approvals.wait(id, options)
  }

  /**
   * The same as `call()`, but a call that a human must approve is left with the gateway, which sends it once there is a yes: then this
   * resolves at once, and `answer()` of it waits. For clients with an API key (`clv_ak_…`): others get `async_refused` where a human is
   * asked. Throws what `call()` throws.
   */
  async callLater(service: string, options: LaterOptions = {}): Promise<LaterCall> {
    return callLater(this.#caller, this.#wire.baseUrl, this.#approvals, service, options)
  }

  /**
   * What the service answered to a call that was left with the gateway, by the id of its approval: in another process too, for a day. Throws
   * ApprovalError (`approval_denied`, `approval_not_given`), `answer_none` (`facts.sending` is `failed` where it may have been
   * sent, `facts.reason` a code), `answer_forgotten`, `verdict_timeout`, `answer_timeout`, the signal's reason.
   */
  async answerTo(approvalId: string, options: AnswerOptions = {}): Promise<ServiceAnswer> {
    return answerTo(this.#caller, this.#wire.baseUrl, this.#approvals, approvalId, options)
  }

  /** How it stands now. */
  async approval(id: string): Promise<Approval> {
    return this.#approvals.get(id)
  }

  /** Takes back what nobody answered yet. */
  async cancelApproval(id: string): Promise<Approval> {
    return this.#approvals.cancel(id)
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
