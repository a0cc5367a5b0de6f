import { Problem, problemsOf } from './problem.ts'
import { canonicalTarget } from './target.ts'

export const templateProblems = {
  template_invalid: {
    status: 422,
    title: 'The path template cannot be read',
    hint: 'Write /fixed/{one}/{+several}; {name:encoded} lets one segment hold %2F.',
  },
} as const

const problem = problemsOf(templateProblems)

/** One segment of a template. `literal` and `variable` take one segment, `several` one or more. */
export interface TemplateSegment {
  readonly kind: 'literal' | 'variable' | 'several'
  /** Names of the variables; none for a literal. */
  readonly names: readonly string[]
  /** Decoded text before the first variable, or the literal itself. */
  readonly prefix: string
  /** Decoded text between each two variables: `-` in `{from}-{to}`. Never empty, and matched where it stands first. */
  readonly between: readonly string[]
  /** Decoded text after the last variable. */
  readonly suffix: string
  readonly encoded: boolean
  readonly matrix: boolean
}

const MAX_TEMPLATE = 1024
const VARIABLE_SEGMENT = /^([^{}]*)\{(\+?)([A-Za-z_][A-Za-z0-9_]*)(?::([a-z]+(?:,[a-z]+)?))?\}(.*)$/
/** What follows the first variable: each time text and a further one, then text. */
const FURTHER = /([^{}]*)\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** The segments of a template's text. Throws Problem `template_invalid`. */
export function parseSegments(text: string): readonly TemplateSegment[] {
  if (text.length > MAX_TEMPLATE) throw invalid(text.slice(0, 40), `longer than ${MAX_TEMPLATE} characters`)
  if (!text.startsWith('/')) throw invalid(text, 'does not begin with /')
  const segments = text
    .slice(1)
    .split('/')
    .map((segment) => parseSegment(text, segment))
  const names = segments.flatMap((segment) => segment.names)
  if (new Set(names).size !== names.length) throw invalid(text, 'names a variable twice')
  if (segments.filter((segment) => segment.kind === 'several').length > 1) throw invalid(text, 'has two {+variables}')
  // The shape as a whole obeys what targets obey: no dot segments, no empty segments but a last one.
  decodedSegments(
    text,
    `/${segments.map((one, at) => (one.kind === 'literal' ? rawSegment(text, at) : 'x')).join('/')}`,
  )
  return segments
}

function rawSegment(text: string, at: number): string {
  return text.slice(1).split('/')[at]!
}

function parseSegment(text: string, segment: string): TemplateSegment {
  if (!/[{}]/.test(segment)) {
    const prefix = segment === '' ? '' : decodedSegments(text, `/${segment}`)[0]!
    return { kind: 'literal', names: [], prefix, between: [], suffix: '', encoded: false, matrix: false }
  }
  const parts = VARIABLE_SEGMENT.exec(segment)
  if (parts === null) throw neither(text)
  const [, before = '', plus, name = '', openings = '', rest = ''] = parts
  const further = [...rest.matchAll(FURTHER)]
  const after = rest.slice(further.reduce((end, [whole]) => end + whole.length, 0))
  if (/[{}]/.test(after)) throw neither(text)
  if (further.some(([, fixed]) => fixed === '')) throw invalid(text, 'has two variables with nothing between them')
  if (further.length > 0 && openings !== '') throw invalid(text, 'opens a segment that has two variables')
  const opened = new Set(openings === '' ? [] : openings.split(','))
  for (const one of opened) {
    if (one !== 'encoded' && one !== 'matrix') throw invalid(text, `opens a segment with :${one}`)
  }
  if (plus !== '' && before !== '') throw invalid(text, 'has text before a {+variable}')
  return {
    kind: plus === '' ? 'variable' : 'several',
    names: [name, ...further.map(([, , other]) => other!)],
    prefix: fixedPart(text, before),
    between: further.map(([, fixed]) => fixedPart(text, fixed!)),
    suffix: fixedPart(text, after),
    encoded: opened.has('encoded'),
    matrix: opened.has('matrix'),
  }
}

/**
 * Whether the segment's variables can stand for what the text has beside the fixed parts. Searching each part where it stands
 * first is enough: what follows then has the most room.
 */
export function variablesFit(
  own: TemplateSegment,
  text: string,
  find: (text: string, wanted: string, from: number) => number = indexOf,
): boolean {
  let at = own.prefix.length + 1
  for (const fixed of own.between) {
    const found = find(text, fixed, at)
    if (found < 0) return false
    at = found + fixed.length + 1
  }
  return at <= text.length - own.suffix.length
}

function indexOf(text: string, wanted: string, from: number): number {
  return text.indexOf(wanted, from)
}

/** Text beside a variable, decoded. The `x` stands for the variable, so that `.` beside it is not a dot segment. */
function fixedPart(text: string, part: string): string {
  const decoded = decodedSegments(text, `/x${part}`)[0]!.slice(1)
  if (/%2F|;/.test(decoded)) throw invalid(text, 'has %2F or ; beside a variable')
  return decoded
}

function decodedSegments(text: string, path: string): readonly string[] {
  try {
    const target = canonicalTarget(path)
    if (target.hasQuery) throw invalid(text, 'holds a query')
    return target.decoded
  } catch (error) {
    if (error instanceof Problem && error.code === 'target_ambiguous') throw invalid(text, String(error.facts.rule))
    throw error
  }
}

function neither(text: string): Problem {
  return invalid(text, 'has a segment that is neither fixed nor variables with fixed text beside them')
}

function invalid(template: string, why: string): Problem {
  return problem('template_invalid', { detail: `The path template ${why}.`, facts: { template } })
}
