/** Value of an ASCII hex digit, −1 for anything else. */
function hex(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

/** The byte that the escape at `text[at]` (a `%`) stands for; −1 if it is malformed, −2 for the `%uXXXX` of old scripts. */
export function escapedByte(text: string, at: number): number {
  const high = hex(text.charCodeAt(at + 1))
  const low = hex(text.charCodeAt(at + 2))
  if (high >= 0 && low >= 0) return high * 16 + low
  return (text.charCodeAt(at + 1) | 0x20) === 0x75 ? -2 : -1
}

/** RFC 3986 §2.3: letters, digits, `-`, `.`, `_`, `~`. */
export function isUnreserved(byte: number): boolean {
  if ((byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2e || byte === 0x5f || byte === 0x7e) return true
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x7a
}

/** Checks bytes one at a time against RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
export class Utf8Check {
  #more = 0
  #low = 0x80
  #high = 0xbf

  /** False at the first byte that cannot stand where it stands. */
  take(byte: number): boolean {
    if (this.#more > 0) {
      if (byte < this.#low || byte > this.#high) return false
      this.#more--
      this.#low = 0x80
      this.#high = 0xbf
      return true
    }
    if (byte < 0x80) return true
    if (byte < 0xc2 || byte > 0xf4) return false
    this.#more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
    if (byte === 0xe0) this.#low = 0xa0
    if (byte === 0xed) this.#high = 0x9f
    if (byte === 0xf0) this.#low = 0x90
    if (byte === 0xf4) this.#high = 0x8f
    return true
  }

  /** Whether no character is left half told. */
  done(): boolean {
    return this.#more === 0
  }
}
