/** A field value of the form `text/plain; charset=utf-8` (RFC 9110 §8.3.1), and of `Content-Disposition` (RFC 6266). */
export interface MediaType {
  /** `type/subtype` in lower case, or the disposition. */
  readonly type: string
  /** Names in lower case; the first of a name counts. */
  readonly parameters: ReadonlyMap<string, string>
  /** Whether some parameter stands there twice or what follows the type could not be read to its end. */
  readonly odd: boolean
}

const PARAMETER = /[\t ]*;[\t ]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)[\t ]*=[\t ]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*)))?/y

export function readMediaType(value: string): MediaType {
  const semicolon = value.indexOf(';')
  const type = (semicolon < 0 ? value : value.slice(0, semicolon)).trim().toLowerCase()
  const parameters = new Map<string, string>()
  let odd = value.length > MAX_VALUE
  let at = semicolon < 0 || odd ? value.length : semicolon
  while (at < value.length) {
    PARAMETER.lastIndex = at
    const found = PARAMETER.exec(value)
    if (found === null) break
    at = PARAMETER.lastIndex
    const [, name, quoted, token] = found
    if (name === undefined) continue
    const key = name.toLowerCase()
    if (parameters.has(key)) odd = true
    else parameters.set(key, quoted === undefined ? (token ?? '') : quoted.replace(/\\(.)/gs, '$1'))
  }
  if (value.slice(at).trim() !== '') odd = true
  return { type, parameters, odd }
}

const MAX_VALUE = 8_192

/** The name and file name that a part gives itself; `filename*` (RFC 8187) counts before `filename`. */
export function namesOf(disposition: MediaType): {
  readonly name: string | undefined
  readonly file: string | undefined
} {
  const extended = disposition.parameters.get('filename*')
  return {
    name: disposition.parameters.get('name'),
    file: (extended === undefined ? undefined : readExtended(extended)) ?? disposition.parameters.get('filename'),
  }
}

function readExtended(value: string): string | undefined {
  const [, charset = '', text = ''] = /^([^']*)'[^']*'(.*)$/s.exec(value) ?? []
  if (!/^utf-8$/i.test(charset)) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
