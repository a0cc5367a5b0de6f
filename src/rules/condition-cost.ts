/** What a condition may cost: everything that it does is charged, and what runs out is not known. */
import {
  type CelFunc,
  type CelInput,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celMethod,
  isCelList,
  isCelMap,
} from '@bufbuild/cel'
import { localTime } from './local-time.ts'
import { Pattern } from './pattern.ts'

/** Units of a few nanoseconds: an evaluation ends within a fraction of a second, whatever the body is. */
const BUDGET = 5_000_000
/** Elements that one macro goes over. */
const MAX_RANGE = 2_000
/** The function that the range of every macro is wrapped in; no text of a condition can name it. */
export const BOUNDED = '@bounded'

/** Evaluations are synchronous and one at a time, so one purse does for all. */
const purse: { left: number; over: boolean; values: number; patterns: Patterns } = {
  left: 0,
  over: false,
  values: 0,
  patterns: new Map(),
}

/** Those of one condition, by how they are written. */
export type Patterns = ReadonlyMap<string, Pattern>

/** Runs one evaluation; `over` says whether it was cut short: whatever it gave is then worth nothing. */
export function metered<T>(
  values: number,
  patterns: Patterns,
  work: () => T,
): { readonly given: T; readonly over: boolean } {
  purse.left = BUDGET
  purse.over = false
  purse.values = values
  purse.patterns = patterns
  const given = work()
  return { given, over: purse.over }
}

function charge(units: number): void {
  purse.left -= units
  if (purse.left >= 0) return
  purse.over = true
  throw new Error('the condition costs too much')
}

/** To begin with a zone takes a fifth of a millisecond, and its name may come from a body. */
const NEW_ZONE = 20_000
const inZone: ReadonlySet<CelFunc> = new Set(localTime.filter(({ arguments: { length } }) => length > 0))

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
    if (inZone.has(func)) units += NEW_ZONE
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

function weighMatch(text: CelValue | undefined, pattern: CelValue | undefined): number {
  if (typeof text !== 'string' || typeof pattern !== 'string') return 0
  return Math.ceil((text.length * (purse.patterns.get(pattern)?.size ?? pattern.length)) / 4)
}

/** The specification's, by patterns that are compiled already; others are compiled for the one use. */
const matches = celMethod('matches', CelScalar.STRING, [CelScalar.STRING], CelScalar.BOOL, function (pattern) {
  return (purse.patterns.get(pattern) ?? new Pattern(pattern)).isIn(String(this))
})

/** Of two functions of one signature the later one holds. */
const functions = celEnv({ funcs: [...localTime, matches] }).funcs

/** The functions of CEL, metered. */
export const meteredFunctions = [...[...functions].map(charging), bounded]

export const env = celEnv({ funcs: meteredFunctions })
