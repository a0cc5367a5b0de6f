/**
 * Errors in the midst of a stream: there vendors say of the key and of its organisation what they say in refusals, and it is taken out
 * in the same way. A piece of the stream (`stream-pieces.ts`), of which nobody can make anything before it is whole, is held until
 * then, or until it is longer than errors are; what is no error goes on as it came.
 */
import type { StreamKind } from '../../llm/stream-kind.ts'
import { scrubError } from './scrub-error.ts'
import { Elements, Lines, type Pieces } from './stream-pieces.ts'

const MOST_HELD = 64 * 1024
/** What is held in more pieces is put together: each of them may keep the memory that it was read into. */
const MOST_PIECES = 256
/** Of an error that is too long to hold so much is looked through at a time. */
const AT_A_TIME = 4 * 1024
const NONE = Buffer.alloc(0)
const LINE_FEED = 0x0a
const RETURN = 0x0d
const FIELD = /^(?:(event|data|id|retry):|:)/
const ERROR_EVENT = /^event: ?error[\r\n]*$/
/** How JSON of an error begins, where the rest of it is not there. No space may be read in two ways: a vendor may send many. */
const BEGINNING = /^\s*(?:\[\s*)?(?:\{\s*)?"(?:error"\s*:\s*(?:\{|"[^"])|type"\s*:\s*"(?:error|response\.failed)")/
/** No mask of a key has one of these in it. */
const BREAKS = [' ', ',', '"'] as const

type Json = Readonly<Record<string, unknown>>

export class ErrorEvents {
  readonly #pieces: Pieces
  readonly #isEvents: boolean
  #held: Buffer[] = []
  #heldBytes = 0
  /** Of an error that is too long: how much of what is held was looked through, and is a word without an end. */
  #lookedAt = 0
  /** What becomes of the rest of a piece that was too long to hold. */
  #rest: 'none' | 'passes' | 'is scrubbed' = 'none'
  #isErrorEvent = false
  #endedByReturn = false

  constructor(kind: StreamKind) {
    this.#pieces = kind === 'list' ? new Elements() : new Lines()
    this.#isEvents = kind === 'events'
  }

  /** What goes on now: the chunk itself, nearly always. */
  push(chunk: Buffer): Buffer {
    if (this.#isPlain(chunk)) return chunk
    const out: Buffer[] = []
    let at = 0
    while (at < chunk.length) {
      const end = this.#pieces.end(chunk, at)
      const part = chunk.subarray(at, end < 0 ? chunk.length : end)
      this.#take(part, end >= 0, out)
      at += part.length
    }
    return joined(out)
  }

  /** The stream is over: what is held of a piece without an end. */
  flush(): Buffer {
    if (this.#heldBytes === 0) return NONE
    return this.#rest === 'none' ? this.#judged(this.#release()) : scrubbed(this.#release())
  }

  /** Whole lines that begin and end here, and say nothing of an error. */
  #isPlain(chunk: Buffer): boolean {
    if (this.#pieces instanceof Elements || this.#heldBytes > 0 || this.#rest !== 'none' || this.#isErrorEvent)
      return false
    return chunk.at(-1) === LINE_FEED && !chunk.includes('error')
  }

  #take(part: Buffer, isEnd: boolean, out: Buffer[]): void {
    if (this.#rest === 'passes') out.push(part)
    else {
      this.#hold(part)
      if (this.#rest === 'is scrubbed' && isEnd) out.push(scrubbed(this.#release()))
      else if (this.#rest === 'is scrubbed') {
        if (this.#heldBytes - this.#lookedAt >= AT_A_TIME) out.push(this.#firstPart())
      } else if (isEnd) out.push(this.#judged(this.#release()))
      else if (this.#heldBytes > MOST_HELD) this.#giveUp(out)
    }
    if (isEnd) this.#rest = 'none'
  }

  #hold(part: Buffer): void {
    this.#held.push(part)
    this.#heldBytes += part.length
    if (this.#held.length > MOST_PIECES) this.#held = [joined(this.#held)]
  }

  #giveUp(out: Buffer[]): void {
    const head = joined(this.#held)
    const isError = this.#isErrorEvent || BEGINNING.test(this.#jsonOf(head.toString('latin1', 0, 1_024)) ?? '')
    this.#rest = isError ? 'is scrubbed' : 'passes'
    out.push(isError ? this.#firstPart() : this.#release())
  }

  /** Of an error that is too long to hold: up to a place where nothing is cut in two. */
  #firstPart(): Buffer {
    const text = this.#release()
    const end = Math.max(...BREAKS.map((one) => text.lastIndexOf(one)))
    // So long a word is none that is looked for.
    if (end < 0) return text.length > MOST_HELD ? text : this.#keep(text, 0)
    return this.#keep(text, end)
  }

  #keep(text: Buffer, end: number): Buffer {
    this.#held = [text.subarray(end)]
    this.#heldBytes = text.length - end
    this.#lookedAt = this.#heldBytes
    return scrubbed(text.subarray(0, end))
  }

  #release(): Buffer {
    const whole = joined(this.#held)
    this.#held = []
    this.#heldBytes = 0
    this.#lookedAt = 0
    return whole
  }

  #judged(piece: Buffer): Buffer {
    if (this.#isEvents) this.#readField(piece)
    if (!this.#isErrorEvent && !piece.includes('error')) return piece
    const json = this.#jsonOf(piece.toString('utf8'))
    if (json === undefined) return piece
    // Of one that goes over many lines only the beginning says what it is.
    if (this.#isEvents && BEGINNING.test(json)) this.#isErrorEvent = true
    return this.#isErrorEvent || isError(parsed(json)) ? scrubbed(piece) : piece
  }

  /** Which event it is, until the empty line that ends it. */
  #readField(line: Buffer): void {
    const isBreakOnly = line.length < 3 && (line[0] === LINE_FEED || line[0] === RETURN)
    // The second half of an end of line that came in two chunks.
    const isHalf = this.#endedByReturn && line.length === 1 && line[0] === LINE_FEED
    this.#endedByReturn = line.at(-1) === RETURN
    if (isBreakOnly && !isHalf) this.#isErrorEvent = false
    else if (line[0] === 0x65 && ERROR_EVENT.test(line.toString('latin1', 0, 64))) this.#isErrorEvent = true
  }

  #jsonOf(piece: string): string | undefined {
    if (!this.#isEvents) return piece
    const field = FIELD.exec(piece)
    if (field === null) return piece
    return field[1] === 'data' ? piece.slice(field[0].length) : undefined
  }
}

const joined = (list: readonly Buffer[]) => (list.length === 1 ? (list[0] as Buffer) : Buffer.concat(list))

/** The same bytes where there is nothing to take out. */
function scrubbed(piece: Buffer): Buffer {
  const text = piece.toString('utf8')
  const clean = scrubError(text)
  return clean === text ? piece : Buffer.from(clean)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** As OpenAI, Anthropic, Google and OpenRouter say it. */
function isError(value: unknown): boolean {
  return Array.isArray(value) ? value.some(isOne) : isOne(value)
}

function isOne(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { error, type, response, choices } = value as Json
  if (isSaid(error) || type === 'error' || type === 'response.failed') return true
  if (isSaid((response as Json | null | undefined)?.error)) return true
  return Array.isArray(choices) && choices.some((one: Json | null) => isSaid(one?.error))
}

const isSaid = (error: unknown) => error !== undefined && error !== null && error !== false && error !== ''
