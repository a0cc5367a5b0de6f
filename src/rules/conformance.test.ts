// The conformance cases of the CEL specification, run on the functions that conditions have: metered ones.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type CelInput,
  type CelValue,
  celEnv,
  celUint,
  isCelError,
  isCelList,
  isCelMap,
  isCelType,
  isCelUint,
  parse,
  plan,
} from '@bufbuild/cel'
import { tests as conformance } from '@bufbuild/cel-spec/testdata/conformance.js'
import { getTestRegistry } from '@bufbuild/cel-spec/testdata/registry.js'
import { metered, meteredFunctions } from './condition-cost.ts'

/** A value as the cases write it: `{ int64Value: '1' }`. */
type Written = Readonly<Record<string, unknown>>
interface Case {
  readonly name?: string
  readonly expr: string
  readonly container?: string
  readonly value?: Written
  readonly evalError?: object
  readonly unknown?: object
  readonly typedResult?: { readonly result?: Written }
  readonly checkOnly?: boolean
  readonly bindings?: Readonly<Record<string, { readonly value?: Written }>>
}
interface Suite {
  readonly name: string
  readonly suites?: readonly Suite[]
  readonly tests?: readonly { readonly original: Case }[]
}

/** What rules use: the language and its standard library. Messages and extensions are not offered to them. */
const SUITES = [
  'basic',
  'comparisons',
  'conversions',
  'fields',
  'fp_math',
  'integer_math',
  'lists',
  'logic',
  'macros',
  'namespace',
  'parse',
  'plumbing',
  'string',
  'timestamps',
]

/** Not in the library: names of members between backticks, and a map literal that says one key in two kinds. */
const LACKING = [
  'field_access_slash',
  'field_access_dash',
  'field_access_dot',
  'has_field_slash',
  'has_field_dash',
  'has_field_dot',
  'map_value_repeat_key_heterogeneous',
]

const registry = getTestRegistry()
const envs = new Map<string, ReturnType<typeof celEnv>>()

function evaluate({ expr, container = '', bindings = {} }: Case): unknown {
  let env = envs.get(container)
  if (env === undefined) {
    env = celEnv({ funcs: meteredFunctions, namespace: container, registry })
    envs.set(container, env)
  }
  const bound = Object.entries(bindings).map(([name, { value }]) => [name, toCel(value ?? {})])
  const { given, over } = metered(1, new Map(), () => plan(env, parse(expr))(Object.fromEntries(bound)))
  assert.equal(over, false)
  return given
}

const NOT_PLAIN = Symbol('a message')

function toCel(value: Written): CelInput {
  const [[kind, held]] = Object.entries(value) as [[string, never]]
  if (kind === 'int64Value') return BigInt(held)
  if (kind === 'uint64Value') return celUint(BigInt(held))
  if (kind === 'doubleValue') return Number(held)
  if (kind === 'nullValue') return null
  if (kind === 'bytesValue') return Buffer.from(held, 'base64')
  if (kind === 'listValue') return ((held as { values?: Written[] }).values ?? []).map(toCel)
  if (kind === 'mapValue') {
    const { entries = [] } = held as { entries?: { key: Written; value: Written }[] }
    return new Map(entries.map((entry) => [toCel(entry.key) as string, toCel(entry.value)]))
  }
  if (kind === 'stringValue' || kind === 'boolValue') return held
  throw NOT_PLAIN
}

/** What was given, comparable: kinds told apart, maps without an order. */
function plain(value: CelValue): unknown {
  if (typeof value === 'bigint') return `int ${value}`
  if (isCelUint(value)) return `uint ${value.value}`
  if (typeof value === 'number') return `double ${value}`
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (isCelType(value)) return `type ${value.name}`
  if (isCelList(value)) return [...value].map((one) => plain(one))
  if (isCelMap(value)) return new Map([...value].map(([key, one]) => [plain(key as CelValue), plain(one)]))
  if (typeof value === 'object' && value !== null) throw NOT_PLAIN
  return value
}

function wanted(value: Written): unknown {
  if (value.typeValue !== undefined) return `type ${value.typeValue}`
  if ('boolValue' in value || 'stringValue' in value) return Object.values(value)[0]
  if ('nullValue' in value) return null
  if ('int64Value' in value) return `int ${value.int64Value}`
  if ('uint64Value' in value) return `uint ${value.uint64Value}`
  if ('doubleValue' in value) return `double ${Number(value.doubleValue)}`
  if ('bytesValue' in value) return `bytes ${Buffer.from(value.bytesValue as string, 'base64').toString('hex')}`
  if ('listValue' in value) return ((value.listValue as { values?: Written[] }).values ?? []).map(wanted)
  if ('mapValue' in value) {
    const { entries = [] } = value.mapValue as { entries?: { key: Written; value: Written }[] }
    return new Map(entries.map((entry) => [wanted(entry.key), wanted(entry.value)]))
  }
  throw NOT_PLAIN
}

function holds(one: Case): boolean | undefined {
  const expected = one.value ?? one.typedResult?.result
  if (one.checkOnly === true || one.unknown !== undefined) return undefined
  try {
    const given = evaluate(one)
    if (one.evalError !== undefined) return isCelError(given)
    if (isCelError(given)) return false
    assert.deepEqual(plain(given as CelValue), expected === undefined ? true : wanted(expected))
    return true
  } catch (error) {
    if (error === NOT_PLAIN) return undefined
    return one.evalError !== undefined
  }
}

function casesOf({ suites = [], tests = [] }: Suite): readonly Case[] {
  return [...tests.map(({ original }) => original), ...suites.flatMap(casesOf)]
}

describe('CEL as conditions have it', () => {
  for (const name of SUITES) {
    test(`passes the specification's cases of ${name}`, () => {
      const suite = (conformance as Suite).suites?.find((one) => one.name === name)
      assert.ok(suite !== undefined, `${name} is not among the cases`)
      const judged = casesOf(suite).map((one) => ({ name: `${one.name}: ${one.expr}`, holds: holds(one) }))
      const failed = judged
        .filter((one) => one.holds === false && !LACKING.includes(one.name.split(':', 1)[0] ?? ''))
        .map((one) => one.name)
      assert.deepEqual(failed, [])
      assert.ok(judged.some((one) => one.holds === true))
    })
  }
})
