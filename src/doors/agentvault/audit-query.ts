// `POST /vault.audit.query` (§1.5): the house's own log, through its index. What is looked at for one answer is bounded.
import type { AgentId } from '../../ground/ids.ts'
import { type AuditRow, auditRow, rowFits } from './audit-rows.ts'
import type { JsonObject } from './contract.ts'
import type { VaultNeeds } from './needs.ts'
import { rateLimited, refused } from './refusal.ts'
import { isObject } from './service-form.ts'

/** Outcomes and denials are on the disk by then: whoever asks after a call finds it. */
const RIDE_MS = 60
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1_000
/** Read at once, while nothing else is done. */
const PAGE = 25
/** Records of this door that are looked at for one answer: a filter that nearly nothing fits ends there. */
const MOST_LOOKED_AT = 2_000
/** Who has a query under way: one each, for reading takes the time of all. */
const asking = new Set<AgentId | 'admin'>()

/** Oldest to newest, the last that fit. `agent`: whose rows alone; undefined for all. Throws `FILTERS_INVALID`, `LIMIT_INVALID`, `RATE_LIMITED`. */
export async function queryAudit(
  needs: VaultNeeds,
  agent: AgentId | undefined,
  body: JsonObject,
): Promise<readonly AuditRow[]> {
  const filters = body.filters ?? {}
  const limit = body.limit ?? DEFAULT_LIMIT
  if (!isObject(filters)) throw refused('FILTERS_INVALID')
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0) throw refused('LIMIT_INVALID')
  const most = Math.min(limit, MAX_LIMIT)
  const { index } = needs.audit
  if (index === undefined || most === 0) return []
  const who = agent ?? 'admin'
  if (asking.has(who)) throw rateLimited(1_000)
  asking.add(who)
  try {
    return await look(index, agent, filters, most)
  } finally {
    asking.delete(who)
  }
}

async function look(
  index: NonNullable<VaultNeeds['audit']['index']>,
  agent: AgentId | undefined,
  wanted: JsonObject,
  most: number,
): Promise<readonly AuditRow[]> {
  await new Promise((resolve) => setTimeout(resolve, RIDE_MS))
  const event = typeof wanted.event === 'string' ? wanted.event : (true as const)
  const query = { event, ...(agent !== undefined && { actor: agent }) }
  const rows: AuditRow[] = []
  let before: number | undefined
  for (let looked = 0; looked < MOST_LOOKED_AT && rows.length < most; looked += PAGE) {
    const { records } = await index.find({ ...query, ...(before !== undefined && { before }) }, PAGE)
    const calls = records.filter(({ type }) => type === 'intent').map(({ rid }) => String(rid))
    const statuses = calls.length === 0 ? new Map<string, number>() : await index.statuses(calls)
    for (const record of records) {
      const row = auditRow(record, statuses.get(String(record.rid)))
      if (row !== undefined && rowFits(row, wanted) && rows.length < most) rows.push(row)
    }
    if (records.length < PAGE) break
    await new Promise((resolve) => setTimeout(resolve, 1))
    before = records.at(-1)?.seq
  }
  return rows.reverse()
}
