import { randomFillSync } from 'node:crypto'
import { CLOSE, mask } from './frame-reader.ts'

/** Where frames go. */
export interface FrameOutlet {
  write(bytes: Buffer): unknown
}

const KEYS = 4 * 1024
const keys = Buffer.alloc(KEYS)
let used = KEYS

/** Masking keys nobody can foretell (RFC 6455 §10.3), made many at a time. Gives where the next stands. */
function nextKey(): number {
  if (used === KEYS) {
    randomFillSync(keys)
    used = 0
  }
  used += 4
  return used - 4
}

/** Writes frames (RFC 6455 §5.2), masked or not, with their payload at once or as it comes. */
export class FrameWriter {
  /** Frames and payload bytes that went. */
  frames = 0
  bytes = 0
  /** Whether a frame is begun and not ended: then nothing else can be written. */
  inside = false
  readonly #to: FrameOutlet
  readonly #masks: boolean
  readonly #key = Buffer.alloc(4)
  #at = 0

  constructor(to: FrameOutlet, masks: boolean) {
    this.#to = to
    this.#masks = masks
  }

  /** The head of a frame whose payload follows by `more`. */
  begin(opcode: number, last: boolean, length: number): void {
    this.frames += 1
    this.inside = true
    this.#at = 0
    this.#to.write(this.#head(opcode, last, length))
  }

  /** The bytes are changed. */
  more(bytes: Buffer, ends: boolean): void {
    if (this.#masks) this.#at = mask(bytes, this.#key, 0, this.#at)
    this.bytes += bytes.length
    if (ends) this.inside = false
    if (bytes.length > 0) this.#to.write(bytes)
  }

  /** A whole frame. The bytes are changed. */
  frame(opcode: number, last: boolean, bytes: Buffer): void {
    this.begin(opcode, last, bytes.length)
    this.more(bytes, true)
  }

  close(code: number, reason: string): void {
    const payload = Buffer.alloc(2 + reason.length)
    payload.writeUInt16BE(code)
    payload.write(reason, 2, 'latin1')
    this.frame(CLOSE, true, payload)
  }

  #head(opcode: number, last: boolean, length: number): Buffer {
    const long = length < 126 ? 0 : length < 65_536 ? 2 : 8
    const head = Buffer.allocUnsafe(2 + long + (this.#masks ? 4 : 0))
    head[0] = opcode | (last ? 0x80 : 0)
    head[1] = (this.#masks ? 0x80 : 0) | (long === 0 ? length : long === 2 ? 126 : 127)
    if (long === 2) head.writeUInt16BE(length, 2)
    if (long === 8) {
      head.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
      head.writeUInt32BE(length % 2 ** 32, 6)
    }
    if (this.#masks) {
      const at = nextKey()
      keys.copy(this.#key, 0, at, at + 4)
      this.#key.copy(head, 2 + long)
    }
    return head
  }
}
