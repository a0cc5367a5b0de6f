// What the head says of a body: how its fields are to be found, if they can be found for certain, and how the mark may be spelled.
import { comparableName } from '../../ground/header-names.ts'
import { type Escapes, FORM_ESCAPES, JSON_ESCAPES } from './mark-scan.ts'

export interface BodyForm {
  /** Undefined where it says nothing of fields. */
  readonly kind: 'json' | 'form' | undefined
  readonly escapes: Escapes | undefined
  /** Why its fields are not to be told, although it may have some; undefined where they are. */
  readonly doubt: string | undefined
  /** Nothing in it can be seen: a content coding. */
  readonly isCoded: boolean
}

const MEDIA_TYPE = /^application\/(?:(?:[\w.+-]+\+)?json|x-www-form-urlencoded)(?=[ \t;]|$)/i
const PARAMETER = /[ \t]*;[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~:/-]+)|"([^"\\]*)")/y

/** `headers`: those that will go on, names and values by turns. */
export function bodyForm(headers: readonly string[]): BodyForm {
  let type = ''
  let isCoded = false
  for (let at = 0; at < headers.length; at += 2) {
    const name = comparableName(headers[at] as string)
    const value = headers[at + 1] as string
    if (name === 'content-type') type = value
    else if (name === 'content-encoding' && !/^(?:identity)?$/i.test(value.trim())) isCoded = true
  }
  const kind = kindOf(type)
  // Without a type the service takes what it finds.
  if (kind === undefined) return { kind, escapes: undefined, doubt: undefined, isCoded: isCoded && type === '' }
  const escapes = kind === 'json' ? JSON_ESCAPES : FORM_ESCAPES
  return { kind, escapes, doubt: doubtOf(type), isCoded }
}

/** Whatever may be read as such, also where it is said in no usual way. */
function kindOf(type: string): 'json' | 'form' | undefined {
  if (/json/i.test(type)) return 'json'
  return /urlencoded/i.test(type) ? 'form' : undefined
}

/** Other charsets have other quotes and other ends of fields. */
function doubtOf(type: string): string | undefined {
  const [media] = MEDIA_TYPE.exec(type) ?? []
  if (media === undefined) return 'Its Content-Type is no plain one.'
  PARAMETER.lastIndex = media.length
  let end = media.length
  for (let found = PARAMETER.exec(type); found !== null; found = PARAMETER.exec(type)) {
    const [, name = '', bare, quoted = bare ?? ''] = found
    end = PARAMETER.lastIndex
    if (/^charset/i.test(name) && !(name.length === 'charset'.length && /^utf-?8$/i.test(quoted)))
      return 'Its charset is not UTF-8.'
  }
  return /^[ \t]*$/.test(type.slice(end)) ? undefined : 'Its Content-Type is no plain one.'
}
