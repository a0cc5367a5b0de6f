// What operators sign in with: added, named, used, removed.
import { newId } from '../../ground/ids.ts'
import type { Actor, ChangeRecord, Tx } from '../../storage/storage.ts'
import type { Asserted, NewCredential } from './ceremony.ts'
import { refusedPasskey } from './ceremony.ts'
import { peopleProblem } from './contract.ts'
import type { Party } from './party.ts'
import type { PeopleRoom } from './room.ts'
import { credentialTaken, dropPasskey, getPasskey, type PasskeyRow, passkeysOf, putPasskey } from './store.ts'

export interface NewPasskey {
  readonly operator: PasskeyRow['operator']
  readonly name: string
  readonly party: Party
  readonly made: NewCredential
  readonly transports: readonly string[] | undefined
}

/** Writes it in the transaction; whether it is the operator's first. Throws Problem `passkey_exists`. */
export async function addPasskeyInto(
  { clock }: PeopleRoom,
  tx: Tx,
  { operator, name, party, made, transports = [] }: NewPasskey,
  by: Actor,
): Promise<{ row: PasskeyRow; first: boolean }> {
  if (await credentialTaken(tx, made.credential)) throw peopleProblem('passkey_exists')
  const first = (await passkeysOf(tx, operator)).length === 0
  const row: PasskeyRow = {
    ...{ id: newId('pky'), operator, name, credential: made.credential, public_key: made.publicKey },
    ...{ counter: made.counter, transports: JSON.stringify(transports), rp_id: party.rpId, aaguid: made.aaguid },
    ...{ synced: made.synced ? 1 : 0, created_at: clock.now(), last_used_at: null },
  }
  await putInto(tx, row, by, { what: 'operator.passkey_added', operator, passkey: row.id, rpId: party.rpId })
  return { row, first }
}

/** Throws Problem `passkey_unknown`. */
export function requirePasskey({ book }: PeopleRoom, id: string): PasskeyRow {
  const row = book.find(id)
  if (row === undefined) throw peopleProblem('passkey_unknown')
  return row
}

export async function renamePasskey(room: PeopleRoom, id: string, name: string, by: Actor): Promise<PasskeyRow> {
  const { id: known, operator } = requirePasskey(room, id)
  await room.storage.write(async (tx) => {
    const row = await present(tx, known)
    await putInto(tx, { ...row, name }, by, { what: 'operator.passkey_named', operator, passkey: known })
  })
  return requirePasskey(room, known)
}

/** Throws Problems `passkey_unknown`, `last_passkey`. */
export async function removePasskey(room: PeopleRoom, id: string, by: Actor): Promise<void> {
  const { id: known, operator } = requirePasskey(room, id)
  await room.storage.write(
    async (tx) => {
      // Asked of the transaction: of two that are removed at once one stays.
      if ((await passkeysOf(tx, operator)).every((one) => one === known)) throw peopleProblem('last_passkey')
      const ev = { what: 'operator.passkey_removed', operator, passkey: known }
      await tx.change({ kind: 'passkey_removed', ref: known, record: { type: 'revoke', actor: by, ev } })
      await dropPasskey(tx, known)
    },
    { urgent: true },
  )
}

/**
 * Notes a use whose signature was verified, in one transaction with the judgement of its counter. A counter that does not
 * rise tells of a copy (§6.1.1), unless the passkey is one that is copied by design: then there are two of it, nobody
 * knows which this is, and it is refused. Throws Problem `passkey_refused`.
 */
export async function notePasskeyUse(
  { storage, clock }: PeopleRoom,
  { id, operator }: PasskeyRow,
  { counter, synced }: Asserted,
  ev: { readonly what: string; readonly [name: string]: string },
): Promise<void> {
  const actor: Actor = { kind: 'operator', id: operator, key: id }
  const copied = await storage.write(async (tx) => {
    const row = await present(tx, id)
    // §7.2: whether it may be copied is said once and for all, when it is made.
    if (synced !== (row.synced === 1)) throw refusedPasskey('backup_state')
    const rises = counter > row.counter || (counter === 0 && row.counter === 0)
    if (!rises && row.synced === 0) {
      const said = { what: 'operator.passkey_suspect', operator, passkey: id, counter, known: row.counter }
      await tx.change({ kind: 'passkey_suspect', ref: id, record: { type: 'auth', actor, ev: said } })
      return true
    }
    const used = { ...row, counter: Math.max(counter, row.counter), last_used_at: clock.now() }
    await putInto(tx, used, actor, { ...ev, operator, passkey: id })
    return false
  })
  if (copied) throw refusedPasskey('counter')
}

async function present(tx: Tx, id: string): Promise<PasskeyRow> {
  const row = await getPasskey(tx, id)
  if (row === undefined) throw peopleProblem('passkey_unknown')
  return row
}

async function putInto(tx: Tx, row: PasskeyRow, by: Actor, ev: ChangeRecord['ev']): Promise<void> {
  await tx.change({ kind: 'passkey', ref: row.id, after: row, record: { type: 'auth', actor: by, ev } })
  await putPasskey(tx, row)
}
