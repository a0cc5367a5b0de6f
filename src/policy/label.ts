/**
 * What a door's callers say of their call, in two words: `provider:word`, `*` for a whole part. A label gives nothing by
 * itself: its word means methods and paths by the service's map (services/words.ts), and both must hold.
 */
export interface Label {
  readonly text: string
  readonly provider: string
  readonly word: string
}

const PART = String.raw`(?:\*|[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)`
const LABEL = new RegExp(`^(${PART}):(${PART})$`)

/** Trimmed and in lower case; undefined for anything but two parts. */
export function readLabel(text: string): Label | undefined {
  const plain = text.length > 256 ? '' : text.trim().toLowerCase()
  const match = LABEL.exec(plain)
  return match === null ? undefined : { text: plain, provider: match[1] as string, word: match[2] as string }
}

/** Whether what was given covers what is asked for: part by part, `*` covers any. */
export function labelCovers(given: Label, asked: Label): boolean {
  return part(given.provider, asked.provider) && part(given.word, asked.word)
}

/** How many parts of it are `*`: of two labels that cover, the one with fewer is meant. */
export function stars({ provider, word }: Label): number {
  return Number(provider === '*') + Number(word === '*')
}

function part(given: string, asked: string): boolean {
  return given === '*' || given === asked
}
