import { mayMeanKey, type QueryKeys, queryKeys } from '../../ground/constrained-query.ts'
import { Problem } from '../../ground/problem.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import { canonicalTarget, type Target } from '../../ground/target.ts'
import type { Endpoint, JsonObject } from './contract.ts'
import { refused } from './refusal.ts'

/** One piece of a template: fixed text, or a parameter. */
type Piece = string | { readonly name: string; readonly several: boolean; readonly inQuery: boolean }

/** The target of one action, to be filled with each call's parameters. Compiled once. */
export interface PathFiller {
  readonly names: ReadonlySet<string>
  /** The names of the query that stands in the template itself: what else is sent must mean none of them. */
  readonly own: QueryKeys
  /** Throws `MISSING_PATH_PARAM:<key>`, which comes before whatever else may be wrong with parameters. */
  refuseMissing(params: JsonObject): void
  /**
   * The canonical target, with `query` (encoded, may be empty) added. Throws `MISSING_PATH_PARAM:<key>` and
   * `PARAM_INVALID:<key>`: dot segments, slashes where none may be, backslashes, `%`, `;` and control characters.
   */
  fill(params: JsonObject, query: string): Target
}

const PARAMETER = /\{(\w+)\}/g
/** What a server might read as more than a piece of one segment. */
const SPLITS = /[/\\%;\u0000-\u001f\u007f]/
const ONLY_DOTS = /^\s*\.+\s*$/

/** `base`: the path of the service's base URL, without a slash at its end. */
export function pathFiller(base: string, { path, multiSegment }: Pick<Endpoint, 'path' | 'multiSegment'>): PathFiller {
  const pieces: Piece[] = []
  const names = new Set<string>()
  const text = `${base}${path.startsWith('/') ? '' : '/'}${path}`
  let end = 0
  for (const match of text.matchAll(PARAMETER)) {
    const name = match[1] as string
    if (match.index > end) pieces.push(text.slice(end, match.index))
    const inQuery = text.slice(0, match.index).includes('?')
    pieces.push({ name, several: !inQuery && multiSegment.includes(name), inQuery })
    names.add(name)
    end = match.index + match[0].length
  }
  if (end < text.length) pieces.push(text.slice(end))
  return new Filler(pieces, names, text)
}

/** With a name in brackets its plain part, by which some servers know it. */
function ownKeys(text: string): QueryKeys {
  const query = text.includes('?') ? text.slice(text.indexOf('?') + 1) : ''
  const pairs = query.split('&').filter((pair) => pair !== '')
  const names = pairs.map((pair) => decoded(pair.split('=', 1)[0] as string))
  return queryKeys(names.flatMap((name) => [name, name.replace(/\[.*$/s, '')]))
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}

class Filler implements PathFiller {
  readonly names: ReadonlySet<string>
  readonly #pieces: readonly Piece[]
  readonly own: QueryKeys
  readonly #hasQuery: boolean

  constructor(pieces: readonly Piece[], names: ReadonlySet<string>, text: string) {
    this.#pieces = pieces
    this.names = names
    this.own = ownKeys(text)
    this.#hasQuery = text.includes('?')
  }

  refuseMissing(params: JsonObject): void {
    for (const name of this.names) valueIn(params, name)
  }

  fill(params: JsonObject, query: string): Target {
    let text = ''
    for (const piece of this.#pieces) {
      if (typeof piece === 'string') text += piece
      else text += encoded(piece, valueIn(params, piece.name), this.own)
    }
    if (query !== '') text += `${this.#hasQuery ? '&' : '?'}${query}`
    try {
      return canonicalTarget(text)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      throw refused(`PARAM_INVALID:${[...this.names, ...Object.keys(params)][0] ?? ''}`)
    }
  }
}

function valueIn(params: JsonObject, name: string): JsonValue {
  const value = Object.hasOwn(params, name) ? params[name] : undefined
  if (value === undefined || value === null || value === '') throw refused(`MISSING_PATH_PARAM:${name}`)
  return value
}

function encoded({ name, several, inQuery }: Exclude<Piece, string>, value: JsonValue, own: QueryKeys): string {
  if (typeof value === 'object') throw refused(`PARAM_INVALID:${name}`)
  const text = String(value)
  if (!text.isWellFormed()) throw refused(`PARAM_INVALID:${name}`)
  if (inQuery) {
    if (mayMeanKey('', text, own)) throw refused(`PARAM_INVALID:${name}`)
    return encodeURIComponent(text)
  }
  const segments = several ? text.split('/') : [text]
  for (const segment of segments) {
    if (segment === '' || SPLITS.test(segment) || ONLY_DOTS.test(segment)) throw refused(`PARAM_INVALID:${name}`)
  }
  return segments.map(encodeURIComponent).join('/')
}
