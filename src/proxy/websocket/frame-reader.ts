// Reads frames (RFC 6455 §5.2) as strictly as they must be written. What a frame announces is judged by its head, and what
// it holds is handed on as it comes: kept are a head and the 125 bytes of a control frame, whatever is announced.
// That text is UTF-8 is not checked: it is whole only at its end, where the receiver checks it anyway.
import { isUtf8 } from 'node:buffer'

export const CONTINUATION = 0
const BINARY = 2
export const CLOSE = 8
const PONG = 10

export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  protocol: 1002,
  text: 1007,
  policy: 1008,
  tooBig: 1009,
  broke: 1011,
}

/** Why a connection is ended, with the status code for who is at fault (RFC 6455 §7.4.1). */
export class FrameRefused extends Error {
  readonly closeCode: number

  constructor(closeCode: number, what: string) {
    super(what)
    this.closeCode = closeCode
  }
}

/** Who gets what was read. */
export interface FrameSink {
  /** A frame of a message begins. */
  begins(opcode: number, last: boolean, length: number): void
  /** Bytes of it, unmasked; they are the sink's to change. `ends`: the last of the frame. */
  payload(bytes: Buffer, ends: boolean): void
  /** A ping, a pong or the close, whole. */
  control(opcode: number, payload: Buffer): void
}

export interface FrameLimits {
  /** Bytes of a frame, and of a message. */
  readonly messageBytes: number
  /** Bytes of all frames together. */
  readonly totalBytes: number
}

const LONGEST_HEAD = 14
const NOTHING = Buffer.alloc(0)

export class FrameReader {
  /** Frames and payload bytes that came. */
  frames = 0
  bytes = 0
  readonly #sink: FrameSink
  readonly #masked: boolean
  readonly #limits: FrameLimits
  readonly #head = Buffer.alloc(LONGEST_HEAD)
  #had = 0
  /** Of the head; 0 while payload is read. */
  #needs = 2
  #opcode = 0
  #last = false
  #left = 0
  #at = 0
  /** Of a control frame. */
  #control: Buffer | undefined
  /** Whether a message is open, and how much of it came. */
  #open = false
  #message = 0
  #closed = false

  /** `masked`: whether the sender must mask, as a client must, or must not. */
  constructor(sink: FrameSink, masked: boolean, limits: FrameLimits) {
    this.#sink = sink
    this.#masked = masked
    this.#limits = limits
  }

  /** Throws FrameRefused. The chunk is the reader's to change. What comes behind a close is passed over. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#closed)
      at = this.#needs > 0 ? this.#readHead(chunk, at) : this.#readBody(chunk, at)
  }

  #readHead(chunk: Buffer, from: number): number {
    const taken = Math.min(this.#needs - this.#had, chunk.length - from)
    chunk.copy(this.#head, this.#had, from, from + taken)
    this.#had += taken
    if (this.#had === 2 && this.#needs === 2) this.#judgeStart()
    if (this.#had === this.#needs) this.#begin()
    return from + taken
  }

  /** The first two bytes: all but the length of what is longer than 125. */
  #judgeStart(): void {
    const [first, second] = [this.#head[0] as number, this.#head[1] as number]
    this.#opcode = first & 0x0f
    this.#last = (first & 0x80) !== 0
    const length = second & 0x7f
    if ((first & 0x70) !== 0) throw broken('reserved bits')
    if (((second & 0x80) !== 0) !== this.#masked) throw broken('masking')
    if (this.#opcode >= CLOSE) {
      if (this.#opcode > PONG) throw broken('opcode')
      if (!this.#last || length > 125) throw broken('control frame')
    } else {
      if (this.#opcode > BINARY) throw broken('opcode')
      if ((this.#opcode === CONTINUATION) !== this.#open) throw broken('fragments')
    }
    this.#needs = 2 + (length < 126 ? 0 : length === 126 ? 2 : 8) + (this.#masked ? 4 : 0)
  }

  #begin(): void {
    const length = this.#length()
    const { messageBytes, totalBytes } = this.#limits
    this.bytes += length
    this.frames += 1
    this.#left = length
    this.#at = 0
    this.#needs = 0
    if (this.#opcode < CLOSE) this.#message = (this.#open ? this.#message : 0) + length
    if (this.#message > messageBytes) throw new FrameRefused(closeCodes.tooBig, 'message bytes')
    if (this.bytes > totalBytes) throw new FrameRefused(closeCodes.policy, 'total bytes')
    if (this.#opcode >= CLOSE) this.#control = Buffer.allocUnsafe(length)
    else {
      this.#open = !this.#last
      this.#sink.begins(this.#opcode, this.#last, length)
    }
    if (length === 0) this.#ended(NOTHING)
  }

  /** In its shortest form (RFC 6455 §5.2), or it is refused. */
  #length(): number {
    const short = (this.#head[1] as number) & 0x7f
    if (short < 126) return short
    if (short === 126) {
      const length = this.#head.readUInt16BE(2)
      if (length < 126) throw broken('length')
      return length
    }
    const high = this.#head.readUInt32BE(2)
    const length = high * 2 ** 32 + this.#head.readUInt32BE(6)
    if (length < 65_536 || high >= 2 ** 31) throw broken('length')
    return length
  }

  #readBody(chunk: Buffer, from: number): number {
    const end = Math.min(chunk.length, from + this.#left)
    const bytes = chunk.subarray(from, end)
    if (this.#masked) this.#at = mask(bytes, this.#head, this.#had - 4, this.#at)
    this.#left -= bytes.length
    if (this.#control !== undefined) bytes.copy(this.#control, this.#control.length - this.#left - bytes.length)
    if (this.#left === 0) this.#ended(bytes)
    else if (this.#control === undefined) this.#sink.payload(bytes, false)
    return end
  }

  #ended(bytes: Buffer): void {
    const control = this.#control
    this.#had = 0
    this.#needs = 2
    this.#control = undefined
    if (control === undefined) this.#sink.payload(bytes, true)
    else {
      if (this.#opcode === CLOSE) this.#judgeClose(control)
      this.#sink.control(this.#opcode, control)
    }
  }

  /** RFC 6455 §5.5.1, §7.4. */
  #judgeClose(payload: Buffer): void {
    this.#closed = true
    if (payload.length === 0) return
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0)
    const known = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
    if (!known && !(code >= 3000 && code <= 4999)) throw broken('close code')
    if (!isUtf8(payload.subarray(2))) throw new FrameRefused(closeCodes.text, 'close reason')
  }
}

const broken = (what: string) => new FrameRefused(closeCodes.protocol, what)

/** RFC 6455 §5.3, in place. `key` stands in `holder` at `offset`; `at` is the place in the payload. Gives the place behind it. */
export function mask(bytes: Buffer, holder: Buffer, offset: number, at: number): number {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] as number) ^ (holder[offset + ((at + i) & 3)] as number)
  return (at + bytes.length) & 3
}
