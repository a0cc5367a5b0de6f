/**
 * From a path template and named parameters to a path. A parameter stands for what the template says and for nothing
 * else: one segment, unless the template opens it for `%2F` (`{id:encoded}`) or makes it several (`{+path}`).
 */
import type { PathTemplate } from './path-template.ts'
import { type Problem, problemsOf } from './problem.ts'
import type { JsonValue } from './strict-json.ts'
import type { TemplateSegment } from './template-segments.ts'

export const parameterProblems = {
  parameter_missing: {
    status: 400,
    title: 'The action wants a parameter that was not given',
    hint: 'Give it with --param NAME=VALUE (`params`); the path of the action names those that it wants: `claviger service show SERVICE`.',
  },
  parameter_invalid: {
    status: 400,
    title: 'The parameter cannot stand where the action puts it',
    hint: 'One segment of a path takes neither slash nor %, unless the path of the action says {+name} or {name:encoded}: `claviger service show SERVICE`.',
  },
} as const

const problem = problemsOf(parameterProblems)

export type Parameters = Readonly<Record<string, JsonValue>>

/**
 * The path, every value percent-encoded, and the parameters that it did not want.
 * Throws Problem `parameter_missing`, and `parameter_invalid` for what is neither text nor a number, is empty, has dots
 * alone in a segment, a slash in a single segment, or a control character, a backslash, `%` or `;` that was not opened.
 */
export function fillTemplate(template: PathTemplate, given: Parameters): { path: string; rest: Parameters } {
  const used = new Set<string>()
  const parts = template.segments.map((segment) => {
    if (segment.kind === 'literal') return fixed(segment.prefix)
    const { names, prefix, between, suffix } = segment
    const values = names.map((name, at) => {
      used.add(name)
      return `${filled(name, kindOf(segment, at), segment, given)}${fixed(between[at] ?? '')}`
    })
    return `${fixed(prefix)}${values.join('')}${fixed(suffix)}`
  })
  const rest = Object.entries(given).filter(([name]) => !used.has(name))
  return { path: `/${parts.join('/')}`, rest: Object.fromEntries(rest) }
}

/** Of `{+path}-{version}` the first alone may be several segments. */
function kindOf({ kind }: TemplateSegment, at: number): TemplateSegment['kind'] {
  return at === 0 ? kind : 'variable'
}

function filled(name: string, kind: TemplateSegment['kind'], segment: TemplateSegment, given: Parameters): string {
  const value = Object.hasOwn(given, name) ? given[name] : undefined
  if (value === undefined || value === null) throw problem('parameter_missing', { facts: { parameter: name } })
  const text = parameterText(name, value)
  if (text === '') throw invalid(name, 'is empty')
  const pieces = text.split('/')
  if (pieces.length > 1 && kind !== 'several' && !segment.encoded) throw invalid(name, 'holds a slash')
  for (const piece of pieces) checkPiece(name, segment.matrix, piece)
  return pieces.map(encoded).join(kind === 'several' ? '/' : '%2F')
}

function checkPiece(name: string, matrix: boolean, piece: string): void {
  if (piece === '') throw invalid(name, 'has an empty segment')
  if (/^\s*\.+\s*$/.test(piece.normalize('NFKC'))) throw invalid(name, 'has a segment of dots')
  if (/[\x00-\x1f\x7f]/.test(piece)) throw invalid(name, 'holds a control character')
  if (/[\\%]/.test(piece)) throw invalid(name, 'holds a backslash or a percent sign')
  if (piece.includes(';') && !matrix) throw invalid(name, 'holds a semicolon')
  if (!piece.isWellFormed()) throw invalid(name, 'is not well-formed text')
}

/** A parameter as text. Throws Problem `parameter_invalid` for what is neither text nor a number. */
export function parameterText(name: string, value: JsonValue): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw invalid(name, 'is neither text nor a number')
}

/** Everything but unreserved characters (RFC 3986 §2.3). */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** What the template itself says: as it was written, where a path may hold it (RFC 3986 §3.3, `pchar`). */
function fixed(text: string): string {
  const parts = text
    .split('%2F')
    .map((part) => encodeURIComponent(part).replace(/%(?:3A|40|24|26|2B|2C|3B|3D)/g, decodeURIComponent))
  return parts.join('%2F')
}

function invalid(parameter: string, why: string): Problem {
  return problem('parameter_invalid', { detail: `The parameter '${parameter}' ${why}.`, facts: { parameter } })
}
