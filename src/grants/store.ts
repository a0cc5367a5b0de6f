import { canonicalJson } from '../ground/canonical-json.ts'
import type { AgentId, CallId, CredentialId, GrantId, ServiceId } from '../ground/ids.ts'
import { Problem } from '../ground/problem.ts'
import { readLabel } from '../policy/label.ts'
import { storageProblem } from '../storage/problems.ts'
import type { Storage, Tx } from '../storage/storage.ts'
import type { Reach } from './contract.ts'
import type { GrantRecord } from './entries.ts'

interface GrantRow {
  readonly id: string
  readonly agent: string
  readonly service: string
  readonly scopes: string
  readonly credential: string | null
  readonly rpm: number | null
  readonly uses: number | null
  readonly expires_at: number | null
  readonly created_at: number
  readonly revoked_at: number | null
  readonly epoch: number
  readonly label: string | null
  /** JSON of the ids, where there are several. */
  readonly credentials: string | null
  /** Null: from before grants named credentials of which there are several. */
  readonly reach: Reach | null
  readonly door: string | null
}

interface CounterRow {
  readonly id: string
  readonly used: number
}

interface CallRow {
  readonly id: string
  readonly grant_id: string
  readonly boot: string
  readonly at: number
}

/** A call that took a use. */
export interface UsedBy {
  readonly rid: CallId
  readonly grant: GrantId
}

export async function putGrant(tx: Tx, record: GrantRecord): Promise<void> {
  await tx.put('grants', {
    id: record.id,
    agent: record.agent,
    service: record.service,
    scopes: canonicalJson(record.scopes),
    credential: record.credentials[0] ?? null,
    credentials: record.credentials.length > 1 ? canonicalJson(record.credentials) : null,
    reach: record.reach,
    label: record.label?.text ?? null,
    door: record.door ?? null,
    rpm: record.rpm ?? null,
    uses: record.uses ?? null,
    expires_at: record.expiresAt ?? null,
    created_at: record.createdAt,
    revoked_at: record.revokedAt ?? null,
  })
}

/** Ids of those that are not revoked, as this transaction sees them: of an agent on a service, or all. */
export async function liveGrants(tx: Tx, of?: Pick<GrantRecord, 'agent' | 'service'>): Promise<GrantId[]> {
  const live = tx.db.selectFrom('grants').select('id').where('revoked_at', 'is', null)
  const meant = of === undefined ? live : live.where('agent', '=', of.agent).where('service', '=', of.service)
  return (await meant.execute()).map(({ id }) => id as GrantId)
}

/** Undefined for a row that other hands edited. */
export async function getBelieved(tx: Tx, id: GrantId): Promise<GrantRecord | undefined> {
  try {
    return await getGrant(tx, id)
  } catch (error) {
    if (error instanceof Problem && error.code === 'row_tampered') return undefined
    throw error
  }
}

/** A grant as this transaction sees it, its MAC checked. */
export async function getGrant(tx: Tx, id: GrantId): Promise<GrantRecord | undefined> {
  const row = await tx.get<GrantRow>('grants', id)
  return row === undefined ? undefined : recordOf(row, 0)
}

/**
 * All believed grants in the order in which they were given. `bad`: ids of rows that other hands changed. A counter that
 * they changed may have been any grant's, its id included: then no grant whose uses are counted is believed without one.
 */
export async function loadGrants(storage: Storage): Promise<{ records: GrantRecord[]; bad: string[] }> {
  const [grants, counters] = await Promise.all([
    storage.load<GrantRow>('grants'),
    storage.load<CounterRow>('grant_counters'),
  ])
  const used = new Map(counters.rows.map((row) => [row.id, row.used]))
  const uncounted = new Set(counters.bad)
  const bad = [...grants.bad]
  const records: GrantRecord[] = []
  for (const row of grants.rows.sort((one, other) => one.created_at - other.created_at || one.epoch - other.epoch)) {
    const lost = uncounted.size > 0 && row.uses !== null && !used.has(row.id)
    if (lost || uncounted.has(row.id)) bad.push(row.id)
    else records.push(recordOf(row, used.get(row.id) ?? 0))
  }
  return { records, bad }
}

/**
 * Counts one use of a grant that has fewer than `uses`, and gives the number of this use; undefined if it is used up.
 * One statement decides, however many ask at once. Throws Problem `row_tampered` if the counter was changed by other hands.
 */
export async function countUse(
  tx: Tx,
  use: UsedBy,
  uses: number,
  boot: string,
  at: number,
): Promise<number | undefined> {
  const counted = await tx.db
    .insertInto('grant_uses')
    .values({ grant_id: use.grant, used: 1 })
    .onConflict((conflict) =>
      conflict
        .column('grant_id')
        .doUpdateSet((eb) => ({ used: eb('grant_uses.used', '+', 1) }))
        .where('grant_uses.used', '<', uses),
    )
    .returning('used')
    .executeTakeFirst()
  if (counted === undefined) return undefined
  const used = Number(counted.used)
  await mirror(tx, use.grant, used - 1, used)
  if ((await tx.get('grant_calls', use.rid)) !== undefined) throw new TypeError(`${use.rid} has taken a use already`)
  await tx.put('grant_calls', { id: use.rid, grant_id: use.grant, boot, at })
  return used
}

/**
 * Takes a use back that nothing was sent for; false if the call holds none. Throws Problem `row_tampered` for a call that
 * other hands wrote there.
 */
export async function uncountUse(tx: Tx, use: UsedBy): Promise<boolean> {
  const held = await tx.get<CallRow>('grant_calls', use.rid)
  if (held?.grant_id !== use.grant) return false
  await tx.remove('grant_calls', use.rid)
  const counted = await tx.db
    .updateTable('grant_uses')
    .set((eb) => ({ used: eb('used', '-', 1) }))
    .where('grant_id', '=', use.grant)
    .returning('used')
    .executeTakeFirstOrThrow()
  await mirror(tx, use.grant, Number(counted.used) + 1, Number(counted.used))
  return true
}

async function mirror(tx: Tx, grant: GrantId, before: number, after: number): Promise<void> {
  const row = await tx.get<CounterRow>('grant_counters', grant)
  if ((row?.used ?? 0) !== before) throw storageProblem('row_tampered', { facts: { table: 'grant_uses', id: grant } })
  await tx.put('grant_counters', { id: grant, used: after })
}

/** Uses taken in earlier boots whose calls may never have come on record; rows that other hands wrote are none. */
export async function earlierUses(storage: Storage, boot: string): Promise<UsedBy[]> {
  const { rows } = await storage.load<CallRow>('grant_calls')
  const earlier = rows.filter((row) => row.boot !== boot)
  return earlier.map((row) => ({ rid: row.id as CallId, grant: row.grant_id as GrantId }))
}

export async function forgetCall(tx: Tx, rid: CallId): Promise<void> {
  await tx.remove('grant_calls', rid)
}

/** Forgets which calls took uses before `before`: they are on record or refused by now. */
export async function forgetCallsBefore(tx: Tx, boot: string, before: number): Promise<void> {
  const old = tx.db.selectFrom('grant_calls').select('id').where('boot', '=', boot).where('at', '<', before)
  for (const { id } of await old.execute()) await tx.remove('grant_calls', id)
}

function recordOf(row: GrantRow, used: number): GrantRecord {
  const credential = (row.credential ?? undefined) as CredentialId | undefined
  const one = credential === undefined ? [] : [credential]
  return {
    id: row.id as GrantId,
    agent: row.agent as AgentId,
    service: row.service as ServiceId,
    scopes: JSON.parse(row.scopes) as string[],
    credentials: row.credentials === null ? one : (JSON.parse(row.credentials) as CredentialId[]),
    reach: row.reach ?? (credential === undefined ? 'none' : 'named'),
    label: row.label === null ? undefined : readLabel(row.label),
    door: row.door ?? undefined,
    rpm: row.rpm ?? undefined,
    uses: row.uses ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    createdAt: row.created_at,
    revokedAt: row.revoked_at ?? undefined,
    used,
  }
}
