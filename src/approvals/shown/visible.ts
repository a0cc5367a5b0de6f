/**
 * Text from outside as it may be drawn: every character that draws nothing, draws over others, changes the direction of
 * what follows or only looks like a space stands there as its code, `⟨U+202E⟩`. No two texts come out the same: `⟨`
 * itself is written as its code too, so nobody outside can write such a mark.
 */
import { createHash } from 'node:crypto'
import { beginsAsIssued } from '../../ground/looks-like-credential.ts'
import { isHandleText } from '../../ground/placeholder-shape.ts'

/**
 * A mark that sits on no letter, or the fourth on one, which would grow over its neighbours; then controls, formats,
 * lone halves of pairs, unassigned and private characters, what draws nothing (Default_Ignorable_Code_Point: variation
 * selectors and tags among them), and spaces but for the plain one.
 */
const UNSEEN =
  /(?<![\p{L}\p{N}]\p{M}{0,2})\p{M}|[[\p{C}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}\p{Me}\u2800\u{1d159}⟨]--[ ]]/gv
const HARMLESS = /^[\x20-\x7e]*$/
/** Words that may be credentials, set apart from the text around them. */
const WORDS = /[^\s"'`,;()<>[\]{}=&/⟨⟩]{12,}/gu
const RIGHT_TO_LEFT = /[\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}\p{sc=Thaana}\p{sc=Nko}\p{sc=Adlam}\p{sc=Samaritan}]/u

export function visible(text: string): string {
  return HARMLESS.test(text) ? text : text.replace(UNSEEN, code)
}

function code(character: string): string {
  return `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`
}

/** Whether some of it is written from right to left, so that its order on a screen is not the order it is sent in. */
export function runsRightToLeft(text: string): boolean {
  return RIGHT_TO_LEFT.test(text)
}

/** What stands for a value that is not shown. Nobody outside can write it: see above. */
export function hidden(value: string): string {
  // What stands where the secret will: to see which one it is, is the point.
  if (isHandleText(value)) return value
  const ending = value.length >= 24 && /^[!-~]{4}$/.test(value.slice(-4)) ? `, ending in ${value.slice(-4)}` : ''
  return `⟨hidden: ${counted(value.length)} characters${ending}⟩`
}

/** Words for which `isSecret` holds hidden; the rest left as it is, and given to `draw`. */
export function hideWords(text: string, isSecret: (word: string) => boolean, draw: (text: string) => string): string {
  if (text.length < 12) return draw(text)
  let out = ''
  let from = 0
  for (const { 0: word, index } of text.matchAll(WORDS)) {
    if (!isSecret(word)) continue
    out += draw(text.slice(from, index)) + hidden(word)
    from = index + word.length
  }
  return from === 0 ? draw(text) : out + draw(text.slice(from))
}

/** One line, at most `max` characters of it, without the keys that show by their beginning that they are some. */
export function visibleLine(text: string, max: number): string {
  const kept = cutAt(text, max)
  const shown = hideWords(kept, beginsAsIssued, visible)
  return kept.length === text.length ? shown : `${shown}… ${counted(text.length - kept.length)} more characters`
}

/** As above; where it is cut, the hash of all of it tells it from others that begin like it. */
export function visibleValue(text: string, max: number): string {
  const line = visibleLine(text, max)
  if (text.length <= max) return line
  const hash = createHash('sha256').update(text, text.isWellFormed() ? 'utf8' : 'utf16le')
  return `${line} (SHA-256 of all: ${hash.digest('hex')})`
}

export interface TextLimits {
  readonly characters: number
  readonly lines: number
  readonly perLine: number
}

/** A text line by line, as much as the limits take; `cut` says how much they did not. Tabs are drawn as arrows. */
export function visibleLines(text: string, limits: TextLimits): { readonly lines: string[]; readonly cut?: string } {
  const lines: string[] = []
  const end = cutAt(text, limits.characters).length
  let at = 0
  let inLines = 0
  while (at < text.length && at < end && lines.length < limits.lines) {
    const feed = text.indexOf('\n', at)
    const stop = feed < 0 ? text.length : feed
    const line = text.slice(at, feed > at && text[feed - 1] === '\r' ? feed - 1 : stop)
    const most = Math.min(limits.perLine, end - at)
    lines.push(visibleTabs(line, most))
    inLines += Math.max(0, line.length - most)
    at = stop + 1
  }
  if (at < text.length) return { lines, cut: `… ${counted(text.length - at)} more characters` }
  return inLines > 0 ? { lines, cut: `… ${counted(inLines)} more characters in long lines` } : { lines }
}

function visibleTabs(line: string, max: number): string {
  if (!line.includes('\t')) return visibleLine(line, max)
  return visibleLine(line, max).replaceAll('⟨U+0009⟩', '⇥   ')
}

/** At most `max` UTF-16 units of a text, no pair cut in half. */
export function cutAt(text: string, max: number): string {
  if (text.length <= max) return text
  const code = text.charCodeAt(max - 1)
  return text.slice(0, code >= 0xd800 && code <= 0xdbff ? max - 1 : max)
}

/** 1234567 as `1,234,567`. */
export function counted(count: number): string {
  return String(count).replace(/\B(?=(?:[0-9]{3})+$)/g, ',')
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${counted(count)} ${count === 1 ? one : many}`
}
