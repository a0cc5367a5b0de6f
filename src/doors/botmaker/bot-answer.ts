import type { Answer, AnswerHead } from '../../proxy/answer.ts'
import { proxyProblem } from '../../proxy/problems.ts'
import type { Writable } from '../../proxy/recipient.ts'
import { scrubError, withoutOrganisation } from './scrub-error.ts'

/** What an answer is told to on its way. */
export interface AnswerTold {
  /** The vendor's answer begins. True: it is not for the bot, because another key is tried. */
  began(status: number, headers: readonly string[]): boolean
  passed(chunk: Buffer): void
  /** `whole`: it was the vendor's, and complete. */
  over(whole: boolean): void
  /** An answer that was not for the bot is over. */
  leave(): void
}

const MOST_ERROR = 64 * 1024

/** The bot's side of one try: an error is held until it is whole and then scrubbed, all else goes on as it comes. */
export class BotAnswer implements Writable {
  readonly #inner: Answer
  readonly #told: AnswerTold
  #mode: 'passes' | 'error' | 'left' = 'passes'
  #head: AnswerHead | undefined
  #held: Buffer[] = []
  #heldBytes = 0

  constructor(inner: Answer, told: AnswerTold) {
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
    const { status } = head
    if (this.#told.began(status, head.headers)) this.#mode = 'left'
    else if (status >= 400) {
      this.#mode = 'error'
      this.#head = head
    } else this.#inner.begin({ ...head, headers: headersOf(head.headers) })
  }

  write(chunk: Buffer): void | Promise<void> {
    if (this.#mode === 'passes') {
      this.#told.passed(chunk)
      return this.#inner.write(chunk)
    }
    this.#heldBytes += chunk.length
    if (this.#mode === 'error' && this.#heldBytes <= MOST_ERROR) this.#held.push(chunk)
    // Of an answer that nobody gets so much is read that its connection can be used again.
    if (this.#mode === 'left' && this.#heldBytes > MOST_ERROR) throw proxyProblem('answer_too_large')
    return undefined
  }

  end(trailers?: readonly string[]): void {
    if (this.#mode === 'left') {
      this.#told.leave()
      return
    }
    if (this.#mode === 'error' && this.#head !== undefined) {
      const body = Buffer.from(scrubError(Buffer.concat(this.#held).toString('utf8')))
      const { headers, ...head } = this.#head
      this.#inner.begin({ ...head, headers: headersOf(headers), length: undefined })
      if (body.length > 0) void this.#inner.write(body)
    }
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
    if (this.#mode === 'passes') this.#told.over(false)
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
