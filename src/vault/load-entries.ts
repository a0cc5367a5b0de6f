import type { CredentialId } from '../ground/ids.ts'
import type { Storage } from '../storage/storage.ts'
import { HANDLE_PATTERN } from './contract.ts'
import { type Entry, entryOf, unbelievedEntry } from './credential-entries.ts'
import { loadAll, unbelievedHandle, versionId } from './store.ts'

/**
 * Every credential as the database holds it. `failed` names those of which the row or the newest version is not what was
 * written: they are listed, so that an operator sees them, and never open.
 */
export async function loadEntries(storage: Storage): Promise<{ loaded: Entry[]; failed: CredentialId[] }> {
  const { credentials, versions } = await loadAll(storage)
  const byId = new Map(versions.rows.map((version) => [version.id, version]))
  const loaded = credentials.rows.map((row) => entryOf(row, byId.get(versionId(row.id, row.version))))
  for (const id of credentials.bad) {
    const handle = await storage.read((db) => unbelievedHandle(db, id))
    const fit = handle !== undefined && HANDLE_PATTERN.test(handle) && !loaded.some((entry) => entry.handle === handle)
    loaded.push(unbelievedEntry(id as CredentialId, fit ? handle : id))
  }
  return { loaded, failed: loaded.filter((entry) => entry.failed).map((entry) => entry.id) }
}
