/** What a condition may cost: everything that it does is charged, and what runs out is not known. */
import {
  type CelFunc,
  type CelInput,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  isCelList,
  isCelMap,
} from '@bufbuild/cel'

/** Units of a few nanoseconds: an evaluation ends within a fraction of a second, whatever the body is. */
const BUDGET = 5_000_000
/** Elements that one macro goes over. */
const MAX_RANGE = 2_000
/** The function that the range of every macro is wrapped in; no text of a condition can name it. */
export const BOUNDED = '@bounded'

/** Evaluations are synchronous and one at a time, so one purse does for all. */
const purse = { left: 0, over: false, values: 0 }

/** Runs one evaluation; `over` says whether it was cut short: whatever it gave is then worth nothing. */
export function metered<T>(values: number, work: () => T): { readonly given: T; readonly over: boolean } {
  purse.left = BUDGET
  purse.over = false
  purse.values = values
  const given = work()
  return { given, over: purse.over }
}

function charge(units: number): void {
  purse.left -= units
  if (purse.left >= 0) return
  purse.over = true
  throw new Error('the condition costs too much')
}

const DEEP = new Set(['_==_', '_!=_', '@in'])

function weigh(value: CelValue | undefined, deep: boolean): number {
  if (typeof value === 'string') return value.length >> 3
  if (value instanceof Uint8Array) return value.length >> 3
  // To compare may mean to go through all of the body.
  if (isCelList(value) || isCelMap(value)) return deep ? purse.values + value.size : 1
  return 0
}

/** The same function, which charges for what it is given. */
function charging(func: CelFunc): CelFunc {
  const deep = DEEP.has(func.name)
  const call: CelFunc['call'] = (id, target, args) => {
    let units = 1 + weigh(target, deep) + (func.name === 'matches' ? weighMatch(target, args[0]) : 0)
    for (const arg of args) units += weigh(arg, deep)
    charge(units)
    return func.call(id, target, args)
  }
  return Object.create(func, { call: { value: call } })
}

const bounded = celFunc(BOUNDED, [CelScalar.DYN], CelScalar.DYN, (range) => {
  if (!isCelList(range) && !isCelMap(range)) return range as CelInput
  const { size } = range
  if (size > MAX_RANGE) {
    purse.over = true
    throw new Error('the condition goes over too many elements')
  }
  // A list that a macro made is read through as many layers as it has elements.
  charge(10 * size + (size * size) / 8)
  return range
})

const MAX_PATTERN_SIZE = 2_000

/** What is wrong with a pattern of a condition, or undefined. RE2: linear in the text, no backtracking. */
export function patternProblem(pattern: string): string | undefined {
  if (patternSize(pattern) > MAX_PATTERN_SIZE) return 'it repeats too much'
  purse.left = BUDGET
  const given = env.funcs.find('matches')?.call(0, '', [pattern])
  return typeof given === 'boolean' ? undefined : 'it is no RE2 pattern'
}

/** About as many states as it has: its length, times what it repeats by number. */
function patternSize(pattern: string): number {
  let size = Math.max(1, pattern.length)
  for (const [, from, to] of pattern.matchAll(/\{([0-9]+)(?:,([0-9]*))?\}/g)) {
    size *= Math.max(1, Number(from), Number(to ?? 0))
  }
  return size
}

function weighMatch(text: CelValue | undefined, pattern: CelValue | undefined): number {
  if (typeof text !== 'string' || typeof pattern !== 'string') return 0
  const size = patternSize(pattern)
  return 100 * size + Math.ceil((text.length * size) / 4)
}

const standard = celEnv()

/** The functions of CEL, metered. */
export const meteredFunctions = [...[...standard.funcs].map(charging), bounded]

export const env = celEnv({ funcs: meteredFunctions })
