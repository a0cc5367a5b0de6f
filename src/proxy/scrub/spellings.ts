/**
 * How text may spell one byte or one character of a secret: as itself, percent-encoded, as a JSON, script or HTML
 * escape, and with the escape's own first character escaped once more (JSON inside JSON, HTML inside JSON, double
 * percent). Spellings are per character, so one occurrence may mix them.
 */
import { DONE, Drawing, type Fragment, START, type Target } from './fragment.ts'

/** Zeros that may stand before the number of an HTML entity. More are not promised. */
const LEADING_ZEROS = 6

const introducers = {
  percent: ['%', '%25', '%2525', '\\u0025', '&#37;'],
  backslash: ['\\', '\\\\', '\\\\\\\\', '%5C', '%255C', '\\u005C', '&#92;'],
  ampersand: ['&', '&amp;', '\\u0026', '%26', '%2526', '&#38;'],
}

/** Escapes of one letter in JSON, JavaScript, Python and shells; the letter that follows the backslash. */
const shortEscapes: Readonly<Record<string, string>> = {
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\f': 'f',
  '\r': 'r',
  '"': '"',
  "'": "'",
  '/': '/',
  '\\': '\\',
}

/** Named references of HTML 5 for ASCII (section 13.5), as `he` and browsers' serialisers write them. */
const namedReferences: Readonly<Record<string, readonly string[]>> = {
  '\t': ['Tab'],
  '\n': ['NewLine'],
  '!': ['excl'],
  '"': ['quot', 'QUOT'],
  '#': ['num'],
  $: ['dollar'],
  '%': ['percnt'],
  '&': ['amp', 'AMP'],
  "'": ['apos'],
  '(': ['lpar'],
  ')': ['rpar'],
  '*': ['ast', 'midast'],
  '+': ['plus'],
  ',': ['comma'],
  '.': ['period'],
  '/': ['sol'],
  ':': ['colon'],
  ';': ['semi'],
  '<': ['lt', 'LT'],
  '=': ['equals'],
  '>': ['gt', 'GT'],
  '?': ['quest'],
  '@': ['commat'],
  '[': ['lsqb', 'lbrack'],
  '\\': ['bsol'],
  ']': ['rsqb', 'rbrack'],
  '^': ['Hat'],
  _: ['lowbar', 'UnderBar'],
  '`': ['grave'],
  '{': ['lcub', 'lbrace'],
  '|': ['verbar', 'vert'],
  '}': ['rcub', 'rbrace'],
}

/** Each hexadecimal letter of `text` in either case, everything else as it is. */
const eitherCase = (text: string): string[] =>
  [...text].map((c) => (/[a-f]/i.test(c) ? c.toLowerCase() + c.toUpperCase() : c))

const hex = (code: number, digits: number): string[] => eitherCase(code.toString(16).padStart(digits, '0'))

/** Draws every spelling of one byte from START to `to`. Bytes above 0x7f are also spelled as if they were latin1. */
export function spellByte(drawing: Drawing, byte: number, to: Target): void {
  const raw = String.fromCharCode(byte)
  drawing.word(START, [raw], to)
  if (raw === ' ') drawing.word(START, ['+'], to)
  if (raw === '\n') drawLineBreak(drawing, to)
  spellPercent(drawing, byte, to)
  const short = shortEscapes[raw]
  const escapes = [['u', '0', '0', ...hex(byte, 2)], ['x', ...hex(byte, 2)], ...(short ? [[short], ['\\', short]] : [])]
  spellAfter(drawing, introducers.backslash, escapes, to)
  spellReference(drawing, byte, namedReferences[raw] ?? [], to)
}

/** Every spelling of one byte of a secret. */
export const byteSpellings = remembered((byte: number): Fragment => {
  const drawing = new Drawing()
  spellByte(drawing, byte, DONE)
  return drawing.finish()
})

/** Every spelling of a character beyond ASCII that takes several bytes in UTF-8: byte by byte, and as a whole. */
export const characterSpellings = remembered((codePoint: number): Fragment => {
  const drawing = new Drawing()
  const character = String.fromCodePoint(codePoint)
  const bytes = Buffer.from(character)
  spellByte(drawing, bytes[0]!, DONE)
  const units = character.split('').map((unit) => ['u', ...hex(unit.charCodeAt(0), 4)])
  const joined = units.flatMap((unit, index) => (index === 0 ? unit : ['\\', ...unit]))
  const escapes = codePoint <= 0xff ? [joined, ['x', ...hex(codePoint, 2)]] : [joined]
  spellAfter(drawing, introducers.backslash, escapes, -bytes.length)
  spellReference(drawing, codePoint, [], -bytes.length)
  return drawing.finish()
})

function spellPercent(drawing: Drawing, byte: number, to: Target): void {
  const digits = hex(byte, 2)
  spellAfter(drawing, introducers.percent, [digits], to)
  // Percent-encoded twice with every byte encoded each time: the two digits may themselves be %3X or %6X.
  const doubled = drawing.node()
  const between = drawing.node()
  drawing.word(START, ['%', '2', '5'], doubled)
  spellDigit(drawing, doubled, digits[0]!, between)
  spellDigit(drawing, between, digits[1]!, to)
}

function spellDigit(drawing: Drawing, from: number, choices: string, to: Target): void {
  drawing.word(from, [choices], to)
  for (const choice of choices) drawing.word(from, ['%', ...hex(choice.charCodeAt(0), 2)], to)
}

function spellAfter(drawing: Drawing, introducer: readonly string[], words: readonly string[][], to: Target): void {
  const introduced = drawing.node()
  for (const spelling of introducer) drawing.word(START, eitherCase(spelling), introduced)
  for (const word of words) drawing.word(introduced, word, to)
}

/** Numeric and named character references; browsers take them without the semicolon too. */
function spellReference(drawing: Drawing, code: number, names: readonly string[], to: Target): void {
  const number = drawing.node()
  const digits = drawing.node()
  const end = drawing.node()
  spellAfter(drawing, introducers.ampersand, [['#'], ['%', '2', '3']], number)
  drawing.word(number, ['xX'], digits)
  for (let zeros = 0; zeros <= LEADING_ZEROS; zeros++) {
    const padding = new Array<string>(zeros).fill('0')
    for (const target of [to, end]) {
      drawing.word(number, [...padding, ...String(code)], target)
      drawing.word(digits, [...padding, ...hex(code, 1)], target)
    }
  }
  for (const name of names) spellAfter(drawing, introducers.ampersand, [[...name]], end)
  for (const semicolon of [';', '%3B']) drawing.word(end, eitherCase(semicolon), to)
}

/** A line break inside a secret (PEM) may come back as CR LF. */
function drawLineBreak(drawing: Drawing, to: Target): void {
  drawing.word(START, ['\r', '\n'], to)
  drawing.word(START, ['\\', 'r', '\\', 'n'], to)
  drawing.word(START, ['%', '0', 'dD', '%', '0', 'aA'], to)
}

function remembered(draw: (code: number) => Fragment): (code: number) => Fragment {
  const drawn = new Map<number, Fragment>()
  return (code) => {
    let fragment = drawn.get(code)
    if (fragment === undefined) {
      fragment = draw(code)
      drawn.set(code, fragment)
    }
    return fragment
  }
}
