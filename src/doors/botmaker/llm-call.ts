/**
 * One call of a bot, over as many keys as it takes. Another key is tried only before anything of an answer was given, and only
 * for what the vendor did not take: 401, 403, 429, and the 5xx that say so. Each try is a call of its own to the gate.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CallId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { Target } from '../../ground/target.ts'
import { headerOf } from '../../http/header-of.ts'
import type { CallMeter } from '../../llm/call-meter.ts'
import { DOOR, type Key, type Vendor } from '../../llm/contract.ts'
import type { StreamKind } from '../../llm/stream-kind.ts'
import { Answer } from '../../proxy/answer.ts'
import type { CallingAgent } from '../../proxy/carry-out.ts'
import { proxyProblem } from '../../proxy/problems.ts'
import type { Recipient, Writable } from '../../proxy/recipient.ts'
import type { BodyTransform } from '../../proxy/transform.ts'
import { type AnswerTold, BotAnswer } from './bot-answer.ts'
import type { DataNeeds } from './needs.ts'
import { retryAfterMs } from './retry-after-ms.ts'
import { sendReply, wording } from './wording.ts'

export interface LlmCallParts {
  readonly rid: string
  readonly caller: CallingAgent
  readonly vendor: Vendor
  readonly method: string
  readonly target: Target
  readonly rawHeaders: readonly string[]
  /** A buffer can be sent again with another key. */
  readonly body: Buffer | IncomingMessage | undefined
  readonly through: BodyTransform | undefined
  readonly response: ServerResponse
  readonly meter: CallMeter
  /** Whether the whole answer is made into the events that were asked for. */
  readonly asEvents: boolean
  /** In the order in which they are tried; none where the service wants none, or the agent has a grant of its own. */
  readonly keys: readonly Key[]
}

/** What a vendor says that did not take the request: to send it once more does nothing twice. */
const NOT_TAKEN: ReadonlySet<number> = new Set([401, 403, 429, 503, 529])
/** What it may say of what was asked, and not of the key. */
const THE_ASKERS: ReadonlySet<number> = new Set([403, 500])
/** What a vendor says of who asks. */
const REFUSED: ReadonlySet<number> = new Set([401, 403])
/** Which of the key's accounts is meant: a vendor answers 401 or 403 where the bot named one that the key has no part in. */
const ACCOUNT_HEADERS = ['openai-organization', 'openai-project', 'x-goog-user-project'] as const
/** Google takes who asks from there too. */
const ASKER_IN_QUERY: ReadonlySet<string> = new Set(['access_token', 'oauth_token'])
/** Ends of a call whose vendor may have done what was asked. */
const MAYBE_DONE: ReadonlySet<string> = new Set([
  'upstream_timeout',
  'upstream_broke',
  'call_ended',
  'answer_too_large',
])

const EARLY = 'It answered before it had all of the request.'

export class LlmCall implements Recipient, AnswerTold {
  readonly #needs: DataNeeds
  readonly #parts: LlmCallParts
  readonly asEvents: boolean
  #at = 0
  #leaving = false
  #refusals = 0
  #answer: BotAnswer | undefined

  constructor(needs: DataNeeds, parts: LlmCallParts) {
    this.#needs = needs
    this.#parts = parts
    this.asEvents = parts.asEvents
  }

  /** Resolves when it is on its way, or refused. */
  start(rid = this.#parts.rid): Promise<void> {
    const { caller, vendor, method, target, rawHeaders, body, through } = this.#parts
    const key = this.#key
    return this.#needs.carry({
      ...{
        rid: rid as CallId,
        ...caller,
        serviceName: key?.service ?? vendor.service,
        method,
        target,
        rawHeaders,
        body,
        through,
      },
      ...{ recipient: this, base: undefined },
      only: key === undefined ? { door: DOOR } : { door: DOOR, credential: key.id },
    })
  }

  get gone(): boolean {
    return this.#parts.response.destroyed
  }

  get stream(): StreamKind | undefined {
    return this.#parts.meter.stream
  }

  get headOnly(): boolean {
    return this.#parts.method === 'HEAD'
  }

  onGone(listener: () => void): void {
    this.#parts.response.on('close', listener)
  }

  invite(): void {
    this.#parts.response.writeContinue()
  }

  answer(broke: (error: unknown) => void): Writable {
    this.#answer = new BotAnswer(new Answer(this.#parts.response, broke), this)
    return this.#answer
  }

  refuse(problem: Problem, rid: string): void {
    // What came instead of an answer that was not for the bot: the other key is still to be tried.
    if (this.#leaving && !this.gone) {
      this.leave()
      return
    }
    const { meter, vendor, response, caller } = this.#parts
    const { code, status, title, detail, facts } = problem
    if (MAYBE_DONE.has(code)) meter.close(false, 0, this.#key?.id, status)
    else meter.giveBack()
    const key = this.#key
    if (code === 'approval_required' && key !== undefined) this.#needs.llm.keys.stay(caller.principal.agent.id, key)
    if (code.startsWith('llm_')) this.#needs.noteDenied(rid, caller.principal, code)
    const said = { ...(detail !== undefined && { detail }), facts: { ...facts, vendor: vendor.id } }
    sendReply(response, wording(new Problem(code, { status, title }, said), rid))
  }

  began(status: number, headers: readonly string[]): boolean {
    const { meter, keys } = this.#parts
    if (this.#key !== undefined && status >= 400) this.#judge(this.#key, status, headers)
    const hasNext = this.#at + 1 < keys.length
    this.#leaving = NOT_TAKEN.has(status) && hasNext && this.#canRepeat
    this.#refuseEarly(status)
    if (!this.#leaving) meter.began(status, headerOf(headers, 'content-type') ?? '')
    return this.#leaving
  }

  /** No answer begins before it is known what was asked. Throws Problems. */
  #refuseEarly(status: number): void {
    const { meter } = this.#parts
    if (meter.isJudged) return
    meter.judge()
    if (meter.isBounded && status < 400) throw proxyProblem('upstream_broke', { detail: EARLY })
  }

  /**
   * A bot can bring a 403 or a 500 about by what it asks for: those count once another bot met with them too. So it can a 401, which
   * is looked into. What one call is refused with says something of one key at most.
   */
  #judge(key: Key, status: number, headers: readonly string[]): void {
    const { llm, now } = this.#needs
    if (REFUSED.has(status)) this.#refusals += 1
    if (this.#isAskersRefusal) return
    const { agent } = this.#parts.caller.principal
    if (status === 401) {
      this.#needs.keyRefused(key, agent.id)
      return
    }
    const { id } = key
    const about = !THE_ASKERS.has(status) || llm.keys.isDoubted(id, agent.id)
    if (status === 403 && about) llm.setAside(id, status)
    else if ((status === 429 || status >= 500) && about) llm.keys.rest(id, retryAfterMs(headers, now()))
  }

  passed(chunk: Buffer): void {
    this.#parts.meter.passed(chunk)
  }

  leave(): void {
    if (!this.#leaving) return
    this.#leaving = false
    this.#at += 1
    // Not before the try that ends here has left the gate.
    setImmediate(() => void this.start(this.#needs.nextRid()))
  }

  over(whole: boolean): void {
    this.#parts.meter.close(whole, this.#answer?.bytes ?? 0, this.#key?.id)
  }

  get #key(): Key | undefined {
    return this.#parts.keys[this.#at]
  }

  /** Other keys would be refused as well: none is tried, and none set aside. */
  get #isAskersRefusal(): boolean {
    const { rawHeaders, target } = this.#parts
    if (this.#refusals === 0) return false
    if (this.#refusals > 1 || target.pairs.some(({ name }) => ASKER_IN_QUERY.has(name))) return true
    return ACCOUNT_HEADERS.some((name) => headerOf(rawHeaders, name) !== undefined)
  }

  get #canRepeat(): boolean {
    const { body } = this.#parts
    if (this.#isAskersRefusal) return false
    return body === undefined || Buffer.isBuffer(body)
  }
}
