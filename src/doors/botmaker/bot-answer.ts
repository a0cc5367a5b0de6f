import type { StreamKind } from '../../llm/stream-kind.ts'
import type { AnswerHead, HeldAnswer } from '../../proxy/held-answer.ts'
import { proxyProblem } from '../../proxy/problems.ts'
import type { Writable } from '../../proxy/recipient.ts'
import { ErrorEvents } from './error-events.ts'
import { scrubError, withoutOrganisation } from './scrub-error.ts'
import { asEvents } from './whole-as-events.ts'

/** What an answer is told to on its way. */
export interface AnswerTold {
  /** Whether the bot left. */
  readonly gone: boolean
  /** Whether a whole answer is made into events. */
  readonly asEvents: boolean
  /** How the answer that began streams. */
  readonly stream: StreamKind | undefined
  /** The vendor's answer begins. True: it is not for the bot, because another key is tried. */
  began(status: number, headers: readonly string[]): boolean
  /** May throw a Problem, which ends the answer. */
  passed(chunk: Buffer): void
  /** `whole`: it was the vendor's, and complete. */
  over(whole: boolean): void
  /** An answer that was not for the bot is over. */
  leave(): void
}

const MOST_ERROR = 64 * 1024
const MOST_WHOLE = 10 * 1024 * 1024

/** The bot's side of one try: what is changed is held until it is whole, errors in a stream too; all else goes on as it comes. */
export class BotAnswer implements Writable {
  readonly #inner: HeldAnswer
  readonly #told: AnswerTold
  #mode: 'passes' | 'error' | 'whole' | 'left' = 'passes'
  #head: AnswerHead | undefined
  #errors: ErrorEvents | undefined
  #held: Buffer[] = []
  #heldBytes = 0

  constructor(inner: HeldAnswer, told: AnswerTold) {
    this.#inner = inner
    this.#told = told
  }

  get sent(): boolean {
    return this.#mode === 'passes' && this.#inner.sent
  }

  get blocked(): boolean {
    return this.#inner.blocked
  }

  get bytes(): number {
    return this.#inner.bytes
  }

  begin(head: AnswerHead): void {
    const left = this.#told.began(head.status, head.headers)
    this.#head = head
    if (left) this.#mode = 'left'
    else if (head.status >= 400) this.#mode = 'error'
    else if (this.#told.asEvents) this.#mode = 'whole'
    else this.#pass(head)
  }

  #pass(head: AnswerHead): void {
    const { stream } = this.#told
    this.#errors = stream && new ErrorEvents(stream)
    const length = this.#errors === undefined ? head.length : undefined
    this.#inner.begin({ ...head, headers: headersOf(head.headers), length })
  }

  write(chunk: Buffer): void | Promise<void> {
    if (this.#mode === 'passes') {
      this.#told.passed(chunk)
      const passing = this.#errors === undefined ? chunk : this.#errors.push(chunk)
      return passing.length === 0 ? undefined : this.#inner.write(passing)
    }
    this.#heldBytes += chunk.length
    if (this.#mode === 'whole') {
      if (this.#heldBytes > MOST_WHOLE) throw proxyProblem('answer_too_large', { facts: { maxBytes: MOST_WHOLE } })
      this.#told.passed(chunk)
      this.#held.push(chunk)
    } else if (this.#mode === 'error' && this.#heldBytes <= MOST_ERROR) this.#held.push(chunk)
    // Of an answer that nobody gets so much is read that its connection can be used again.
    else if (this.#mode === 'left' && this.#heldBytes > MOST_ERROR) throw proxyProblem('answer_too_large')
    return undefined
  }

  end(trailers?: readonly string[]): void {
    if (this.#mode === 'left') {
      this.#told.leave()
      return
    }
    if (this.#mode !== 'passes') this.#sendHeld()
    const rest = this.#errors?.flush()
    if (rest !== undefined && rest.length > 0) void this.#inner.write(rest)
    this.#inner.end(trailers)
    this.#told.over(true)
  }

  cut(): void {
    this.#inner.cut()
    this.#told.over(false)
  }

  drop(): void {
    this.#held = []
    this.#inner.drop()
    // Where nothing began, whoever refuses the call says what became of it; of a bot that left nobody does.
    if (this.#told.gone || (this.#mode !== 'left' && this.#head !== undefined)) this.#told.over(false)
  }

  #sendHeld(): void {
    const body = Buffer.concat(this.#held)
    const { headers, ...head } = this.#head as AnswerHead
    const events = this.#mode === 'whole' ? asEvents(body) : undefined
    const sent =
      events === undefined ? headers : [...without(headers, 'content-type'), 'content-type', 'text/event-stream']
    this.#inner.begin({ ...head, headers: headersOf(sent), length: undefined })
    const text = this.#mode === 'error' ? Buffer.from(scrubError(body.toString('utf8'))) : Buffer.from(events ?? body)
    if (text.length > 0) void this.#inner.write(text)
  }
}

function headersOf(sent: readonly string[]): string[] {
  const headers = withoutOrganisation(sent)
  const names = headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  const type = headers[names.indexOf('content-type') * 2 + 1] ?? ''
  const isStream = names.includes('content-type') && type.toLowerCase().startsWith('text/event-stream')
  if (isStream && !names.includes('cache-control')) headers.push('cache-control', 'no-cache')
  return headers
}

function without(headers: readonly string[], name: string): string[] {
  return headers.filter((_, at) => (headers[at - (at % 2)] as string).toLowerCase() !== name)
}
