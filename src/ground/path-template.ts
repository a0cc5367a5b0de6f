/**
 * Path templates: which canonical targets an action or an allow rule is about.
 *
 * - `/repos/{owner}/{repo}`: a variable is one non-empty segment, without `%2F` and without `;`
 * - `/models/{model}:predict`: a variable may have a fixed beginning and end
 * - `/compare/{base}...{head}`: several in one segment have fixed text between them; the segment is then never opened
 * - `/projects/{id:encoded}`: the segment may hold `%2F`; `{id:matrix}`: it may hold `;`; `{id:encoded,matrix}`: both
 * - `/contents/{+path}`: one or more segments, the last may be empty (`/contents/a/`); one such variable a template
 *
 * Literals are compared after decoding, so that `%3A` is not a way around a template that says `:`.
 */
import type { Target } from './target.ts'
import { parseSegments, type TemplateSegment, variablesFit } from './template-segments.ts'

export interface PathTemplate {
  readonly text: string
  readonly segments: readonly TemplateSegment[]
  /** Compare with `>`: of two templates that match one target, the greater is the more specific. */
  readonly specificity: string
  /** `opened`: somebody else opened the segments that hold `%2F` or `;`, as an action does for the allowed paths. */
  matches(target: Target, opened?: boolean): boolean
  /** Matches but for ASCII letter case and one slash at the end: what a lenient upstream takes for the same path. */
  resembles(target: Target): boolean
}

/** Throws Problem `template_invalid`. */
export function compileTemplate(text: string): PathTemplate {
  return new CompiledTemplate(text, parseSegments(text))
}

class CompiledTemplate implements PathTemplate {
  readonly text: string
  readonly segments: readonly TemplateSegment[]
  readonly specificity: string
  /** The last literal whose place is fixed, and its place: what tells most templates apart is looked at first. */
  readonly #telling: string
  readonly #tellingAt: number

  constructor(text: string, segments: readonly TemplateSegment[]) {
    this.text = text
    this.segments = segments
    this.specificity = segments.map(weight).join('')
    const several = segments.findIndex((segment) => segment.kind === 'several')
    const fixed = several < 0 ? segments : segments.slice(0, several)
    this.#tellingAt = fixed.findLastIndex((segment) => segment.kind === 'literal' && segment.prefix !== '')
    this.#telling = segments[this.#tellingAt]?.prefix ?? ''
  }

  matches(target: Target, opened = false): boolean {
    if (this.#tellingAt >= 0 && target.decoded[this.#tellingAt] !== this.#telling) return false
    const how = opened || !(target.encodedSlash || target.matrix) ? opaque : exact
    return listMatches(this.segments, this.segments.length, target.decoded, target.decoded.length, how)
  }

  resembles(target: Target): boolean {
    if (this.#tellingAt >= 0 && !lenient.equals(target.decoded[this.#tellingAt] ?? '', this.#telling)) return false
    const own = this.segments
    const end = own.length > 1 && isEmpty(own.at(-1)!) ? own.length - 1 : own.length
    return listMatches(own, end, target.decoded, lengthWithoutEnd(target), lenient)
  }
}

/** Segments of the target, an empty last one not counted. `/` has one. */
export function lengthWithoutEnd({ decoded }: Target): number {
  return decoded.length > 1 && decoded.at(-1) === '' ? decoded.length - 1 : decoded.length
}

interface How {
  /** Whether segments with `%2F` or `;` need an opening. */
  readonly guarded: boolean
  readonly equals: (text: string, wanted: string) => boolean
  readonly begins: (text: string, wanted: string) => boolean
  readonly ends: (text: string, wanted: string) => boolean
  readonly find: (text: string, wanted: string, from: number) => number
}

const exact: How = {
  guarded: true,
  equals: (text, wanted) => text === wanted,
  begins: (text, wanted) => text.startsWith(wanted),
  ends: (text, wanted) => text.endsWith(wanted),
  find: (text, wanted, from) => text.indexOf(wanted, from),
}
const opaque: How = { ...exact, guarded: false }
const lenient: How = {
  guarded: false,
  equals: (text, wanted) => text.length === wanted.length && sameButCase(text, 0, wanted),
  begins: (text, wanted) => sameButCase(text, 0, wanted),
  ends: (text, wanted) => sameButCase(text, text.length - wanted.length, wanted),
  find: (text, wanted, from) => {
    for (let at = from; at + wanted.length <= text.length; at++) if (sameButCase(text, at, wanted)) return at
    return -1
  },
}

/** A loop, not a regular expression: time is linear in the segments and nothing is allocated. */
function listMatches(
  own: readonly TemplateSegment[],
  end: number,
  segments: readonly string[],
  count: number,
  how: How,
) {
  const spare = count - end
  if (spare < 0) return false
  let at = 0
  let stretched = spare === 0
  for (let mine = 0; mine < end; mine++) {
    const template = own[mine]!
    if (template.kind !== 'several') {
      if (!oneMatches(template, segments[at++]!, how)) return false
      continue
    }
    stretched = true
    for (const last = at + spare; at < last; at++) {
      const isEnd = endsFree(template) && at + 1 === last && last === count - 1 && segments[last] === ''
      if (isEnd) return oneMatches(template, segments[at]!, how)
      if (segments[at] === '' || !isOpen(template, segments[at]!, how)) return false
    }
    if (!oneMatches(template, segments[at++]!, how)) return false
  }
  return stretched
}

function oneMatches(own: TemplateSegment, text: string, how: How): boolean {
  if (own.kind === 'literal') return how.equals(text, own.prefix)
  return (
    text.length > own.prefix.length + own.suffix.length &&
    how.begins(text, own.prefix) &&
    how.ends(text, own.suffix) &&
    (own.between.length === 0 || variablesFit(own, text, how.find)) &&
    isOpen(own, text, how)
  )
}

/** Whether the last of several segments may be anything, and then also empty. */
export function endsFree({ suffix, between }: TemplateSegment): boolean {
  return suffix === '' && between.length === 0
}

function isOpen(own: TemplateSegment, text: string, how: How): boolean {
  return !how.guarded || ((own.encoded || !text.includes('%2F')) && (own.matrix || !text.includes(';')))
}

function isEmpty(segment: TemplateSegment): boolean {
  return segment.kind === 'literal' && segment.prefix === ''
}

/** Whether `wanted` stands in `text` from `start` on, ASCII letters in either case. */
function sameButCase(text: string, start: number, wanted: string): boolean {
  for (let at = 0; at < wanted.length; at++) {
    const code = text.charCodeAt(start + at)
    const other = wanted.charCodeAt(at)
    if (code === other) continue
    const letter = code | 0x20
    if (letter !== (other | 0x20) || letter < 0x61 || letter > 0x7a) return false
  }
  return true
}

const SEVERAL = 0x100
const VARIABLE = 0x2000
const LITERAL = 0xffff

/** A character that sorts as the segment ranks: literal, then longer fixed parts, then fewer openings. */
function weight(segment: TemplateSegment): string {
  if (segment.kind === 'literal') return String.fromCharCode(LITERAL)
  const between = segment.between.reduce((length, fixed) => length + fixed.length, 0)
  const fixed = 4 * (segment.prefix.length + between + segment.suffix.length)
  const openings = Number(segment.encoded) + Number(segment.matrix)
  return String.fromCharCode((segment.kind === 'several' ? SEVERAL : VARIABLE) + fixed + 2 - openings)
}
