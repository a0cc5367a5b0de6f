// What a token may give on: never more than it has. Pure.
import { parseScope, type Scope } from '../../policy/scope.ts'

/** Scopes of a token; undefined: no bound but the agent's grants. */
export type Scopes = readonly string[] | undefined

const MOST_CHARS = 2_048

/**
 * The scopes in a `scope` parameter (RFC 6749 §3.3), each once, in their order. Undefined for undefined. Throws Problem
 * `scope_invalid` for an empty list, and for what is no scope of ours.
 */
export function readScopes(text: string | undefined): Scopes {
  if (text === undefined) return undefined
  // An overlong list is no scope either, and says so in one place.
  const words = text.length > MOST_CHARS ? [text] : text.split(' ')
  return [...new Set(words.map((word) => parseScope(word).text))]
}

/** Whether everything that `child` allows `parent` allows as well. */
export function isWithin(child: Scopes, parent: Scopes): boolean {
  if (parent === undefined) return true
  if (child === undefined) return false
  const wide = parent.map(parseScope)
  return child.map(parseScope).every((narrow) => wide.some((scope) => covers(scope, narrow)))
}

/** What the child gets: what it asks for, or all of its parent's where it asks for nothing. Undefined if that is more. */
export function narrowed(wanted: Scopes, parent: Scopes): { readonly scopes: Scopes } | undefined {
  const scopes = wanted ?? parent
  return isWithin(scopes, parent) ? { scopes } : undefined
}

/** As `Coverage` in policy/scope.ts reads them: a lone `*` is everything of the service, words and pairs never mix. */
function covers(wide: Scope, narrow: Scope): boolean {
  if (wide.service !== '*' && wide.service !== narrow.service) return false
  const [first, second] = wide.words
  if (second === undefined) return first === '*' || (narrow.words.length === 1 && first === narrow.words[0])
  return narrow.words.length === 2 && [first, second].every((word, at) => word === '*' || word === narrow.words[at])
}
