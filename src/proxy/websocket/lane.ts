// One direction of a WebSocket: frames are read from one end and written to the other, in their order and no faster than
// they are taken there. What is searched for the credential goes out message by message or in fragments of it, as it comes
// (RFC 6455 §5.4 lets who negotiates no extension cut messages anew); what is not keeps its frames.
import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import type { MarkWatch } from '../placeholders/mark-scan.ts'
import type { SecretMatcher } from '../scrub/matcher.ts'
import { type ScrubbedBody, scrubBody } from '../scrub/scrub-body.ts'
import {
  CLOSE,
  CONTINUATION,
  closeCodes,
  type FrameLimits,
  FrameReader,
  FrameRefused,
  type FrameSink,
} from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'

/** Who hears how it goes. */
export interface LaneOwner {
  /** The watch's time. */
  readonly now: number
  moved(): void
  /** The close is about to go over: it waits for what this gives, where it gives something. */
  closes(lane: Lane, payloadBytes: number): Promise<unknown> | undefined
  /** The close went over. */
  closed(): void
  /** Its end left; whatever it sent has gone over. */
  left(lane: Lane): void
  broke(lane: Lane, error: unknown): void
}

export interface LaneOptions {
  readonly from: Socket
  readonly to: Socket
  /** Whether it leads from the caller, who masks, to the service, for whom is masked. */
  readonly up: boolean
  /** What is searched for; undefined where nothing is. */
  readonly matcher: SecretMatcher | undefined
  readonly limits: FrameLimits
  /** What must not go over, which it throws at. */
  readonly watch?: MarkWatch | undefined
}

/** Frames that say nothing, in ten seconds: pings, pongs, and pieces without bytes. */
const MOST_IDLE_FRAMES = 1_000
const WINDOW_MS = 10_000
const LONGEST_CONTROL = 125

type Step = () => void | Promise<void>

export class Lane implements FrameSink {
  readonly up: boolean
  readonly writer: FrameWriter
  /** Whether the close of this direction went over: nothing follows it. */
  closed = false
  readonly #from: Socket
  readonly #to: Socket
  readonly #owner: LaneOwner
  readonly #matcher: SecretMatcher | undefined
  readonly #reader: FrameReader
  readonly #watch: MarkWatch | undefined
  /** What is to be done after what is waited for; undefined while nothing is. */
  #waiting: Step[] | undefined
  #ended = false
  #stopped = false
  #hits = 0
  /** Of the message that is searched. */
  #body: ScrubbedBody | undefined
  #opcode = CONTINUATION
  #last = false
  #idleFrames = 0
  #windowFrom = Number.NEGATIVE_INFINITY

  constructor({ from, to, up, matcher, limits, watch }: LaneOptions, owner: LaneOwner) {
    this.up = up
    this.#from = from
    this.#to = to
    this.#owner = owner
    this.#matcher = matcher
    this.#watch = watch
    this.#reader = new FrameReader(this, up, limits)
    this.writer = new FrameWriter(to, up)
  }

  start(): void {
    this.#from
      .on('data', this.#came)
      .once('end', () => {
        this.#ended = true
        this.#step(() => this.#owner.left(this))
      })
      .once('close', () => {
        if (!this.#ended) this.#owner.left(this)
      })
    this.#to.on('drain', this.#drained)
    this.#from.resume()
  }

  /** Nothing more goes over; what still comes is thrown away. May be called twice. */
  stop(): void {
    this.#stopped = true
    this.#waiting = undefined
    this.#body?.transform.destroy?.()
    this.#from.off('data', this.#came).resume()
    this.#to.off('drain', this.#drained)
  }

  /** Whether its other end is slower than it. */
  get blocked(): boolean {
    return this.#to.writableNeedDrain
  }

  /** How often the secret was taken out. */
  get hits(): number {
    return this.#hits + (this.#body?.hits() ?? 0)
  }

  begins(opcode: number, last: boolean, length: number): void {
    if (length === 0 && !last) this.#saysNothing()
    if (this.#matcher === undefined) {
      this.writer.begin(opcode, last, length)
      return
    }
    const matcher = this.#matcher
    this.#step(() => {
      this.#last = last
      if (opcode === CONTINUATION) return
      this.#opcode = opcode
      this.#body = scrubBody(matcher, undefined)
    })
  }

  payload(bytes: Buffer, ends: boolean): void {
    this.#watch?.see(bytes)
    if (this.#matcher === undefined) this.writer.more(bytes, ends)
    else this.#step(() => this.#search(this.#body as ScrubbedBody, bytes, ends && this.#last))
  }

  control(opcode: number, payload: Buffer): void {
    this.#saysNothing()
    // It may stand between the pieces of a message, and is none of it.
    this.#watch?.alone(payload)
    this.#step(() => {
      const cleaned = this.#clean(opcode, payload)
      const wait = opcode === CLOSE ? this.#owner.closes(this, cleaned.length) : undefined
      if (wait === undefined) return this.#whole(opcode, cleaned)
      return wait.then(() => this.#whole(opcode, cleaned))
    })
  }

  #whole(opcode: number, payload: Buffer): void {
    if (this.#stopped) return
    this.writer.frame(opcode, true, payload)
    if (opcode !== CLOSE) return
    this.closed = true
    this.#owner.closed()
  }

  readonly #came = (chunk: Buffer): void => {
    this.#owner.moved()
    this.#to.cork()
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.#owner.broke(this, error)
    } finally {
      this.#to.uncork()
    }
    if (this.blocked) this.#from.pause()
  }

  readonly #drained = (): void => {
    this.#owner.moved()
    if (this.#waiting === undefined && !this.blocked) this.#from.resume()
  }

  /** Does it at once, or in its turn. */
  #step(step: Step): void {
    if (this.#stopped) return
    if (this.#waiting !== undefined) {
      this.#waiting.push(step)
      return
    }
    const wait = step()
    if (wait === undefined) return
    this.#waiting = []
    this.#from.pause()
    wait.then(
      () => this.#goOn(),
      (error) => this.#owner.broke(this, error),
    )
  }

  #goOn(): void {
    const steps = this.#waiting ?? []
    this.#waiting = undefined
    this.#owner.moved()
    try {
      while (steps.length > 0 && this.#waiting === undefined) this.#step(steps.shift() as Step)
    } catch (error) {
      this.#owner.broke(this, error)
    }
    if (this.#waiting !== undefined) (this.#waiting as Step[]).push(...steps)
    else if (!this.#stopped && !this.blocked) this.#from.resume()
  }

  #search(body: ScrubbedBody, bytes: Buffer, final: boolean): void | Promise<void> {
    const found: Buffer[] = []
    const emit = (chunk: Buffer) => void found.push(chunk)
    const flush = () => (final ? body.transform.flush(emit) : undefined)
    const pushed = bytes.length === 0 ? undefined : body.transform.push(bytes, emit)
    const flushed = pushed === undefined ? flush() : pushed.then(flush)
    if (flushed === undefined) return this.#send(body, found, final)
    return flushed.then(() => this.#send(body, found, final))
  }

  #send(body: ScrubbedBody, found: Buffer[], final: boolean): void {
    if (this.#stopped || (found.length === 0 && !final)) return
    this.writer.frame(this.#opcode, final, found.length === 1 ? (found[0] as Buffer) : Buffer.concat(found))
    this.#opcode = CONTINUATION
    if (!final) return
    this.#hits += body.hits()
    this.#body = undefined
    body.transform.destroy?.()
  }

  /** The secret is taken out of what people write there too; what is too long then is cut. */
  #clean(opcode: number, payload: Buffer): Buffer {
    if (this.#matcher === undefined || payload.length === 0) return payload
    const from = opcode === CLOSE ? 2 : 0
    const text = payload.toString('latin1', from)
    const cleaned = this.#matcher.text(text)
    if (cleaned === text) return payload
    this.#hits += 1
    let whole = Buffer.concat([payload.subarray(0, from), Buffer.from(cleaned, 'latin1')]).subarray(0, LONGEST_CONTROL)
    while (opcode === CLOSE && !isUtf8(whole.subarray(from))) whole = whole.subarray(0, -1)
    return whole
  }

  #saysNothing(): void {
    const { now } = this.#owner
    if (now - this.#windowFrom >= WINDOW_MS) {
      this.#windowFrom = now
      this.#idleFrames = 0
    }
    this.#idleFrames += 1
    if (this.#idleFrames > MOST_IDLE_FRAMES) throw new FrameRefused(closeCodes.policy, 'control flood')
  }
}
