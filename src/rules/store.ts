import type { Storage, Tx } from '../storage/storage.ts'
import { type RuleDefinition, RuleEffect, type RuleId, RuleInput } from './contract.ts'

/** A rule's row, read. */
export interface RuleRecord {
  readonly id: RuleId
  readonly version: number
  readonly definition: RuleDefinition
  readonly createdAt: number
  readonly updatedAt: number
}

interface RuleRow {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly definition: string
  readonly created_at: number
  readonly updated_at: number
}

interface SettingRow {
  readonly id: string
  readonly value: string
}

export async function putRule(tx: Tx, record: RuleRecord): Promise<void> {
  await tx.put('rules', {
    id: record.id,
    name: record.definition.name,
    version: record.version,
    definition: JSON.stringify(record.definition),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
  })
}

export async function removeRule(tx: Tx, id: string): Promise<void> {
  await tx.remove('rules', id)
}

/** The id of the rule of that name as this transaction sees it, and how many there are. */
export async function named(tx: Tx, name: string): Promise<{ id: RuleId; version: number } | undefined> {
  const row = await tx.db.selectFrom('rules').select(['id', 'version']).where('name', '=', name).executeTakeFirst()
  return row === undefined ? undefined : { id: row.id as RuleId, version: Number(row.version) }
}

export async function countRules(tx: Tx): Promise<number> {
  const row = await tx.db
    .selectFrom('rules')
    .select((eb) => eb.fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export async function putDefault(tx: Tx, effect: RuleEffect): Promise<void> {
  await tx.put('rule_settings', { id: 'default', value: effect })
}

/** `bad`: ids of rows that other hands changed, or that this version cannot read. */
export async function loadRules(
  storage: Storage,
): Promise<{ records: RuleRecord[]; byDefault: RuleEffect; bad: string[] }> {
  const [rules, settings] = await Promise.all([
    storage.load<RuleRow>('rules'),
    storage.load<SettingRow>('rule_settings'),
  ])
  const bad = [...rules.bad, ...settings.bad]
  const records: RuleRecord[] = []
  for (const row of rules.rows) {
    const definition = readDefinition(row)
    if (definition === undefined) bad.push(row.id)
    else {
      const times = { createdAt: row.created_at, updatedAt: row.updated_at }
      records.push({ id: row.id as RuleId, version: row.version, definition, ...times })
    }
  }
  const set = settings.rows.find(({ id }) => id === 'default')
  const read = RuleEffect.safeParse(set?.value ?? 'allow')
  if (!read.success) bad.push('default')
  return { records, byDefault: read.success ? read.data : 'deny', bad }
}

function readDefinition({ definition, name }: RuleRow): RuleDefinition | undefined {
  try {
    const parsed = RuleInput.safeParse(JSON.parse(definition))
    return parsed.success && parsed.data.name === name ? parsed.data : undefined
  } catch {
    return undefined
  }
}
