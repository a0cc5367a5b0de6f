import { httpProblem } from './problems.ts'

/** The body of a form. A class, so that JSON is never taken for one. */
export class Form {
  readonly values: Readonly<Record<string, string>>

  constructor(values: Readonly<Record<string, string>>) {
    this.values = values
  }
}

const MOST_MEMBERS = 32
const UNESCAPED = /^[A-Za-z0-9*._+~!'()$,;:@/?=-]*$/
const ESCAPED = /%[0-9A-Fa-f]{2}/g
const CONTROL = /[\x00-\x1f\x7f]/
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads `application/x-www-form-urlencoded`, strictly: each name once (RFC 6749 §3.2), ASCII with whole escapes, valid
 * UTF-8, no control characters. A member without a value is left out, as if it had not been sent. Throws Problem
 * `request_invalid`.
 */
export function readForm(bytes: Uint8Array): Form {
  const values: Record<string, string> = Object.create(null)
  const seen = new Set<string>()
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  for (const member of text === '' ? [] : text.split('&')) {
    const at = member.indexOf('=')
    const name = decode(at < 0 ? member : member.slice(0, at))
    if (name === '') throw refused('a member has no name')
    if (seen.has(name)) throw refused(`'${name.slice(0, 64)}' stands twice`)
    if (seen.size >= MOST_MEMBERS) throw refused(`it has more than ${MOST_MEMBERS} members`)
    seen.add(name)
    const value = at < 0 ? '' : decode(member.slice(at + 1))
    if (value !== '') values[name] = value
  }
  return new Form(values)
}

function decode(text: string): string {
  if (!UNESCAPED.test(text.replaceAll(ESCAPED, ''))) throw refused('a character or an escape does not belong there')
  const bytes = text.replaceAll('+', ' ').replaceAll(ESCAPED, (triplet) => String.fromCharCode(byteOf(triplet)))
  let decoded: string
  try {
    decoded = decoder.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    throw refused('it is not valid UTF-8')
  }
  if (CONTROL.test(decoded)) throw refused('it holds a control character')
  return decoded
}

function byteOf(triplet: string): number {
  return Number.parseInt(triplet.slice(1), 16)
}

function refused(why: string) {
  return httpProblem('request_invalid', { detail: `the form cannot be read: ${why}` })
}
