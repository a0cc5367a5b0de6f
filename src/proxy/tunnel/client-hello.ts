// Reads a client's first message of TLS (RFC 8446 §4.1.2, §5.1) as it comes. Its invariant: what a call of take() costs depends on the
// bytes that came with it and never on those before, so that a client that trickles costs no more than one that does not.
import { nameIn, type ServerName } from './server-name.ts'

const HEADER = 5
const HANDSHAKE = 22
const CLIENT_HELLO = 1
/** Of the message, with its own four bytes of header. The longest seen, with keys against quantum computers, have 2 KiB. */
const MOST_BYTES = 16 * 1024
const MOST_RECORDS = 16
/** A record that leaves the message open has at least so much of it. */
const LEAST_RECORD = 64
/** What clients send before a second hello (RFC 8446 §D.4): change_cipher_spec, which changes nothing. */
const CHANGE = 20
const CHANGE_BYTES = [3, 3, 0, 1, 1]

export class ClientHello {
  readonly #second: boolean
  #raw = Buffer.allocUnsafe(2048)
  #filled = 0
  /** Where the record begins that is not all there. */
  #at = 0
  readonly #pieces: { readonly from: number; readonly to: number }[] = []
  #have = 0

  /** `second`: the one after the server asked for another. */
  constructor(second = false) {
    this.#second = second
  }

  /** `more` while it is not all there; to be called no more once it says anything else. */
  take(bytes: Buffer): 'more' | ServerName {
    this.#keep(bytes)
    try {
      return this.#read()
    } catch {
      // It is no hello, or something reached beyond the end of what it stood in.
      return 'not_tls'
    }
  }

  /** All that came, as it came: the hello's records, and what follows them. */
  get said(): { readonly hello: Buffer; readonly rest: Buffer } {
    return { hello: this.#raw.subarray(0, this.#at), rest: this.#raw.subarray(this.#at, this.#filled) }
  }

  #keep(bytes: Buffer): void {
    const filled = this.#filled + bytes.length
    if (filled > this.#raw.length) {
      const larger = Buffer.allocUnsafe(Math.max(filled, 2 * this.#raw.length))
      this.#raw.copy(larger, 0, 0, this.#filled)
      this.#raw = larger
    }
    bytes.copy(this.#raw, this.#filled)
    this.#filled = filled
  }

  #read(): 'more' | ServerName {
    if (this.#second && this.#at === 0 && this.#filled > 0 && this.#raw[0] === CHANGE) {
      if (this.#filled < 1 + CHANGE_BYTES.length) return 'more'
      if (CHANGE_BYTES.some((byte, i) => this.#raw[1 + i] !== byte)) return 'not_tls'
      this.#at = 1 + CHANGE_BYTES.length
    }
    for (;;) {
      const end = this.#recordEnd()
      if (end === undefined || end > this.#filled) return 'more'
      this.#pieces.push({ from: this.#at + HEADER, to: end })
      this.#have += end - this.#at - HEADER
      this.#at = end
      if (this.#have === this.#wanted()) return nameIn(this.#message())
      if (this.#pieces.length === MOST_RECORDS) return 'not_tls'
    }
  }

  /** Where the record ends that begins at #at, or undefined while it does not say; throws where it can be none of a hello. */
  #recordEnd(): number | undefined {
    const there = this.#filled - this.#at
    if (there > 0) must(this.#raw[this.#at] === HANDSHAKE)
    if (there > 1) must(this.#raw[this.#at + 1] === 3)
    if (there < HEADER) return undefined
    const length = this.#raw.readUInt16BE(this.#at + 3)
    // The first has the message's own header, so that it is known from there on how long it will be.
    must(length >= (this.#have === 0 ? 4 : 1))
    if (this.#have === 0 && there > HEADER) must(this.#raw[this.#at + HEADER] === CLIENT_HELLO)
    if (this.#have > 0 || there >= HEADER + 4) {
      const left = this.#wanted() - this.#have
      must(length === left || (length < left && length >= LEAST_RECORD))
    }
    return this.#at + HEADER + length
  }

  #wanted(): number {
    const wanted = 4 + this.#raw.readUIntBE((this.#pieces[0]?.from ?? this.#at + HEADER) + 1, 3)
    must(wanted <= MOST_BYTES)
    return wanted
  }

  #message(): Buffer {
    return Buffer.concat(this.#pieces.map(({ from, to }) => this.#raw.subarray(from, to))).subarray(4)
  }
}

function must(is: boolean): void {
  if (!is) throw new Error('no ClientHello')
}
