// What a denial says of itself, to the caller and to the log.
import type { Gathered } from './gather-facts.ts'

/** Names of the rules that refuse; what no rule is about is refused by default. */
export function rulesOf({ rules }: Gathered): string {
  const names = rules === 'needs_body' ? [] : rules.rules.map(({ name }) => name)
  return names.length === 0 ? 'default' : names.join(' ')
}

export function shownRules(rules: Gathered['rules']): readonly string[] {
  return rules === 'needs_body' ? [] : rules.rules.map(({ id, version }) => `${id} ${version}`)
}

/** What would make the call pass: the scopes required, or the one that is enough by itself. */
export function scopesOf({ resolution }: Gathered): readonly string[] {
  if (resolution === undefined) return []
  return resolution.required.length > 0 ? resolution.required : [resolution.enough ?? '']
}
