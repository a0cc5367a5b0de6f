// Server-sent events, read by the rules of the WHATWG's HTML standard §9.2.6 ("Interpreting an event stream").
import { ClavigerError } from '../claviger-error.ts'

export interface ServerSentEvent {
  /** What stood after `event:`, else `message`. */
  readonly type: string
  readonly data: string
  /** The last id that the stream gave; empty if none. */
  readonly lastEventId: string
  /** How long the server would have a client wait before it connects anew, if it said so. */
  readonly retryMs: number | undefined
}

const LINE_END = /\r\n|\r|\n/g

/** Takes the text of a stream in whatever pieces it comes. An event that is not complete at the end is none. */
export class EventReader {
  readonly #maxChars: number
  /** Of the line that is not complete yet. */
  #line = ''
  #endedInCr = false
  #data = ''
  #type = ''
  #lastEventId = ''
  #retryMs: number | undefined
  #complete: ServerSentEvent[] = []

  /** `maxChars`: of one event. */
  constructor(maxChars: number) {
    this.#maxChars = maxChars
  }

  /** The events that became complete. Throws `event_too_large`. */
  read(piece: string): readonly ServerSentEvent[] {
    // The line was taken when its CR came, so that nobody waits for what follows: an LF now belongs to it.
    const text = this.#endedInCr && piece.startsWith('\n') ? piece.slice(1) : piece
    if (piece !== '') this.#endedInCr = piece.endsWith('\r')
    let from = 0
    for (const { index, 0: end } of text.matchAll(LINE_END)) {
      this.#take(this.#line + text.slice(from, index))
      this.#line = ''
      from = index + end.length
    }
    this.#line += text.slice(from)
    this.#bound(this.#line.length)
    const complete = this.#complete
    this.#complete = []
    return complete
  }

  #take(line: string): void {
    if (line === '') {
      this.#dispatch()
      return
    }
    this.#bound(line.length)
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data') this.#data += `${value}\n`
    else if (name === 'event') this.#type = value
    else if (name === 'id' && !value.includes('\0')) this.#lastEventId = value
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.#retryMs = Number(value)
  }

  #dispatch(): void {
    const [data, type] = [this.#data, this.#type]
    this.#data = ''
    this.#type = ''
    if (data === '') return
    this.#complete.push({
      type: type === '' ? 'message' : type,
      data: data.slice(0, -1),
      lastEventId: this.#lastEventId,
      retryMs: this.#retryMs,
    })
  }

  #bound(length: number): void {
    if (length + this.#data.length <= this.#maxChars) return
    throw new ClavigerError('event_too_large', 'An event is larger than is read', {
      detail: `more than ${this.#maxChars} characters`,
    })
  }
}
