import { endsFree } from './path-template.ts'
import { type TemplateSegment, variablesFit } from './template-segments.ts'

/** A template, as far as comparing goes. */
interface Segments {
  readonly segments: readonly TemplateSegment[]
}

/**
 * Templates compared as sets of paths. `{+several}` is one segment and then a star, so both questions are walks over two
 * small automata; templates are short, so the walks may be plain recursion with a memory of the places seen.
 */
interface Step {
  readonly segment: TemplateSegment
  /** Zero or more of it. */
  readonly star: boolean
}

/** Whether some target matches both. May say true for templates that only nearly meet, never false for those that do. */
export function templatesOverlap(left: Segments, right: Segments): boolean {
  return new Walk(stepsOf(left), stepsOf(right), segmentsOverlap, 'some').from(0, 0)
}

/**
 * Whether every target that matches `inner` matches `outer`, opened segments included.
 * May say false for templates of unusual shape that do contain each other, never true for those that do not.
 */
export function templateContains(outer: Segments, inner: Segments): boolean {
  const [outerSteps, innerSteps] = [stepsOf(outer), stepsOf(inner)]
  if (innerSteps.at(-1)!.star && !outerSteps.at(-1)!.star) return false
  return new Walk(outerSteps, innerSteps, segmentContains, 'all').from(0, 0)
}

/** `{+x}` is one and then any number; `{+x}.json` and `{+x}-{y}` are any number and then one that ends so. */
function stepsOf(template: Segments): readonly Step[] {
  return template.segments.flatMap((segment) => {
    if (segment.kind !== 'several') return [{ segment, star: false }]
    const free = { ...segment, suffix: '', between: [] }
    if (endsFree(segment))
      return [
        { segment, star: false },
        { segment, star: true },
      ]
    return [
      { segment: free, star: true },
      { segment, star: false },
    ]
  })
}

type Meets = (outer: TemplateSegment, inner: TemplateSegment) => boolean

/**
 * `some`: one common way through both is enough. `all`: for each way through `inner` there is one through `outer`
 * (a simulation: a place seen before counts as good, since the walk that reached it first tells the answer).
 */
class Walk {
  readonly #outer: readonly Step[]
  readonly #inner: readonly Step[]
  readonly #meets: Meets
  readonly #ask: 'some' | 'all'
  readonly #answers = new Map<number, boolean>()

  constructor(outer: readonly Step[], inner: readonly Step[], meets: Meets, ask: 'some' | 'all') {
    this.#outer = outer
    this.#inner = inner
    this.#meets = meets
    this.#ask = ask
  }

  from(o: number, i: number): boolean {
    const place = o * (this.#inner.length + 1) + i
    const known = this.#answers.get(place)
    if (known !== undefined) return known
    this.#answers.set(place, this.#ask === 'all')
    const answer = this.#look(o, i)
    this.#answers.set(place, answer)
    return answer
  }

  #look(o: number, i: number): boolean {
    const theirs = this.#outer[o]
    const mine = this.#inner[i]
    if (theirs === undefined && mine === undefined) return true
    const skipOuter = () => theirs?.star === true && this.from(o + 1, i)
    if (mine === undefined) return skipOuter() || (this.#ask === 'some' && this.#endsEmpty(this.#inner, i, theirs))
    const take = () => theirs !== undefined && this.#meets(theirs.segment, mine.segment) && this.#step(o, i)
    const onward = () => take() || skipOuter() || this.#endsEmpty(this.#outer, o, mine)
    if (!mine.star) return onward()
    const skip = () => this.from(o, i + 1)
    return this.#ask === 'some' ? onward() || skip() : (take() || skipOuter()) && skip()
  }

  #step(o: number, i: number): boolean {
    return this.from(this.#outer[o]!.star ? o : o + 1, this.#inner[i]!.star ? i : i + 1)
  }

  /** A `{+several}` at the end takes an empty last segment. */
  #endsEmpty(several: readonly Step[], at: number, other: Step | undefined): boolean {
    const last = several.at(-1)!
    if (!last.star || at < several.length - 1 || other === undefined) return false
    return other.segment.kind === 'literal' && other.segment.prefix === ''
  }
}

function segmentsOverlap(left: TemplateSegment, right: TemplateSegment): boolean {
  if (left.kind === 'literal' && right.kind === 'literal') return left.prefix === right.prefix
  if (left.kind === 'literal') return variableTakes(right, left.prefix)
  if (right.kind === 'literal') return variableTakes(left, right.prefix)
  const [before, after] = [
    [left.prefix, right.prefix],
    [left.suffix, right.suffix],
  ] as const
  return (
    (before[0].startsWith(before[1]) || before[1].startsWith(before[0])) &&
    (after[0].endsWith(after[1]) || after[1].endsWith(after[0]))
  )
}

function segmentContains(outer: TemplateSegment, inner: TemplateSegment): boolean {
  if (outer.kind === 'literal') return inner.kind === 'literal' && outer.prefix === inner.prefix
  if (inner.kind === 'literal') return variableTakes(outer, inner.prefix)
  return (
    inner.prefix.startsWith(outer.prefix) &&
    inner.suffix.endsWith(outer.suffix) &&
    isPartOf(outer.between, inner.between) &&
    (outer.encoded || !inner.encoded) &&
    (outer.matrix || !inner.matrix)
  )
}

/** Whether `inner` has these texts too, in this order: what stands between them there, a variable takes here. */
function isPartOf(outer: readonly string[], inner: readonly string[]): boolean {
  let at = 0
  for (const fixed of inner) if (fixed === outer[at]) at += 1
  return at === outer.length
}

/** Whether the variable takes this fixed text; a literal with `%2F` or `;` needs it opened. */
function variableTakes(variable: TemplateSegment, text: string): boolean {
  if (!variable.encoded && text.includes('%2F')) return false
  if (!variable.matrix && text.includes(';')) return false
  return (
    text.length > variable.prefix.length + variable.suffix.length &&
    text.startsWith(variable.prefix) &&
    text.endsWith(variable.suffix) &&
    variablesFit(variable, text)
  )
}
