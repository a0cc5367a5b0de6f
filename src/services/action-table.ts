import { constrainedQuery } from '../ground/constrained-query.ts'
import { lengthWithoutEnd } from '../ground/path-template.ts'
import type { Target } from '../ground/target.ts'
import { strongest } from '../policy/assurance.ts'
import { type Action, riskRank } from './actions.ts'
import type { Resolution } from './contract.ts'

/** `matched`: an action spoke, and opened the segments that it opens. */
export interface Answer {
  readonly matched: boolean
  readonly resolution: Resolution
}

/**
 * The actions of one method, ready to be asked. A call looks only at those whose first segment and length can fit, and
 * nothing is allocated unless two actions claim the call.
 */
export class ActionTable {
  /** By first literal segment in lower case, then by number of segments; the last list is for all longer paths. */
  readonly #byFirst = new Map<string, readonly (readonly Action[])[]>()
  /** For first segments that no template spells out. */
  readonly #other: readonly (readonly Action[])[]
  readonly #unions = new Map<string, Answer>()

  /** `actions` are of one method, the more specific first. */
  constructor(actions: readonly Action[]) {
    const firsts = new Set(actions.map(firstLiteral))
    this.#other = byLength(actions.filter((action) => firstLiteral(action) === undefined))
    for (const first of firsts) {
      if (first === undefined) continue
      const fitting = actions.filter((action) => [first, undefined].includes(firstLiteral(action)))
      this.#byFirst.set(first, byLength(fitting))
    }
  }

  /**
   * What the call is: the first action that matches, joined with those that claim it as well and with guarded ones that
   * it only just misses. `fallback` is what it is where no action matches; undefined is given where nothing speaks of it.
   */
  resolve(target: Target, fallback: Resolution): Answer | undefined {
    const lists = this.#byFirst.get(target.decoded[0]!.toLowerCase()) ?? this.#other
    const candidates = lists[Math.min(lengthWithoutEnd(target), lists.length - 1)] ?? none
    let near: Action | undefined
    for (const action of candidates) {
      if (actionMatches(action, target)) return this.#matched(action, near, target)
      if (near === undefined && action.guarded && isNear(action, target)) near = action
    }
    if (near === undefined) return undefined
    return this.#union(false, fallback, [near])
  }

  #matched(action: Action, near: Action | undefined, target: Target): Answer {
    const rivals = action.rivals.length === 0 ? none : action.rivals.filter((one) => actionMatches(one, target))
    if (rivals.length === 0 && near === undefined) return action.answer
    return this.#union(true, action.resolution, near === undefined ? rivals : [...rivals, near])
  }

  /** Made once for each set of actions, so that what is known about a resolution stays known. */
  #union(matched: boolean, first: Resolution, others: readonly Action[]): Answer {
    const key = [first.action ?? '', ...others.map(({ name }) => name)].join(' ')
    let answer = this.#unions.get(key)
    if (answer === undefined) {
      const joined = others.map(({ resolution }) => resolution).reduce(both, first)
      const among = [...(first.action === undefined ? [] : [first.action]), ...others.map(({ name }) => name)]
      answer = { matched, resolution: Object.freeze({ ...joined, among: Object.freeze(among) }) }
      this.#unions.set(key, answer)
    }
    return answer
  }
}

const none: readonly Action[] = []

function firstLiteral(action: Action): string | undefined {
  const first = action.template.segments[0]!
  return first.kind === 'literal' ? first.prefix.toLowerCase() : undefined
}

/** Lists by number of segments, an empty last one not counted, since near misses may have one more or less. */
function byLength(actions: readonly Action[]): readonly (readonly Action[])[] {
  const longest = Math.max(0, ...actions.map(lengthOf))
  return Array.from({ length: longest + 2 }, (_, length) =>
    actions.filter((action) => lengthOf(action) === length || (isOpenEnded(action) && lengthOf(action) < length)),
  )
}

function lengthOf({ template: { segments } }: Action): number {
  const last = segments.at(-1)!
  return segments.length > 1 && last.kind === 'literal' && last.prefix === '' ? segments.length - 1 : segments.length
}

function isOpenEnded({ template }: Action): boolean {
  return template.segments.some((segment) => segment.kind === 'several')
}

function actionMatches(action: Action, target: Target): boolean {
  return action.template.matches(target) && queryFits(action, target)
}

function isNear(action: Action, target: Target): boolean {
  return action.template.resembles(target) && queryFits(action, target)
}

/** Throws Problem `target_ambiguous` where the query could be read so that it fits and so that it does not. */
function queryFits({ query, keys }: Action, target: Target): boolean {
  if (query.size === 0) return true
  const values = constrainedQuery(target, keys)
  for (const [key, allowed] of query) {
    const value = values.get(key)
    if (value === undefined || !allowed.has(value)) return false
  }
  return true
}

/** Needs what both need. Naming one of two actions is not enough. */
function both(left: Resolution, right: Resolution): Resolution {
  const [one, other] = [enoughFor(left), enoughFor(right)]
  return Object.freeze({
    action: undefined,
    required: [...new Set([...left.required, ...right.required])],
    enough: one === other ? one : undefined,
    risk: riskRank[left.risk] >= riskRank[right.risk] ? left.risk : right.risk,
    ask: strongest(left.ask, right.ask),
  })
}

function enoughFor({ enough, required }: Resolution): string | undefined {
  return enough ?? (required.length === 1 ? required[0] : undefined)
}
