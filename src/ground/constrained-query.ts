import type { Target } from './target.ts'
import { ambiguous } from './target-problems.ts'

const none: ReadonlyMap<string, string> = new Map()

/**
 * Values of the query keys that a rule speaks about. Where servers disagree on what a query says of such a key (twice,
 * `;` between pairs, brackets, other letter case, `+`), the target is refused: there is no "last wins".
 * `names` must be lower-case and made of `[a-z0-9_-]`. Throws Problem `target_ambiguous`.
 */
export function constrainedQuery(target: Target, names: ReadonlySet<string>): ReadonlyMap<string, string> {
  if (target.query === '' || names.size === 0) return none
  if (target.query.includes(';')) throw ambiguous('query_separator')
  const values = new Map<string, string>()
  for (const pair of target.pairs) {
    refuseHiddenPair(pair.value, names)
    if (!names.has(pair.rawName)) {
      if (lookalike(pair.name, names))
        throw ambiguous('query_lookalike', `The query has a name that some read as a constrained one.`)
      continue
    }
    if (values.has(pair.rawName)) throw ambiguous('query_duplicate', `The query has '${pair.rawName}' twice.`)
    if (pair.rawValue.includes('+')) throw ambiguous('query_lookalike', `A + in '${pair.rawName}' may be a space.`)
    values.set(pair.rawName, pair.value)
  }
  return values
}

/** Names that PHP, Rails, ASP.NET and others take for the plain one: ` a`, `a[]`, `A`, `a.b` for `a_b`, `x&a`. */
function lookalike(name: string, names: ReadonlySet<string>): boolean {
  for (const piece of name.toLowerCase().split(/[&;=]/)) {
    const plain = piece.replace(/\[.*$/s, '').trim().normalize('NFKC')
    if (names.has(plain) || names.has(plain.replace(/[ .]/g, '_')) || names.has(plain.split('.')[0]!)) return true
  }
  return false
}

/** A value that becomes further pairs if somebody decodes it once too often: `b=x%26a=bad`. */
function refuseHiddenPair(value: string, names: ReadonlySet<string>): void {
  if (!/[&;]/.test(value)) return
  for (const piece of value.split(/[&;]/).slice(1)) {
    if (piece.includes('=') && lookalike(piece.slice(0, piece.indexOf('=')), names)) throw ambiguous('query_lookalike')
  }
}
