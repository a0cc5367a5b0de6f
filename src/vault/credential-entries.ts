import { canonicalJson } from '../ground/canonical-json.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import { ConnectionFacts } from './connections/contract.ts'
import type { CredentialState, CredentialView } from './contract.ts'
import { type CredentialRow, type VersionRow, versionId } from './store.ts'

/** A credential in memory, its secret sealed. Never changed, only replaced. */
export interface Entry {
  readonly id: CredentialId
  readonly handle: string
  readonly service: ServiceId
  readonly version: number
  readonly meta: Readonly<Record<string, string>>
  readonly createdAt: number
  readonly rotatedAt: number | undefined
  readonly expiresAt: number | undefined
  /** Present where the envelope holds a connection, not a secret. */
  readonly connection?: ConnectionFacts | undefined
  readonly originsHash: Uint8Array
  readonly envelope: Uint8Array
  /** Its row or its envelope is not what was written: disabled until somebody rotates or removes it. */
  readonly failed: boolean
}

/** What a committed change hands to the read-model. */
export interface EntriesChange {
  readonly set: readonly Entry[]
  readonly removed: readonly CredentialId[]
}

/** All credentials, by id and by handle. */
export class CredentialEntries {
  readonly #byId = new Map<CredentialId, Entry>()
  readonly #byHandle = new Map<string, Entry>()

  replaceAll(entries: readonly Entry[]): void {
    this.#byId.clear()
    this.#byHandle.clear()
    for (const entry of entries) this.set(entry)
  }

  set(entry: Entry): void {
    this.#byId.set(entry.id, entry)
    this.#byHandle.set(entry.handle, entry)
  }

  remove(id: CredentialId): void {
    const entry = this.#byId.get(id)
    if (entry === undefined) return
    this.#byId.delete(id)
    if (this.#byHandle.get(entry.handle) === entry) this.#byHandle.delete(entry.handle)
  }

  byId(id: CredentialId): Entry | undefined {
    return this.#byId.get(id)
  }

  /** Handles never look like ids, so one name space holds both. */
  find(handleOrId: string): Entry | undefined {
    return this.#byHandle.get(handleOrId) ?? this.#byId.get(handleOrId as CredentialId)
  }

  all(): Entry[] {
    return [...this.#byId.values()].sort((a, b) => (a.handle < b.handle ? -1 : 1))
  }
}

export function isExpired(entry: Entry, now: number): boolean {
  return entry.expiresAt !== undefined && entry.expiresAt <= now
}

export function stateOf(entry: Entry | undefined, now: number): CredentialState {
  if (entry === undefined) return { facts: 'missing', version: 0 }
  return { facts: factsOf(entry, now), version: entry.version }
}

function factsOf(entry: Entry, now: number): Exclude<CredentialState['facts'], 'missing'> {
  if (entry.failed) return 'integrity_failed'
  if (isExpired(entry, now)) return 'expired'
  return entry.connection?.needsReauth === undefined ? 'usable' : 'needs_reauth'
}

export function viewOf(entry: Entry, now: number): CredentialView {
  const { id, handle, service, version, meta, createdAt, rotatedAt, expiresAt } = entry
  return {
    id,
    handle,
    service,
    version,
    meta: { ...meta },
    createdAt,
    ...(rotatedAt !== undefined && { rotatedAt }),
    ...(expiresAt !== undefined && { expiresAt }),
    status: statusOf(entry, now),
    ...(entry.connection !== undefined && { connection: connectionView(entry.connection) }),
  }
}

function statusOf(entry: Entry, now: number): CredentialView['status'] {
  const facts = factsOf(entry, now)
  return facts === 'usable' ? 'active' : facts
}

function connectionView({ kind, tokenOrigin, endsAt, renewedAt, needsReauth }: ConnectionFacts) {
  return {
    kind,
    tokenOrigin,
    ...(endsAt !== undefined && endsAt > 0 && { tokenEndsAt: endsAt }),
    ...(renewedAt !== undefined && { renewedAt }),
    ...(needsReauth !== undefined && { needsReauth }),
  }
}

/** From a believed row and its believed version; `failed` if that version is not there or not believed. */
export function entryOf(row: CredentialRow, version: VersionRow | undefined): Entry {
  return {
    id: row.id,
    handle: row.handle,
    service: row.service,
    version: row.version,
    meta: JSON.parse(row.meta) as Record<string, string>,
    createdAt: row.created_at,
    rotatedAt: row.rotated_at ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    connection: row.connection ? ConnectionFacts.parse(JSON.parse(row.connection)) : undefined,
    originsHash: version?.origins_hash ?? NOTHING,
    envelope: version?.envelope ?? NOTHING,
    failed: !version?.envelope || !version.origins_hash,
  }
}

/** What is shown of a credential whose row is not believed. */
export function unbelievedEntry(id: CredentialId, handle: string): Entry {
  return {
    id,
    handle,
    service: '' as ServiceId,
    version: 0,
    meta: {},
    createdAt: 0,
    rotatedAt: undefined,
    expiresAt: undefined,
    originsHash: NOTHING,
    envelope: NOTHING,
    failed: true,
  }
}

export function credentialRow(entry: Entry): CredentialRow {
  return {
    id: entry.id,
    handle: entry.handle,
    service: entry.service,
    version: entry.version,
    meta: canonicalJson(entry.meta),
    created_at: entry.createdAt,
    rotated_at: entry.rotatedAt ?? null,
    expires_at: entry.expiresAt ?? null,
    connection: entry.connection === undefined ? null : canonicalJson(entry.connection),
  }
}

export function versionRow(entry: Entry, kek: number): VersionRow {
  return {
    id: versionId(entry.id, entry.version),
    credential: entry.id,
    version: entry.version,
    kek,
    origins_hash: entry.originsHash,
    envelope: entry.envelope,
    created_at: entry.rotatedAt ?? entry.createdAt,
    retired_at: null,
  }
}

const NOTHING = new Uint8Array()
