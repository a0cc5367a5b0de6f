import type { Target } from './target.ts'
import { ambiguous } from './target-problems.ts'

/** The query keys that a rule speaks about, as written and as a careless server reads them. */
export interface QueryKeys {
  readonly names: ReadonlySet<string>
  readonly folded: ReadonlySet<string>
}

/** `names` are made of `[A-Za-z0-9_-]`. */
export function queryKeys(names: Iterable<string>): QueryKeys {
  const list = [...names]
  return { names: new Set(list), folded: new Set(list.map((name) => name.toLowerCase())) }
}

const none: ReadonlyMap<string, string> = new Map()

/**
 * Values of the query keys that a rule speaks about. Where servers disagree on what a query says of such a key (twice,
 * `;` between pairs, brackets, other letter case, `+`), the target is refused: there is no "last wins".
 * Throws Problem `target_ambiguous`.
 */
export function constrainedQuery(target: Target, keys: QueryKeys): ReadonlyMap<string, string> {
  if (target.query === '' || keys.names.size === 0) return none
  if (target.query.includes(';')) throw ambiguous('query_separator')
  const values = new Map<string, string>()
  for (const pair of target.pairs) {
    refuseHiddenPair(pair.value, keys)
    if (!keys.names.has(pair.rawName)) {
      if (looksLikeKey(pair.name, keys)) {
        throw ambiguous('query_lookalike', 'The query has a name that some servers read as a constrained one.')
      }
      continue
    }
    if (values.has(pair.rawName)) throw ambiguous('query_duplicate', `The query has '${pair.rawName}' twice.`)
    if (pair.rawValue.includes('+')) throw ambiguous('query_lookalike', `A + in '${pair.rawName}' may be a space.`)
    values.set(pair.rawName, pair.value)
  }
  return values
}

/** Whether a server may take this name, or a pair that the value hides, for one of the keys. Both decoded. */
export function mayMeanKey(name: string, value: string, keys: QueryKeys): boolean {
  return keys.names.has(name) || looksLikeKey(name, keys) || hidesPair(value, keys)
}

/** Names that PHP, Rails, ASP.NET and others take for the plain one: ` a`, `a[]`, `A`, `a.b` and `a[b` for `a_b`, `x&a`. */
function looksLikeKey(name: string, { folded }: QueryKeys): boolean {
  for (const piece of name.toLowerCase().split(/[&;=]/)) {
    const plain = piece.replace(/\[.*$/s, '').trim().normalize('NFKC')
    if (piece.includes('[') && folded.has(piece.trim().replace(/[ .[]/g, '_'))) return true
    if (folded.has(plain) || folded.has(plain.replace(/[ .]/g, '_')) || folded.has(plain.split('.')[0]!)) return true
  }
  return false
}

function refuseHiddenPair(value: string, keys: QueryKeys): void {
  if (hidesPair(value, keys)) throw ambiguous('query_lookalike')
}

/** A value that becomes further pairs if somebody decodes it once too often: `b=x%26a=bad`. */
function hidesPair(value: string, keys: QueryKeys): boolean {
  if (!/[&;]/.test(value)) return false
  for (const piece of value.split(/[&;]/).slice(1)) {
    const equals = piece.indexOf('=')
    if (equals >= 0 && looksLikeKey(piece.slice(0, equals), keys)) return true
  }
  return false
}
