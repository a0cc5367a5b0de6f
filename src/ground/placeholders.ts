/** `{name}` or `{name:argument}` in a text. */
const PLACEHOLDER = /\{([a-z][a-z0-9_]*)(?::([a-z0-9-]+))?\}/g

/** A placeholder: `whole` is how it was written. */
export interface Placeholder {
  readonly name: string
  readonly argument: string
  readonly whole: string
}

export function placeholdersIn(texts: readonly string[]): readonly Placeholder[] {
  return texts.flatMap((text) => piecesOf(text).filter((piece) => typeof piece !== 'string'))
}

export function namesIn(texts: readonly string[]): ReadonlySet<string> {
  return new Set(placeholdersIn(texts).map(({ name }) => name))
}

/** The text in its order: what is fixed, and placeholders. */
export function piecesOf(text: string): readonly (string | Placeholder)[] {
  const pieces: (string | Placeholder)[] = []
  let end = 0
  for (const match of text.matchAll(PLACEHOLDER)) {
    const [whole, name = '', argument = ''] = match
    if (match.index > end) pieces.push(text.slice(end, match.index))
    pieces.push({ name, argument, whole })
    end = match.index + whole.length
  }
  if (end < text.length) pieces.push(text.slice(end))
  return pieces
}
