/** `application/x-www-form-urlencoded` (WHATWG URL §5.1), pair by pair in their order, nothing merged. */
import type { Warn } from '../shown.ts'

export interface FormPair {
  readonly name: string
  readonly value: string
}

export interface FormBody {
  readonly pairs: readonly FormPair[]
  /** Pairs that were not read. */
  readonly more: number
}

const MAX_PAIRS = 2_000

export function readForm(text: string, warn: Warn): FormBody {
  const pairs: FormPair[] = []
  let more = 0
  let broken = false
  for (let at = 0; at < text.length; ) {
    const ampersand = text.indexOf('&', at)
    const end = ampersand < 0 ? text.length : ampersand
    if (pairs.length === MAX_PAIRS) more++
    else if (end > at) {
      const raw = text.slice(at, end)
      const equals = raw.indexOf('=')
      const [name, value] = equals < 0 ? [raw, ''] : [raw.slice(0, equals), raw.slice(equals + 1)]
      broken ||= decoded(name) === undefined || decoded(value) === undefined
      pairs.push({ name: decoded(name) ?? name, value: decoded(value) ?? value })
    }
    at = end + 1
  }
  if (broken) warn('The form has escapes that are not valid UTF-8: they are shown as they are sent.')
  const single = pairs.filter(({ name }) => !name.endsWith('[]')).map(({ name }) => name)
  if (new Set(single).size < single.length) warn('The form has a name twice: who reads it may take either.')
  return { pairs, more }
}

/** Undefined where an escape is malformed or stands for no character. */
export function decoded(text: string): string | undefined {
  const spaced = text.replaceAll('+', ' ')
  try {
    return spaced.includes('%') ? decodeURIComponent(spaced) : spaced
  } catch {
    return undefined
  }
}
