/**
 * What is shown as plain text, for terminals and messengers. What looks like a credential is hidden here wherever it
 * stands (THREATS D-06), as a messenger keeps what it was sent. It is text and not markup: a channel sends it without a
 * parse mode and inside one preformatted entity, so that no address, @name or /command in it becomes something to press.
 */
import { looksLikeCredential } from '../../ground/looks-like-credential.ts'
import type { Fact, Preview, Quoted, Shown, ShownBody } from './shown.ts'
import { counted, cutAt, hideWords } from './visible.ts'

export interface TextOptions {
  /** UTF-16 units, what Telegram counts too. At least 200. */
  readonly maxCharacters: number
}

/** The facts come first and are never left out silently: where the text is cut, its last line says what is missing. */
export function shownAsText(shown: Shown, options: TextOptions): string {
  const max = Math.max(200, options.maxCharacters)
  const lines = linesOf(shown)
  const whole = lines.join('\n')
  if (whole.length <= max) return whole
  const kept: string[] = []
  let length = 0
  for (const line of lines) {
    if (length + line.length + 1 > max - RESERVED) break
    kept.push(line)
    length += line.length + 1
  }
  if (kept.length === 0) kept.push(`${cutAt(lines[0]!, max - RESERVED)}…`)
  const rest = lines.length - kept.length
  const more = whole.length - kept.join('\n').length
  return `${kept.join('\n')}\n… ${counted(rest)} more lines, ${counted(more)} characters: open the approval to see them`
}

/** Whether that text leaves nothing out: a yes to it needs no look at the approval itself. */
export function isTextWhole(shown: Shown, options: TextOptions): boolean {
  const text = linesOf(shown).join('\n')
  return text.length <= options.maxCharacters && !hasCut(shown) && allFacts(shown).every(fitsLine)
}

/** Somewhere in it is said what is left out. */
function hasCut(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false
  return Object.entries(part).some(([name, value]) => (name === 'cut' && value !== undefined) || hasCut(value))
}

const allFacts = ({ facts, preview, body }: Shown): readonly Fact[] => [
  ...facts,
  ...(preview?.facts ?? []),
  ...(body?.kind === 'form' ? body.fields : []),
]
const fitsLine = ({ name, value }: Fact) => factLine({ name, value, kind: 'plain' }).endsWith(value)

const RESERVED = 100
/** Of one value: the whole is in the approval. */
const MAX_VALUE = 400
const QUOTED = '│ '

function linesOf(shown: Shown): string[] {
  return [
    discreet(shown.title),
    ...shown.warnings.map((warning) => `! ${discreet(warning)}`),
    '',
    ...shown.facts.map(factLine),
    '',
    `A yes allows: ${shown.allows}`,
    ...(shown.preview === undefined ? [] : previewLines(shown.preview)),
    ...(shown.body === undefined ? [] : bodyLines(shown.body)),
    ...(shown.said.length === 0 ? [] : ['', 'In the words of the agent, which prove nothing:']),
    ...shown.said.flatMap(quotedLines),
  ]
}

function factLine({ name, value, kind }: Fact): string {
  const shown = kind === 'plain' ? value : discreet(value)
  if (shown.length <= MAX_VALUE) return `${discreet(name)}: ${shown}`
  const kept = cutMark(shown, MAX_VALUE)
  return `${discreet(name)}: ${kept}… ${counted(shown.length - kept.length)} more characters`
}

/** Not through the middle of a mark such as `⟨U+202E⟩`. */
function cutMark(text: string, max: number): string {
  const kept = cutAt(text, max)
  const open = kept.lastIndexOf('⟨')
  return open > kept.lastIndexOf('⟩') ? kept.slice(0, open) : kept
}

function discreet(text: string): string {
  return hideWords(text, looksLikeCredential, (rest) => rest)
}

function previewLines(preview: Preview): string[] {
  const title = `What it says, read as ${preview.of}:`
  return ['', title, ...preview.facts.map((fact) => `  ${factLine(fact)}`), ...preview.texts.flatMap(quotedLines)]
}

function quotedLines({ name, lines, cut }: Quoted): string[] {
  const quoted = lines.map((line) => `${QUOTED}${discreet(line)}`)
  return [`${discreet(name)}:`, ...quoted, ...(cut === undefined ? [] : [`${QUOTED}${cut}`])]
}

function bodyLines(body: ShownBody): string[] {
  const type = body.contentType === undefined ? '' : `, ${discreet(body.contentType)}`
  const decoded = body.decoded === undefined ? '' : `, ${counted(body.decoded.bytes)} bytes after ${body.decoded.from}`
  const head = `Body (${body.kind}${type}, ${counted(body.bytes)} bytes${decoded}):`
  return ['', head, ...contentLines(body), ...(body.cut === undefined ? [] : [`${QUOTED}${body.cut}`])]
}

function contentLines(body: ShownBody): string[] {
  switch (body.kind) {
    case 'json':
    case 'text':
      return body.lines.map((line) => `${QUOTED}${discreet(line)}`)
    case 'form':
      return body.fields.map((field) => `${QUOTED}${factLine(field)}`)
    case 'multipart':
      return body.parts.flatMap((part) => {
        const file = part.fileName === undefined ? '' : `, file ${discreet(part.fileName)}`
        const type = part.contentType === undefined ? '' : `, ${discreet(part.contentType)}`
        const about = `${discreet(part.name)}${file}${type}: ${counted(part.bytes)} bytes, SHA-256 ${part.sha256}`
        const lines = (part.lines ?? []).map((line) => `${QUOTED}  ${discreet(line)}`)
        const head = (part.head ?? []).map((field) => `${QUOTED}  ${discreet(field)}`)
        return [`${QUOTED}${about}`, ...head, ...lines, ...(part.cut === undefined ? [] : [`${QUOTED}  ${part.cut}`])]
      })
    case 'binary':
      return [`${QUOTED}not text; begins as ${body.type} (${body.begins})`, `${QUOTED}SHA-256 ${body.sha256}`]
  }
}
