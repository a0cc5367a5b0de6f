/** One `name=value` of a query, as sent and as meant. */
export interface QueryPair {
  readonly rawName: string
  /** Decoded, `+` read as a space. */
  readonly name: string
  /** Decoded, `+` read as a space; empty where there is no `=`. */
  readonly value: string
  readonly rawValue: string
  /** `a=b`, exactly as sent. */
  readonly raw: string
}

class RawPair implements QueryPair {
  readonly raw: string
  readonly rawName: string
  readonly rawValue: string

  constructor(raw: string) {
    const equals = raw.indexOf('=')
    this.raw = raw
    this.rawName = equals < 0 ? raw : raw.slice(0, equals)
    this.rawValue = equals < 0 ? '' : raw.slice(equals + 1)
  }

  get name(): string {
    return decode(this.rawName)
  }

  get value(): string {
    return decode(this.rawValue)
  }
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  return spaced.includes('%') ? decodeURIComponent(spaced) : spaced
}

/** The raw list of a query that `canonicalTarget` has checked: order kept, nothing merged, empty pieces left out. */
export function queryPairs(query: string): readonly QueryPair[] {
  const pairs: QueryPair[] = []
  for (const piece of query.split('&')) {
    if (piece !== '') pairs.push(new RawPair(piece))
  }
  return pairs
}
