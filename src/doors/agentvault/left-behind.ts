// What this door keeps of things that the house does away with itself: a service that an operator removes, an agent that is
// erased, a credential that is gone. It goes with them.
import type { AgentId, CredentialId, ServiceId } from '../../ground/ids.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import type { DoorGrant, ServiceRecord } from './contract.ts'
import { type AdminNeeds, VAULT_ADMIN } from './needs.ts'
import { isInHouse, removeGrant, removeRevocation, removeService } from './store.ts'
import type { VaultBook } from './vault-book.ts'

/** In the transaction that removes the service; nothing for one that is not of this door. Its grants are the caller's to revoke. */
export async function forgetService(book: VaultBook, id: ServiceId, by: Actor, tx: Tx): Promise<void> {
  for (const grant of book.grantsOf(id)) await forgetGrant(grant, by, tx)
  const service = book.services().find((one) => one.id === id)
  if (service !== undefined) await forgetRecord(service.record, by, tx)
}

/** Of an agent that is revoked for good: nothing is asked of these rows any more, and they may hold its own words. */
export async function forgetAgent(book: VaultBook, agent: AgentId, by: Actor, tx: Tx): Promise<void> {
  for (const grant of book.grantsTo(agent)) await forgetGrant(grant, by, tx)
  for (const { id, kind } of book.revocationsOf(agent)) {
    await removeRevocation(tx, id)
    const record = { type: 'config', actor: by, ev: { what: 'agentvault.revocation_ended', id, kind, agent } }
    await tx.change({ kind: 'agentvault_unrevoked', ref: id, record })
  }
}

/** A grant that names a credential which is gone opens nothing: a new secret wants a new one. */
export async function forgetCredential(
  { book, grants }: Pick<AdminNeeds, 'book' | 'grants'>,
  id: CredentialId,
  by: Actor,
  tx: Tx,
): Promise<void> {
  for (const grant of book.grants()) {
    const { credential, credentials = [credential] } = grants.find(grant.id)
    if (credentials.includes(id)) await forgetGrant(grant, by, tx)
  }
}

/**
 * At the start: what earlier versions left when a service was removed, or a crash in between. A service whose row is there
 * and not believed is none of these: an operator may bring it back.
 */
export async function tidyUp({ book, storage }: Pick<AdminNeeds, 'book' | 'storage'>): Promise<number> {
  const records = book.homeless()
  if (records.length === 0) return 0
  return storage.write(async (tx) => {
    let count = 0
    for (const record of records) {
      if (await isInHouse(tx, record.id)) continue
      for (const grant of book.grantsOf(record.id)) await forgetGrant(grant, VAULT_ADMIN, tx)
      await forgetRecord(record, VAULT_ADMIN, tx)
      count += 1
    }
    return count
  })
}

async function forgetRecord({ id, name }: ServiceRecord, actor: Actor, tx: Tx): Promise<void> {
  await removeService(tx, id)
  const record = { type: 'config', actor, ev: { what: 'agentvault.service_removed', service: name, id } }
  await tx.change({ kind: 'agentvault_service', ref: id, record })
}

async function forgetGrant(grant: DoorGrant, actor: Actor, tx: Tx): Promise<void> {
  await removeGrant(tx, grant.id)
  const record = { type: 'revoke', actor, ev: { what: 'agentvault.grant_ended', grant: grant.id } }
  await tx.change({ kind: 'agentvault_grant', ref: grant.id, after: { removed: grant }, record })
}
