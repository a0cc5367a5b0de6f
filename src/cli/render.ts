// JSON of the API as text for people: a table for a list, `name: value` lines for one thing.

import { escapeControls } from '../ground/escape-controls.ts'

type Json = unknown
type Item = Readonly<Record<string, Json>>

/**
 * A list as an aligned table of these members; a member that no item has makes no column. Where `width` is known, the widest
 * columns give way until a line fits: a row that breaks is read by nobody, and `--json` has all of it.
 */
export function table(items: readonly Item[], columns: readonly string[], none = 'none', width?: number): string {
  if (items.length === 0) return none
  const shown = columns.filter((column) => items.some((item) => item[column] !== undefined))
  const rows = [shown.map(heading), ...items.map((item) => shown.map((column) => cell(column, item[column])))]
  const wanted = shown.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  const widths = width === undefined ? wanted : fitted(wanted, width)
  return rows
    .map((row) =>
      row
        .map((text, index) => cut(text, widths[index] ?? 0).padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Narrower than this no column gets: its heading would say nothing. */
const NARROWEST = 8

function fitted(wanted: readonly number[], width: number): number[] {
  const widths = [...wanted]
  const total = () => widths.reduce((sum, one) => sum + one, 2 * (widths.length - 1))
  for (let widest = Math.max(...widths); total() > width && widest > NARROWEST; widest = Math.max(...widths))
    widths[widths.lastIndexOf(widest)] = widest - 1
  return widths
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** The first of several, and how many more there are. */
export function firstOf(all: readonly string[]): string {
  return all.length < 2 ? (all[0] ?? '') : `${all[0]} +${all.length - 1}`
}

/** An item with names where the gateway knows them, for people; `--json` has the ids too. */
export function named({ agentName, serviceName, credentialHandle, ...item }: Item): Item {
  const names = { agent: agentName, service: serviceName, credential: credentialHandle }
  return { ...item, ...Object.fromEntries(Object.entries(names).filter(([, name]) => name !== undefined)) }
}

/** What went with something that was removed: `removed shop, and with it 2 keys and 1 role`. */
export function removed(what: string, counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).flatMap(([one, count]) =>
    count === 0 ? [] : [`${count} ${one}${count === 1 ? '' : 's'}`],
  )
  if (parts.length === 0) return `removed ${what}; nothing hung on it`
  return `removed ${what}, and with it ${[parts.slice(0, -1).join(', '), parts.at(-1)].filter((part) => part).join(' and ')}`
}

/** One thing as aligned `name  value` lines, what it is called first; objects inside it are named `outer.inner`. */
export function facts(item: Item): string {
  const { name, handle, id, ...rest } = item
  const lines = flatten({ name, handle, id, ...rest }, '')
  const width = Math.max(0, ...lines.map(([name]) => name.length))
  return lines.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join('\n')
}

function flatten(item: Item, prefix: string): [string, string][] {
  return Object.entries(item).flatMap(([name, value]) => {
    if (value === undefined || value === null) return []
    if (typeof value === 'object' && !Array.isArray(value)) return flatten(value as Item, `${prefix}${name}.`)
    if (Array.isArray(value) && value.some((inner) => typeof inner === 'object')) {
      return value.flatMap((inner, index) => flatten({ [`${name}[${index}]`]: inner } as Item, prefix))
    }
    return [[`${prefix}${name}`, cell(name, value)] as [string, string]]
  })
}

function cell(name: string, value: Json): string {
  if (value === undefined || value === null || value === '') return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map((inner) => cell('', inner)).join(' ')
  if (typeof value === 'number' && /(At|Until|Since|^at|^ts)$/.test(name) && value > 1e11)
    return new Date(value).toISOString()
  if (typeof value === 'object') {
    const pairs = Object.entries(value).map(([inner, text]) => `${inner}=${cell(inner, text)}`)
    return pairs.length === 0 ? '-' : pairs.join(' ')
  }
  // A line feed in what others wrote would make a line of its own.
  return escapeControls(String(value))
}

function heading(column: string): string {
  return column.replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase()
}
