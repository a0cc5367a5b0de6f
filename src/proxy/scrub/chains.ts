import { isUtf8 } from 'node:buffer'
import { DONE, Drawing, type Fragment, oneByte, START } from './fragment.ts'
import { byteSpellings, characterSpellings, spellByte } from './spellings.ts'

/**
 * One way to write a whole secret: its units in order. The secret is there once `needs` units are; what follows them
 * (the rest of a base64 group) belongs to the occurrence where it is there.
 */
export interface Chain {
  readonly units: readonly Fragment[]
  readonly needs: number
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const URL_DIGITS = `${DIGITS.slice(0, 62)}-_`

/**
 * Every encoding that is promised (the taint oracle's list): text with its escapes, hex, with a space or colon between bytes too, UTF-16 in both byte orders,
 * and base64 in three alignments. No unit is written with fewer bytes than it stands for, so no occurrence is shorter
 * than the secret.
 */
export function chainsOf(secret: Buffer): Chain[] {
  const plain = (bytes: Buffer) => whole([...bytes].map((byte) => oneByteFragments[byte]!))
  const utf16 = Buffer.from(secret.toString(isUtf8(secret) ? 'utf8' : 'latin1'), 'utf16le')
  const nibbles = [...secret].flatMap((byte, at) => [
    (at === 0 ? nibbleFragments : laterFragments)[byte >> 4]!,
    nibbleFragments[byte & 15]!,
  ])
  return [
    whole(textUnits(secret)),
    whole(nibbles),
    plain(utf16),
    plain(Buffer.from(utf16).swap16()),
    ...[0, 1, 2].map((before) => base64Chain(secret, before)),
  ]
}

const whole = (units: readonly Fragment[]): Chain => ({ units, needs: units.length })

const oneByteFragments = Array.from({ length: 256 }, (_, byte) => oneByte(String.fromCharCode(byte)))
const nibbleFragments = Array.from('0123456789abcdef', (digit) => oneByte(`${digit}${digit.toUpperCase()}`))
/** Of a byte that is not the first: dumps part their bytes, as S3 does in what it says of a wrong signature (`CanonicalRequestBytes`). */
const laterFragments = Array.from('0123456789abcdef', (digit) => {
  const drawing = new Drawing()
  const choice = `${digit}${digit.toUpperCase()}`
  drawing.word(START, [choice], DONE)
  drawing.word(START, [' :', choice], DONE)
  return drawing.finish()
})

function textUnits(secret: Buffer): Fragment[] {
  const units = [...secret].map(byteSpellings)
  if (!isUtf8(secret)) return units
  let at = 0
  for (const character of secret.toString('utf8')) {
    const length = Buffer.byteLength(character)
    if (length > 1) units[at] = characterSpellings(character.codePointAt(0)!)
    at += length
  }
  return units
}

/**
 * The secret inside a base64 text, with `before` (0 to 2) bytes of its first group not ours. Only digits that the
 * secret determines wholly are needed; a last digit that holds some of its bits, and padding, are taken along. A first
 * digit that holds some of its bits (2 or 4) is left.
 */
function base64Chain(secret: Buffer, before: number): Chain {
  const bits = (before + secret.length) * 8
  const first = Math.ceil((before * 8) / 6)
  const needed = Math.floor(bits / 6)
  const padded = Buffer.concat([Buffer.alloc(before), secret, Buffer.alloc(2)]).toString('base64')
  const units: Fragment[] = []
  for (let i = first; i < needed; i++) units.push(digitFragment(DIGITS.indexOf(padded[i]!), i > first))
  const needs = units.length
  const known = bits % 6
  if (known > 0) units.push(partialDigit(DIGITS.indexOf(padded[needed]!), known), padding, padding)
  return { units, needs }
}

const digits = new Map<number, Fragment>()

/** A base64 digit, of either alphabet, its two special ones also escaped. Within a text a line break may precede it. */
function digitFragment(value: number, broken: boolean): Fragment {
  const key = broken ? value : -1 - value
  let fragment = digits.get(key)
  if (fragment === undefined) {
    const drawing = new Drawing()
    drawing.word(START, [DIGITS[value]! + URL_DIGITS[value]!], DONE)
    if (value > 61) spellByte(drawing, DIGITS.charCodeAt(value), DONE)
    if (broken) drawBrokenLine(drawing, DIGITS[value]! + URL_DIGITS[value]!)
    fragment = drawing.finish()
    digits.set(key, fragment)
  }
  return fragment
}

function drawBrokenLine(drawing: Drawing, choice: string): void {
  const next = drawing.node()
  for (const lineBreak of ['\n', '\r\n', '\\n', '\\r\\n']) drawing.word(START, [...lineBreak], next)
  drawing.word(next, [choice], DONE)
}

const partialDigits = new Map<number, Fragment>()

/** A digit whose first `known` bits (2 or 4) are those of `value`. */
function partialDigit(value: number, known: number): Fragment {
  const free = 6 - known
  const key = ((value >> free) << 3) | free
  const drawn = partialDigits.get(key) ?? oneByte(partialChoices(value, free))
  partialDigits.set(key, drawn)
  return drawn
}

function partialChoices(value: number, free: number): string {
  let choices = ''
  for (let rest = 0; rest < 1 << free; rest++) {
    const digit = ((value >> free) << free) | rest
    choices += DIGITS[digit]! + URL_DIGITS[digit]!
  }
  return choices
}

const padding = (() => {
  const drawing = new Drawing()
  drawing.word(START, ['='], DONE)
  drawing.word(START, ['%', '3', 'dD'], DONE)
  drawing.word(START, ['\\', 'u', '0', '0', '3', 'dD'], DONE)
  return drawing.finish()
})()
