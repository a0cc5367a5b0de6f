// Who the operators are and what each may: added, given another role, removed. An owner always remains.
import { newId } from '../../ground/ids.ts'
import type { Role } from '../../http/endpoint.ts'
import type { Actor, ChangeRecord, Tx } from '../../storage/storage.ts'
import type { OperatorEntry } from '../contract.ts'
import type { Room } from '../room.ts'
import { activeOwners, type OperatorRow, operatorNameTaken, putOperator } from '../store.ts'
import { type FreshToken, issueInto, makeToken, revokeInto } from '../tokens.ts'
import { type OperatorView, peopleProblem } from './contract.ts'
import type { PeopleRoom } from './room.ts'
import { passkeysIn } from './store.ts'

/** An operator who is one: no member. */
export type Staff = OperatorEntry & { readonly role: Role }
export const isStaff = (one: OperatorEntry): one is Staff => one.role !== 'member'

/** By id or name. Throws Problem `operator_unknown`. */
export function requireOperator({ directory }: Room, idOrName: string): OperatorEntry {
  const operator = directory.operator(idOrName)
  if (operator === undefined) throw peopleProblem('operator_unknown')
  return operator
}

/** The same, and no member: those are not for what is done with operators. */
export function requireStaff(room: Room, idOrName: string): Staff {
  const operator = requireOperator(room, idOrName)
  if (!isStaff(operator)) throw peopleProblem('operator_unknown')
  return operator
}

/** Throws Problem `operator_name_taken`. */
export async function addOperator(room: Room, asked: { name: string; role: Role }, by: Actor): Promise<Staff> {
  const row: OperatorRow = { id: newId('op'), ...asked, status: 'active', created_at: room.clock.now() }
  await room.storage.write(async (tx) => {
    if (await operatorNameTaken(tx, row.name)) throw peopleProblem('operator_name_taken')
    await putInto(tx, row, by, { what: 'operator.added', operator: row.id, role: row.role ?? 'owner' })
  })
  return requireStaff(room, row.id)
}

/** Throws Problems `operator_unknown`, `operator_revoked`, `last_owner`. */
export async function setRole(room: Room, name: string, role: Role, by: Actor): Promise<Staff> {
  const known = requireActiveStaff(room, name)
  const from = known.role
  await room.storage.write(
    async (tx) => {
      if (role !== 'owner') await refuseLastOwner(tx, known)
      await putInto(tx, { ...rowOf(known), role }, by, { what: 'operator.role_set', operator: known.id, role, from })
    },
    { urgent: role !== 'owner' },
  )
  return requireStaff(room, known.id)
}

/** For good, and every token that speaks for the operator. Throws Problems `operator_unknown`, `last_owner`. */
export async function removeOperator(room: Room, name: string, by: Actor): Promise<Staff> {
  const known = requireStaff(room, name)
  if (known.status === 'revoked') return known
  await room.storage.write(
    async (tx) => {
      await refuseLastOwner(tx, known)
      await putInto(tx, { ...rowOf(known), status: 'revoked' }, by, { what: 'operator.removed', operator: known.id })
      for (const token of room.directory.tokens()) {
        if (token.owner === known.id && token.status === 'active') await revokeInto(room, tx, token, by, 'removed')
      }
    },
    { urgent: true },
  )
  return known
}

/** An operator token for automation. Throws Problems `operator_unknown`, `operator_revoked`, `token_life_invalid`. */
export async function issueOperatorToken(
  room: Room,
  asked: { name: string; lifeMs: number | undefined; label: string | undefined },
  by: Actor,
): Promise<FreshToken> {
  const { id: owner } = requireActiveStaff(room, asked.name)
  const fresh = makeToken(room, { kind: 'op', owner, lifeMs: asked.lifeMs, label: asked.label })
  await room.storage.write((tx) => issueInto(tx, fresh.row, by))
  return fresh
}

/**
 * Ends every operator token there is, of everybody: from then on operators sign in. Not before some owner can: asked of the
 * transaction, so that a passkey that is being removed does not count. Resolves to how many there were. Throws Problem
 * `no_owner_with_passkey`.
 */
export async function endOperatorTokens({ identity, storage, parties }: PeopleRoom, by: Actor): Promise<number> {
  const names = new Set(parties().map(({ rpId }) => rpId))
  return storage.write(
    async (tx) => {
      const owners = new Set(await activeOwners(tx))
      const good = (await passkeysIn(tx)).some(({ operator, rp_id }) => owners.has(operator) && names.has(rp_id))
      if (!good) throw peopleProblem('no_owner_with_passkey')
      const live = [...identity.directory.tokens()].filter(({ kind, status }) => kind === 'op' && status === 'active')
      for (const token of live) await revokeInto(identity, tx, token, by, 'switched off')
      return live.length
    },
    { urgent: true },
  )
}

export function viewOperator({ id, name, role, status, createdAt }: Staff, passkeys: number): OperatorView {
  return { id, name, role, status, createdAt, passkeys }
}

/** Throws Problems `operator_unknown`, of a member too, `operator_revoked`. */
export function requireActiveStaff(room: Room, name: string): Staff {
  requireActive(room, name)
  return requireStaff(room, name)
}

/** Throws Problems `operator_unknown`, `operator_revoked`. */
export function requireActive(room: Room, name: string): OperatorEntry {
  const operator = requireOperator(room, name)
  if (operator.status !== 'active') throw peopleProblem('operator_revoked')
  return operator
}

/** Asked of the transaction, not of memory: two who take each other's role away at once must not both succeed. */
async function refuseLastOwner(tx: Tx, { id }: OperatorEntry): Promise<void> {
  const owners = await activeOwners(tx)
  if (owners.every((owner) => owner === id)) throw peopleProblem('last_owner')
}

function rowOf({ id, name, role, status, createdAt, displayName }: OperatorEntry): OperatorRow {
  return { id, name, role, status, created_at: createdAt, display_name: displayName ?? null }
}

async function putInto(tx: Tx, row: OperatorRow, by: Actor, ev: ChangeRecord['ev']): Promise<void> {
  await tx.change({ kind: 'operator', ref: row.id, after: row, record: { type: 'auth', actor: by, ev } })
  await putOperator(tx, row)
}
