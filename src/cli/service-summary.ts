import { facts, table } from './render.ts'

// biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the services room
export function withInjection(item: any): any {
  return { ...item, injection: item.injection === undefined ? '-' : injectionText(item.injection) }
}

/** Facts and the actions; after `add` only how many there are, for a template has a hundred. */
// biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the services room
export function summaryOf(json: any, whole: boolean, width?: number): string {
  const { actions: named = {}, scopes: _, ...rest } = withInjection(json)
  const rows = Object.entries(named).map(([action, item]) => ({ action, ...(item as object) }))
  if (rows.length === 0) return facts(rest)
  if (!whole) return `${facts(rest)}\n\n${rows.length} actions; \`claviger service show ${json.name}\` lists them`
  return `${facts(rest)}\n\n${table(rows, ['action', 'method', 'path', 'scopes', 'risk', 'ask', 'query'], 'none', width)}`
}

/** What kind it is, and by which names; what is more than a word is left to `--json`. */
export function injectionText(injection: object): string {
  return Object.values(injection)
    .filter((value) => typeof value === 'string' && !value.includes('\n'))
    .join(' ')
}
