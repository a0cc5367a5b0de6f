import { canonicalJson } from '../ground/canonical-json.ts'
import type { ServiceId } from '../ground/ids.ts'
import type { Storage, Tx } from '../storage/storage.ts'
import type { ServiceRecord } from './compile.ts'
import { ServiceDefinition } from './contract.ts'

interface ServiceRow {
  readonly id: string
  readonly name: string
  readonly definition: string
  readonly created_at: number
  readonly updated_at: number
  readonly epoch: number
}

/** Writes the row of a service; it counts from this transaction's epoch. */
export async function putService(tx: Tx, record: Omit<ServiceRecord, 'epoch'>): Promise<void> {
  await tx.put('services', {
    id: record.id,
    name: record.name,
    definition: canonicalJson(record.definition),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
  })
}

export async function removeService(tx: Tx, id: ServiceId): Promise<void> {
  await tx.remove('services', id)
}

/** Whether a service of that name is there, as this transaction sees it. */
export async function nameIsTaken(tx: Tx, name: string): Promise<boolean> {
  const row = await tx.db.selectFrom('services').select('id').where('name', '=', name).executeTakeFirst()
  return row !== undefined
}

/** All believed services; `bad` are ids of rows that other hands changed or that this version cannot read. */
export async function loadServices(storage: Storage): Promise<{ records: ServiceRecord[]; bad: string[] }> {
  const { rows, bad } = await storage.load<ServiceRow>('services')
  const records: ServiceRecord[] = []
  for (const row of rows) {
    const definition = readDefinition(row.definition)
    if (definition === undefined) bad.push(row.id)
    else {
      records.push({
        id: row.id as ServiceId,
        name: row.name,
        definition,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
        epoch: row.epoch,
      })
    }
  }
  return { records, bad }
}

/** A row of before says `preset` where a row of today says `template`. */
function readDefinition(text: string): ServiceDefinition | undefined {
  const { preset, ...definition } = JSON.parse(text)
  const parsed = ServiceDefinition.safeParse(preset === undefined ? definition : { template: preset, ...definition })
  return parsed.success ? parsed.data : undefined
}
