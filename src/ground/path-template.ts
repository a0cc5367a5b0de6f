/**
 * Path templates: which canonical targets an action or an allow rule is about.
 *
 * - `/repos/{owner}/{repo}`: a variable is one non-empty segment, without `%2F` and without `;`
 * - `/models/{model}:predict`: a variable may have a fixed beginning and end
 * - `/projects/{id:encoded}`: the segment may hold `%2F`; `{id:matrix}`: it may hold `;`; `{id:encoded,matrix}`: both
 * - `/contents/{+path}`: one or more segments, the last may be empty (`/contents/a/`); one such variable a template
 *
 * Literals are compared after decoding, so that `%3A` is not a way around a template that says `:`.
 */
import type { Target } from './target.ts'
import { parseSegments, type TemplateSegment } from './template-segments.ts'

export interface PathTemplate {
  readonly text: string
  readonly segments: readonly TemplateSegment[]
  /** Compare with `>`: of two templates that match one target, the greater is the more specific. */
  readonly specificity: string
  /** `opened`: somebody else opened the segments that hold `%2F` or `;`, as an action does for the allowed paths. */
  matches(target: Target, opened?: boolean): boolean
  /** Matches but for upper and lower case and one slash at the end: what a lenient upstream takes for the same path. */
  resembles(folded: FoldedPath): boolean
}

/** Decoded segments in lower case without the empty last one. */
export type FoldedPath = readonly string[]

export function foldedPath(target: Target): FoldedPath {
  return withoutEnd(
    target.decoded.map((segment) => segment.toLowerCase()),
    (segment) => segment === '',
  )
}

/** Throws Problem `template_invalid`. */
export function compileTemplate(text: string): PathTemplate {
  return new CompiledTemplate(text, parseSegments(text))
}

class CompiledTemplate implements PathTemplate {
  readonly text: string
  readonly segments: readonly TemplateSegment[]
  readonly specificity: string
  #folded: readonly TemplateSegment[] | undefined

  constructor(text: string, segments: readonly TemplateSegment[]) {
    this.text = text
    this.segments = segments
    this.specificity = segments.map(weight).join('')
  }

  matches(target: Target, opened = false): boolean {
    return listMatches(this.segments, target.decoded, opened || !(target.encodedSlash || target.matrix))
  }

  resembles(path: FoldedPath): boolean {
    this.#folded ??= withoutEnd(this.segments.map(folded), (one) => one.kind === 'literal' && one.prefix === '')
    return listMatches(this.#folded, path, true)
  }
}

/** A loop, not a regular expression: time is linear in the segments and nothing is allocated. */
function listMatches(own: readonly TemplateSegment[], segments: readonly string[], opened: boolean): boolean {
  const spare = segments.length - own.length
  if (spare < 0) return false
  let at = 0
  let stretched = spare === 0
  for (let mine = 0; mine < own.length; mine++) {
    const template = own[mine]!
    if (template.kind !== 'several') {
      if (!oneMatches(template, segments[at++]!, opened)) return false
      continue
    }
    stretched = true
    for (const last = at + spare; at < last; at++) {
      const isEnd = template.suffix === '' && at + 1 === last && last === segments.length - 1 && segments[last] === ''
      if (isEnd) return oneMatches(template, segments[at]!, opened)
      if (segments[at] === '' || !isOpen(template, segments[at]!, opened)) return false
    }
    if (!oneMatches(template, segments[at++]!, opened)) return false
  }
  return stretched
}

function oneMatches(own: TemplateSegment, text: string, opened: boolean): boolean {
  if (own.kind === 'literal') return text === own.prefix
  return (
    text.length > own.prefix.length + own.suffix.length &&
    text.startsWith(own.prefix) &&
    text.endsWith(own.suffix) &&
    isOpen(own, text, opened)
  )
}

function isOpen(own: TemplateSegment, text: string, opened: boolean): boolean {
  return opened || ((own.encoded || !text.includes('%2F')) && (own.matrix || !text.includes(';')))
}

const SEVERAL = 0x100
const VARIABLE = 0x2000
const LITERAL = 0xffff

/** A character that sorts as the segment ranks: literal, then longer fixed parts, then fewer openings. */
function weight(segment: TemplateSegment): string {
  if (segment.kind === 'literal') return String.fromCharCode(LITERAL)
  const fixed = 4 * (segment.prefix.length + segment.suffix.length)
  const openings = Number(segment.encoded) + Number(segment.matrix)
  return String.fromCharCode((segment.kind === 'several' ? SEVERAL : VARIABLE) + fixed + 2 - openings)
}

function folded(segment: TemplateSegment): TemplateSegment {
  return { ...segment, prefix: segment.prefix.toLowerCase(), suffix: segment.suffix.toLowerCase() }
}

function withoutEnd<T>(list: readonly T[], isEmpty: (one: T) => boolean): readonly T[] {
  return list.length > 1 && isEmpty(list.at(-1)!) ? list.slice(0, -1) : list
}
