/**
 * JSON as it was written, one member a line: names in their order, numbers digit by digit, nothing merged that stands
 * there twice. Escapes are read, so that `\u0064elete` is seen as what it says. Works token by token and stops when
 * enough is shown, so a large body costs no more than a small one.
 */
import { isSecretName } from '../fact.ts'
import { counted, cutAt, hidden, visibleLine } from '../visible.ts'

const MAX_CHARACTERS = 60_000
const MAX_LINES = 2_000
const MAX_STRING = 2_000
const MAX_INDENT = 20
const SPACE = /[\t\n\r ]*/y
const SCALAR = /[^\s,:{}[\]"]*/y

/** `text` is valid JSON. */
export function layOutJson(text: string): { readonly lines: string[]; readonly cut?: string } {
  const layout = new Layout(text)
  const end = layout.run()
  const { lines, inStrings } = layout
  if (end < text.length) return { lines, cut: `… ${counted(text.length - end)} more characters of JSON` }
  return inStrings > 0 ? { lines, cut: `… ${counted(inStrings)} more characters in long strings` } : { lines }
}

class Layout {
  readonly lines: string[] = []
  /** Characters that long strings were cut by. */
  inStrings = 0
  readonly #text: string
  #at = 0
  #line = ''
  #depth = 0
  #shown = 0
  /** The string last read, which is a name if a colon follows. */
  #string: string | undefined
  /** The name of the member whose value comes next. */
  #name: string | undefined
  /** Of all that is open: the name that the items of a list go by, which is the list's. */
  readonly #lists: (string | undefined)[] = []

  constructor(text: string) {
    this.#text = text
  }

  /** Where it stopped. */
  run(): number {
    this.#space()
    while (this.#at < this.#text.length && this.#shown < MAX_CHARACTERS && this.lines.length < MAX_LINES) {
      this.#token()
      this.#space()
    }
    if (this.#line !== '') this.lines.push(this.#line)
    return this.#at
  }

  #token(): void {
    const first = this.#text[this.#at]!
    if (first === '"') this.#quoted()
    else if (first === '{' || first === '[') this.#opens(first)
    else if (first === '}' || first === ']') this.#closes(first)
    else if (first === ',') this.#comma()
    else if (first === ':') this.#colon()
    else this.#scalar()
  }

  #colon(): void {
    this.#name = this.#string
    this.#put(': ', 1)
  }

  /** A number or a literal, as it is written. */
  #scalar(): void {
    SCALAR.lastIndex = this.#at
    const length = SCALAR.exec(this.#text)![0].length
    const value = this.#text.slice(this.#at, this.#at + Math.max(1, length))
    const isSecret = this.#isSecret() && /^[0-9-]/.test(value)
    this.#put(isSecret ? hidden(value) : visibleLine(value, MAX_STRING), value.length)
  }

  #opens(bracket: string): void {
    const name = bracket === '[' ? (this.#name ?? this.#lists.at(-1)) : undefined
    this.#name = undefined
    this.#put(bracket, 1)
    this.#space()
    const next = this.#text[this.#at]
    if (next === '}' || next === ']') this.#put(next, 1)
    else {
      this.#depth++
      this.#lists.push(name)
      this.#newLine()
    }
  }

  #closes(bracket: string): void {
    this.#depth--
    this.#lists.pop()
    this.#newLine()
    this.#put(bracket, 1)
  }

  #comma(): void {
    this.#put(',', 1)
    this.#newLine()
  }

  #quoted(): void {
    const end = endOfString(this.#text, this.#at)
    const written = this.#text.slice(this.#at + 1, end)
    const value = unescaped(cutAt(written, MAX_STRING * 6))
    const isSecret = this.#isSecret() && value !== ''
    this.#string = value.length <= 200 ? value : undefined
    this.#put(isSecret ? `"${hidden(value)}"` : this.#drawn(value, written), end + 1 - this.#at)
  }

  /** Quotes and backslashes in it stay escaped, so that no string can look like two, or like a member. */
  #drawn(value: string, written: string): string {
    const kept = cutAt(value, MAX_STRING)
    const line = visibleLine(kept.replace(/["\\]/g, '\\$&'), 2 * MAX_STRING)
    const shown = line.replaceAll('⟨U+000D⟩', '\\r').replaceAll('⟨U+000A⟩', '\\n').replaceAll('⟨U+0009⟩', '\\t')
    const rest = written.length > MAX_STRING * 6 ? written.length - kept.length : value.length - kept.length
    this.inStrings += rest
    return rest > 0 ? `"${shown}"… ${counted(rest)} more characters` : `"${shown}"`
  }

  /** Whether the value that stands here is a credential by its name, or by that of its list. */
  #isSecret(): boolean {
    const name = this.#name ?? this.#lists.at(-1)
    this.#name = undefined
    return name !== undefined && isSecretName(name)
  }

  #newLine(): void {
    this.lines.push(this.#line)
    this.#shown += this.#line.length
    this.#line = '  '.repeat(Math.max(0, Math.min(this.#depth, MAX_INDENT)))
  }

  #put(shown: string, taken: number): void {
    this.#line += shown
    this.#at += taken
  }

  #space(): void {
    SPACE.lastIndex = this.#at
    SPACE.exec(this.#text)
    this.#at = SPACE.lastIndex
  }
}

/** Where the closing quote stands; the end of the text if nowhere. */
function endOfString(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text[at - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return at
  }
  return text.length
}

/** What the string says; where its end was cut through an escape, without that. */
function unescaped(written: string): string {
  if (!written.includes('\\')) return written
  for (let short = 0; short <= 6; short++) {
    try {
      return JSON.parse(`"${written.slice(0, written.length - short)}"`) as string
    } catch {
      // one character less may end it between two escapes
    }
  }
  return written
}
