// Reading what stands on the command line: lives, numbers, name=value pairs.
import { cliProblem } from './problems.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, y: 31_536_000 }

/** What a time may be, in the words of the command line. */
export interface TimeRange {
  readonly least?: string
  readonly most?: string
}

/** A life such as `90s`, `30m`, `12h`, `30d`, `1y` in seconds; from a second to ten years if not said. Throws Problem `usage`. */
export function seconds(text: string, option: string, { least = '1s', most = '10y' }: TimeRange = {}): number {
  const value = readTime(text)
  if (value >= readTime(least) && value <= readTime(most)) return value
  throw cliProblem('usage', {
    detail: `${option}: a time such as 90s, 30m, 12h or 30d is wanted, from ${least} to ${most}.`,
  })
}

/** NaN for what is no time. */
function readTime(text: string): number {
  const match = /^([0-9]{1,9})([smhdwy])$/.exec(text)
  return match === null ? Number.NaN : Number(match[1]) * UNITS[match[2]!]!
}

/** A whole number in [low, high]. Throws Problem `usage`. */
export function wholeNumber(text: string, option: string, low = 1, high = 1_000_000_000): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (value >= low && value <= high) return value
  throw cliProblem('usage', { detail: `${option}: a whole number from ${low} to ${high} is wanted.` })
}

/** `name=value` or, for headers, `name: value`. Values may hold the sign again. Throws Problem `usage`. */
export function pair(text: string, option: string, sign: '=' | ':' = '='): [name: string, value: string] {
  const at = text.indexOf(sign)
  // The text itself is not repeated: people put secrets in the wrong place.
  if (at < 1)
    throw cliProblem('usage', {
      detail: `${option}: NAME${sign}VALUE is wanted.`,
      hint: `Such as ${option} ${sign === ':' ? "'Accept: text/plain'" : 'name=value'}; with a space in it between quotes, and again for the next one.`,
    })
  return [text.slice(0, at).trim(), sign === ':' ? text.slice(at + 1).trim() : text.slice(at + 1)]
}

/** Several `name=value`, each name once. */
export function pairs(texts: readonly string[], option: string): Record<string, string> {
  const found: Record<string, string> = Object.create(null)
  for (const [name, value] of texts.map((text) => pair(text, option))) {
    if (name in found) throw cliProblem('usage', { detail: `${option}: ${name} stands twice.` })
    found[name] = value
  }
  return { ...found }
}

/** A query: a name may stand several times, and keeps its values in order. */
export function query(texts: readonly string[], option: string): Record<string, string | string[]> | undefined {
  if (texts.length === 0) return undefined
  const found = new Map<string, string[]>()
  for (const [name, value] of texts.map((text) => pair(text, option)))
    found.set(name, [...(found.get(name) ?? []), value])
  return Object.fromEntries([...found].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]))
}

/** Gathers a repeated option into a list. */
export function gather(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
