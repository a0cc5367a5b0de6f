/** The only file of the vault that speaks SQL. What it is given to write is ciphertext or public. */
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import type { Db, Storage, Tx } from '../storage/storage.ts'

/** The vault's own row and its keyslots, as they lie there: nothing in it is believed yet. */
export interface StoredVault {
  readonly settings: string
  readonly settingsMac: Uint8Array
  readonly slotsMac: Uint8Array
  readonly slots: readonly { readonly id: string; readonly slot: string }[]
}

export interface CredentialRow {
  readonly id: CredentialId
  readonly handle: string
  readonly service: ServiceId
  readonly version: number
  /** Canonical JSON. */
  readonly meta: string
  readonly created_at: number
  readonly rotated_at: number | null
  readonly expires_at: number | null
  /** Canonical JSON of ConnectionFacts; null for a secret that an operator rotates. */
  readonly connection: string | null
}

/** A version of a credential; `kek`, `origins_hash` and `envelope` are null once it is retired. */
export interface VersionRow {
  readonly id: string
  readonly credential: CredentialId
  readonly version: number
  readonly kek: number | null
  readonly origins_hash: Uint8Array | null
  readonly envelope: Uint8Array | null
  readonly created_at: number
  readonly retired_at: number | null
}

const VAULT = 'vault'
const CREDENTIALS = 'credentials'
const VERSIONS = 'credential_versions'
const LEASES = 'connection_leases'

export function versionId(credential: CredentialId, version: number): string {
  return `${credential}.${version}`
}

/** Undefined if there is no vault yet; 'damaged' if its row is gone and what it guards is not. */
export async function readVault(db: Db): Promise<StoredVault | 'damaged' | undefined> {
  const row = await db.selectFrom('vault_settings').selectAll().where('id', '=', VAULT).executeTakeFirst()
  const slots = await db.selectFrom('keyslots').select(['id', 'slot']).orderBy('id').execute()
  if (row) return { settings: row.settings, settingsMac: row.settings_mac, slotsMac: row.slots_mac, slots }
  const credential = await db.selectFrom(CREDENTIALS).select('id').limit(1).executeTakeFirst()
  return slots.length > 0 || credential ? 'damaged' : undefined
}

/** Puts the vault's row and all of its keyslots in the place of what is there. */
export async function writeVault(db: Db, vault: StoredVault): Promise<void> {
  const { settings, settingsMac, slotsMac, slots } = vault
  await db.deleteFrom('vault_settings').execute()
  await db.deleteFrom('keyslots').execute()
  const row = { id: VAULT, settings, settings_mac: settingsMac, slots_mac: slotsMac }
  await db.insertInto('vault_settings').values(row).execute()
  await db.insertInto('keyslots').values(slots).execute()
}

export async function putCredential(tx: Tx, row: CredentialRow): Promise<void> {
  await tx.put(CREDENTIALS, { ...row })
}

export async function putVersion(tx: Tx, row: VersionRow): Promise<void> {
  await tx.put(VERSIONS, { ...row })
}

export async function getCredential(tx: Tx, id: CredentialId): Promise<CredentialRow | undefined> {
  return tx.get<CredentialRow>(CREDENTIALS, id)
}

export async function getVersion(tx: Tx, id: string): Promise<VersionRow | undefined> {
  return tx.get<VersionRow>(VERSIONS, id)
}

export async function handleIsTaken(tx: Tx, handle: string): Promise<boolean> {
  const row = await tx.db.selectFrom(CREDENTIALS).select('id').where('handle', '=', handle).executeTakeFirst()
  return row !== undefined
}

/** Ids of a service's credentials, those of this transaction included. */
export async function credentialsOf(tx: Tx, service: ServiceId): Promise<CredentialId[]> {
  const select = tx.db.selectFrom(CREDENTIALS).select('id').where('service', '=', service).orderBy('id')
  const rows: { id: CredentialId }[] = await select.execute()
  return rows.map((row) => row.id)
}

/** Removes a credential and every version of it. */
export async function removeCredential(tx: Tx, id: CredentialId): Promise<void> {
  const versions = await tx.db.selectFrom(VERSIONS).select('id').where('credential', '=', id).execute()
  for (const version of versions) await tx.remove(VERSIONS, version.id)
  await tx.remove(CREDENTIALS, id)
  await freeLease(tx, id)
}

/**
 * Takes the lease on a credential, in one statement: nobody else, in this process or in another, may ask for its next token
 * until then. False where somebody has it. One that ends later than any that is taken now is not believed.
 */
export async function takeLease(tx: Tx, id: CredentialId, holder: string, now: number, ms: number): Promise<boolean> {
  const row = { credential: id, holder, until: now + ms }
  const taken = await tx.db
    .insertInto(LEASES)
    .values(row)
    .onConflict((conflict) =>
      conflict
        .column('credential')
        .doUpdateSet({ holder, until: row.until })
        .where((of) =>
          of.or([
            of(`${LEASES}.until`, '<=', now),
            of(`${LEASES}.until`, '>', row.until),
            of(`${LEASES}.holder`, '=', holder),
          ]),
        ),
    )
    .returning('holder')
    .executeTakeFirst()
  return taken?.holder === holder
}

export async function freeLease(tx: Tx, id: CredentialId): Promise<void> {
  await tx.db.deleteFrom(LEASES).where('credential', '=', id).execute()
}

/** Whether anybody has a lease. */
export async function hasLeases(db: Db): Promise<boolean> {
  return (await db.selectFrom(LEASES).select('credential').limit(1).executeTakeFirst()) !== undefined
}

/** Ends the leases of everybody else. */
export async function freeOthersLeases(tx: Tx, holder: string): Promise<void> {
  await tx.db.deleteFrom(LEASES).where('holder', '<>', holder).execute()
}

/** Versions of a credential, newest first. What they say is for show: it is not authenticated here. */
export async function versionHistory(db: Db, id: CredentialId) {
  const columns = ['version', 'created_at', 'retired_at'] as const
  const rows: { version: number; created_at: number; retired_at: number | null }[] = await db
    .selectFrom(VERSIONS)
    .select(columns)
    .where('credential', '=', id)
    .orderBy('version', 'desc')
    .execute()
  return rows
}

/** Ids of at most `limit` versions under another generation than `kek`, after the id `after`, in order. */
export async function versionsUnderOthers(db: Db, kek: number, after: string, limit: number): Promise<string[]> {
  const rows: { id: string }[] = await db
    .selectFrom(VERSIONS)
    .select('id')
    .where('kek', '<>', kek)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => row.id)
}

/** How many versions are under another generation than `kek`. */
export async function countUnderOthers(db: Db, kek: number): Promise<number> {
  const row = await db
    .selectFrom(VERSIONS)
    .select((each) => each.fn.countAll().as('count'))
    .where('kek', '<>', kek)
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

/** Every row whose MAC holds, of one moment, and the ids of those whose MAC does not. */
export async function loadAll(storage: Storage) {
  const [credentials, versions] = await Promise.all([
    storage.load<CredentialRow>(CREDENTIALS),
    storage.load<VersionRow>(VERSIONS),
  ])
  return { credentials, versions }
}

/** What a row whose MAC does not hold says of itself, to show it to an operator and for nothing else. */
export async function unbelievedHandle(db: Db, id: string): Promise<string | undefined> {
  const row = await db.selectFrom(CREDENTIALS).select('handle').where('id', '=', id).executeTakeFirst()
  return typeof row?.handle === 'string' ? row.handle : undefined
}
