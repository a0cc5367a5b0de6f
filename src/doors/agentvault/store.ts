import { type Canonical, canonicalJson } from '../../ground/canonical-json.ts'
import type { AgentId, GrantId, ServiceId } from '../../ground/ids.ts'
import type { Storage, Tx } from '../../storage/storage.ts'
import type { DoorGrant, Revocation, ServiceRecord } from './contract.ts'

interface ServiceRow {
  readonly id: string
  readonly name: string
  readonly definition: string
  readonly created_at: number
  readonly updated_at: number
}

interface RevocationRow extends Omit<Revocation, 'agent'> {
  readonly agent: string | null
}

interface GrantRow {
  readonly id: string
  readonly agent: string
  readonly service: string
  readonly stamp: string
}

export async function putService(tx: Tx, { id, name, definition, createdAt, updatedAt }: ServiceRecord): Promise<void> {
  const text = canonicalJson(definition as unknown as Canonical)
  await tx.put('agentvault_services', { id, name, definition: text, created_at: createdAt, updated_at: updatedAt })
}

export async function removeService(tx: Tx, id: ServiceId): Promise<void> {
  await tx.remove('agentvault_services', id)
}

/** Whether the house has a row of the service at all, believed or not. */
export async function isInHouse(tx: Tx, id: ServiceId): Promise<boolean> {
  const row = await tx.db.selectFrom('services').select('id').where('id', '=', id).executeTakeFirst()
  return row !== undefined
}

export async function putRevocation(tx: Tx, { id, kind, value, agent, reason, at }: Revocation): Promise<void> {
  await tx.put('agentvault_revocations', { id, kind, value, agent: agent ?? null, reason, at })
}

/** As this transaction sees it. */
export async function isRevokedIn(tx: Tx, id: string): Promise<boolean> {
  return (await tx.get('agentvault_revocations', id)) !== undefined
}

export async function removeRevocation(tx: Tx, id: string): Promise<void> {
  await tx.remove('agentvault_revocations', id)
}

export async function putGrant(tx: Tx, { id, agent, service, stamp }: DoorGrant): Promise<void> {
  await tx.put('agentvault_grants', { id, agent, service, stamp })
}

export async function removeGrant(tx: Tx, id: GrantId): Promise<void> {
  await tx.remove('agentvault_grants', id)
}

export interface Loaded {
  readonly services: readonly ServiceRecord[]
  readonly revocations: readonly Revocation[]
  readonly grants: readonly DoorGrant[]
  /** Ids of services and grants that other hands changed: they are not there. */
  readonly bad: readonly string[]
  /** Other hands changed a revocation: nobody knows any more which. */
  readonly revocationsBad: boolean
}

export async function loadAll(storage: Storage): Promise<Loaded> {
  const [services, revocations, grants] = await Promise.all([
    storage.load<ServiceRow>('agentvault_services'),
    storage.load<RevocationRow>('agentvault_revocations'),
    storage.load<GrantRow>('agentvault_grants'),
  ])
  return {
    services: services.rows.map(({ id, name, definition, created_at, updated_at }) => ({
      id: id as ServiceId,
      name,
      definition: JSON.parse(definition),
      createdAt: created_at,
      updatedAt: updated_at,
    })),
    revocations: revocations.rows.map((row) => ({ ...row, agent: (row.agent as AgentId | null) ?? undefined })),
    grants: grants.rows.map((row) => ({ ...row, id: row.id as GrantId, service: row.service as ServiceId })),
    bad: [...services.bad, ...revocations.bad, ...grants.bad],
    revocationsBad: revocations.bad.length > 0,
  }
}
