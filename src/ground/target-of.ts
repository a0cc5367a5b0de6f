import { canonicalTarget, type Target } from './target.ts'

/** Path, and query by names. */
export interface Described {
  readonly path: string
  readonly query?: Readonly<Record<string, string | string[]>> | undefined
}

/** The target that a call with these parts would have. Throws Problem `target_ambiguous`, as the call would. */
export function targetOf({ path, query }: Described): Target {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one] as const),
  )
  const text = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
  return canonicalTarget(text === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${text}`)
}
