/** `{name}` in a text. */
const PLACEHOLDER = /\{([a-z][a-z0-9_]*)\}/g

export function namesIn(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.flatMap((text) => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name!)))
}

/** Every `{name}` replaced by its value, in one pass: what a value holds is not read again. Unknown names stay. */
export function fillPlaceholders(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(PLACEHOLDER, (whole, name: string) => (Object.hasOwn(values, name) ? values[name]! : whole))
}
