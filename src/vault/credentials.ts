/**
 * Stores, rotates, rebinds and removes credentials.
 * Invariant: the secret is sealed inside the transaction that writes it, under the generation that is primary then; what
 * reaches SQL is ciphertext; the read-model changes in the turn of the commit.
 */
import type { Clock } from '../ground/clock.ts'
import { type CredentialId, newId, type ServiceId } from '../ground/ids.ts'
import type { Actor, ChangeRecord, Storage, Tx } from '../storage/storage.ts'
import { within } from '../storage/within.ts'
import { checkExpiry, checkHandle, checkMeta, checkSecret } from './check-credential.ts'
import {
  type Assigned,
  type CredentialView,
  type NewCredential,
  type NewVersion,
  type SecretShape,
  vaultProblem,
} from './contract.ts'
import {
  type CredentialEntries,
  credentialRow,
  type EntriesChange,
  type Entry,
  entryOf,
  versionRow,
  viewOf,
} from './credential-entries.ts'
import { hashOrigins, sealEnvelope } from './envelope.ts'
import { bindingOf, openEntry } from './open-entry.ts'
import type { Sealing } from './sealing.ts'
import {
  credentialsOf,
  getCredential,
  getVersion,
  handleIsTaken,
  putCredential,
  putVersion,
  removeCredential,
  type VersionRow,
  versionHistory,
  versionId,
} from './store.ts'

export interface CredentialParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  /** What the secrets of a service must look like, where they are more than a text. */
  readonly shapeOf?: ((service: ServiceId) => SecretShape | undefined) | undefined
}

export class Credentials {
  readonly #parts: CredentialParts

  constructor(parts: CredentialParts) {
    this.#parts = parts
  }

  /** Throws Problem `handle_*`, `secret_*`, `credential_not_header_safe`, `secret_shape_refused`, `metadata_*`, `expiry_past`, `vault_sealed`. */
  async store(input: NewCredential, by: Actor, given?: Tx): Promise<CredentialView> {
    const { clock, storage } = this.#parts
    const { handle, service, secret, meta = {}, expiresAt } = input
    checkHandle(handle)
    checkSecret(secret, this.#parts.shapeOf?.(service))
    checkMeta(meta, secret)
    checkExpiry(expiresAt, clock.now())
    const plain = { id: newId('crd'), handle, service, version: 1, meta: { ...meta }, createdAt: clock.now() }
    const originsHash = hashOrigins(input.origins)
    return within(storage, given, async (tx) => {
      if (await handleIsTaken(tx, handle)) throw vaultProblem('handle_taken', { facts: { handle } })
      const entry = this.sealed({ ...plain, rotatedAt: undefined, expiresAt, originsHash }, secret.reveal())
      return this.put(tx, entry, 'secret.stored', by)
    })
  }

  /** A new version with a data key of its own; the old secret is erased. Throws as store() does; `credential_unknown`. */
  async rotate(handleOrId: string, input: NewVersion, by: Actor, given?: Tx): Promise<CredentialView> {
    const { clock, storage } = this.#parts
    const { secret } = input
    const { id, service } = this.known(handleOrId)
    checkSecret(secret, this.#parts.shapeOf?.(service))
    checkExpiry(input.expiresAt, clock.now())
    return within(storage, given, async (tx) => {
      const { entry: old, version } = await this.stored(tx, id)
      if (old.connection !== undefined) throw vaultProblem('credential_is_connection')
      checkMeta(old.meta, secret)
      const rotatedAt = clock.now()
      const expiresAt = input.expiresAt ?? renewed(old, rotatedAt)
      await putVersion(tx, retired(version, rotatedAt))
      const entry = this.sealed({ ...old, version: old.version + 1, rotatedAt, expiresAt }, secret.reveal())
      return this.put(tx, entry, 'secret.rotated', by)
    })
  }

  /** Removes every version. Throws Problem `credential_unknown`. */
  async remove(handleOrId: string, by: Actor, given?: Tx): Promise<void> {
    const { id, handle } = this.known(handleOrId)
    await within(
      this.#parts.storage,
      given,
      async (tx) => {
        if ((await getCredential(tx, id)) === undefined) throw vaultProblem('credential_unknown')
        await removeCredential(tx, id)
        await this.#record(tx, { set: [], removed: [id] }, id, 'secret.removed', by, { handle })
      },
      { urgent: true },
    )
  }

  /**
   * Binds every credential of a service to its new origins, with new data keys. Give `tx` to do it in the transaction
   * that changes the service, so that neither is done without the other. Those bound to them already are left alone, so it
   * may be called again. `each` is told of every one that would be bound anew, as it lies in the database now, and may throw.
   * Throws Problem `integrity_failed` if one does not open: rotate or remove that one first.
   */
  async rebind(
    service: ServiceId,
    origins: readonly string[],
    by: Actor,
    tx?: Tx,
    each?: (credential: CredentialView) => void,
  ): Promise<void> {
    if (tx === undefined) return this.#parts.storage.write((own) => this.rebind(service, origins, by, own, each))
    const originsHash = hashOrigins(origins)
    const rebound: Entry[] = []
    for (const id of await credentialsOf(tx, service)) {
      const { entry: old, version } = await this.stored(tx, id)
      if (originsHash.equals(old.originsHash)) continue
      each?.(viewOf(old, this.#parts.clock.now()))
      const secret = openEntry(this.#parts.sealing.unlocked(), old)
      if (secret === undefined) throw vaultProblem('integrity_failed', { facts: { credential: id } })
      const entry = this.sealed({ ...old, originsHash }, secret)
      secret.fill(0)
      await putVersion(tx, { ...this.#versionRow(entry), created_at: version.created_at })
      rebound.push(entry)
    }
    if (rebound.length === 0) return
    const ev = { service, origins, credentials: rebound.map((entry) => entry.id) }
    await this.#record(tx, { set: rebound, removed: [] }, service, 'secret.rebound', by, ev)
  }

  /**
   * Gives the secret to another service, sealed for its origins: under a new handle a copy of it, without one itself. What
   * grants say of it is the caller's to change. Throws Problem `credential_unknown`, `integrity_failed`, `handle_*`.
   */
  async assign(handleOrId: string, to: Assigned, by: Actor, given?: Tx): Promise<CredentialView> {
    const { clock, storage, sealing } = this.#parts
    const { id } = this.known(handleOrId)
    const { service, handle } = to
    if (handle !== undefined) checkHandle(handle)
    return within(storage, given, async (tx) => {
      const { entry: old } = await this.stored(tx, id)
      // Two of them would use up each other's refresh token, and the other service may not have its token endpoint.
      if (old.connection !== undefined) throw vaultProblem('credential_is_connection')
      if (handle !== undefined && (await handleIsTaken(tx, handle))) throw vaultProblem('handle_taken')
      const secret = openEntry(sealing.unlocked(), old)
      if (secret === undefined) throw vaultProblem('integrity_failed', { facts: { credential: id } })
      const fresh = { id: newId('crd'), version: 1, createdAt: clock.now(), rotatedAt: undefined }
      const same = handle === undefined ? old : { ...old, ...fresh, handle }
      const entry = this.sealed({ ...same, service, originsHash: hashOrigins(to.origins) }, secret)
      secret.fill(0)
      return this.put(tx, entry, 'secret.assigned', by)
    })
  }

  /** Versions of a credential, newest first; only the first has a secret. Throws Problem `credential_unknown`. */
  async versions(handleOrId: string) {
    const { id } = this.known(handleOrId)
    const rows = await this.#parts.storage.read((db) => versionHistory(db, id))
    return rows.map(({ version, created_at, retired_at }) => ({
      version,
      createdAt: created_at,
      ...(retired_at !== null && { retiredAt: retired_at }),
    }))
  }

  /** Throws Problem `credential_unknown`. */
  known(handleOrId: string): Entry {
    this.#parts.sealing.unlocked()
    const entry = this.#parts.entries.find(handleOrId)
    if (entry === undefined) throw vaultProblem('credential_unknown')
    return entry
  }

  /** As it lies in the database now. Throws Problem `row_tampered` if other hands changed it. */
  async stored(tx: Tx, id: CredentialId): Promise<{ entry: Entry; version: VersionRow }> {
    const row = await getCredential(tx, id)
    if (row === undefined) throw vaultProblem('credential_unknown')
    const version = await getVersion(tx, versionId(id, row.version))
    if (version === undefined) throw vaultProblem('integrity_failed', { facts: { credential: id } })
    return { entry: entryOf(row, version), version }
  }

  /** The entry with its secret sealed, under the generation that is primary now. */
  sealed(entry: Omit<Entry, 'envelope' | 'failed'>, secret: Uint8Array): Entry {
    const { keyring, settings } = this.#parts.sealing.unlocked()
    const binding = bindingOf(keyring.installId, entry)
    return { ...entry, failed: false, envelope: sealEnvelope(keyring.kek(settings.kek.primary), binding, secret) }
  }

  #versionRow(entry: Entry): VersionRow {
    return versionRow(entry, this.#parts.sealing.unlocked().settings.kek.primary)
  }

  /** Writes row and version, and says so. */
  async put(tx: Tx, entry: Entry, type: string, by: Actor, kind = 'credential'): Promise<CredentialView> {
    await putCredential(tx, credentialRow(entry))
    await putVersion(tx, this.#versionRow(entry))
    const { handle, service, version, expiresAt } = entry
    const ev = { handle, service, version, expiresAt, ...toldOf(entry) }
    await tx.change({ kind, ref: entry.id, after: { set: [entry], removed: [] }, record: { type, actor: by, ev } })
    return viewOf(entry, this.#parts.clock.now())
  }

  async #record(
    tx: Tx,
    after: EntriesChange,
    ref: string,
    type: string,
    actor: Actor,
    ev: ChangeRecord['ev'],
  ): Promise<void> {
    await tx.change({ kind: 'credential', ref, after, record: { type, actor, ev } })
  }
}

/** What the record says of a connection. */
function toldOf({ id, connection }: Entry) {
  if (connection === undefined) return {}
  const { kind, tokenOrigin, generation, needsReauth } = connection
  const what = needsReauth === undefined ? undefined : 'credential.needs_reauth'
  return { what, credential: id, connection: kind, tokenOrigin, generation, needsReauth }
}

/** What stays of an old version: that it was. Its envelope is gone, and with it the only wrapped form of its key. */
export function retired(version: VersionRow, at: number): VersionRow {
  return { ...version, kek: null, origins_hash: null, envelope: null, retired_at: at }
}

/** A rotation renews the life that the credential was given. */
function renewed(old: Entry, now: number): number | undefined {
  return old.expiresAt === undefined ? undefined : now + (old.expiresAt - (old.rotatedAt ?? old.createdAt))
}

export function isEntriesChange(kind: string, after: unknown): after is EntriesChange {
  return (
    (kind === 'credential' || kind === 'connection' || kind === 'rewrap') && typeof after === 'object' && after !== null
  )
}
