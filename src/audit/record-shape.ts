import { isLogName, isRecordType } from './record-types.ts'

type Members = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown) => typeof value === 'string'
const isCount = (value: unknown) => typeof value === 'number' && value >= 0
const isHash = (value: unknown) => typeof value === 'string' && /^[\w-]{43}$/.test(value)
const isName = (value: unknown) => typeof value === 'string' && isLogName(value)

/** Every member a record may have; canonical form has settled that numbers are whole and names occur once. */
const members: Readonly<Record<string, (value: unknown) => boolean>> = {
  v: (value) => value === 1,
  seq: isCount,
  node: isName,
  boot: isName,
  ts: isCount,
  mono: isCount,
  prev: isHash,
  type: (value) => typeof value === 'string' && isRecordType(value),
  rid: isText,
  actor: isObject,
  req: isObject,
  decision: isObject,
  credential: isObject,
  approval: isObject,
  outcome: isObject,
  epoch: isCount,
  ev: isObject,
  '~g': isText,
}

const always = ['v', 'seq', 'node', 'boot', 'ts', 'mono', 'prev', 'type']
const byType: Readonly<Record<string, readonly string[]>> = {
  intent: ['rid', 'actor', 'req', 'decision'],
  outcome: ['rid', 'outcome'],
  deny: ['decision'],
  boot: ['ev'],
  anchor: ['ev'],
}

/** What is wrong with the members of a record; undefined if nothing. */
export function shapeTrouble(record: Members): string | undefined {
  for (const name in record) {
    const check = members[name]
    if (check === undefined) return `an unknown member '${name.slice(0, 40)}'`
    if (!check(record[name])) return name === 'type' ? 'a record type the log does not know' : `a wrong '${name}'`
  }
  const required = byType[String(record.type)]
  const missing =
    always.find((name) => record[name] === undefined) ?? required?.find((name) => record[name] === undefined)
  return missing === undefined ? undefined : `no '${missing}'`
}
