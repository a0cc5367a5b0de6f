// Records of the house's log as rows of the contract's audit file (§3).
import type { LogRecord } from '../../audit/find-record.ts'
import { REDACTED } from './redact-body.ts'

export type AuditRow = Readonly<Record<string, unknown>> & { readonly ts: number; readonly event: string }

interface DoorRecord {
  readonly ts: number
  readonly type: string
  readonly rid?: string
  readonly req?: { readonly origin?: string; readonly path?: string; readonly query?: string }
  readonly decision?: { readonly reasons?: readonly string[] }
  readonly ev?: Readonly<Record<string, unknown>>
}

/** Members of a record that are the house's own. */
const INTERNAL = new Set([
  'event',
  'what',
  'outbox',
  'session',
  'agent',
  'audience',
  'expiresAt',
  'id',
  'count',
  'from',
])
/** Events of which `count` is a field. */
const COUNTED = new Set(['admin.listTemplates', 'admin.listServices'])

/** `status`: of the call's outcome, where there is one already. Undefined for a record that is none of this door's. */
export function auditRow(record: LogRecord, status: number | undefined): AuditRow | undefined {
  const { ts, ev, req, decision } = record as unknown as DoorRecord
  const { event } = ev ?? {}
  if (ev === undefined || typeof event !== 'string') return undefined
  const told = Object.entries(ev).filter(([name]) => !INTERNAL.has(name) || (name === 'count' && COUNTED.has(event)))
  const row: AuditRow = { ts, event, ...Object.fromEntries(told) }
  if (event === 'proxy.call') return { ...row, status: status ?? null, upstream: upstreamOf(req) }
  if (event.endsWith('.denied')) return { ...row, error: ev.error ?? decision?.reasons?.[0] ?? 'denied' }
  return row
}

/** Where it went, without the values of the query (AV-08). */
function upstreamOf({ origin = '', path = '', query = '' }: NonNullable<DoorRecord['req']> = {}): string {
  if (query === '') return `${origin}${path}`
  const names = query.split('&').map((pair) => (pair.includes('=') ? `${pair.split('=', 1)[0]}=${REDACTED}` : pair))
  return `${origin}${path}?${names.join('&')}`
}

/** Each key equals a field of the row, or one of its `context`. */
export function rowFits(row: AuditRow, filters: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(filters).every(([name, wanted]) => {
    const own = Object.hasOwn(row, name) ? row[name] : undefined
    const { context } = row as { context?: Readonly<Record<string, unknown>> }
    const inContext = context !== undefined && Object.hasOwn(context, name) ? context[name] : undefined
    return same(own, wanted) || same(inContext, wanted)
  })
}

function same(value: unknown, wanted: unknown): boolean {
  return (
    value === wanted ||
    (typeof wanted === 'object' && wanted !== null && JSON.stringify(value) === JSON.stringify(wanted))
  )
}
