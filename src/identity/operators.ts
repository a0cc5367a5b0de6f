import { newId, type OperatorId } from '../ground/ids.ts'
import type { Actor, ChangeRecord, Tx } from '../storage/storage.ts'
import { identityProblem } from './contract.ts'
import type { Room } from './room.ts'
import { type OperatorRow, operatorNameTaken, putOperator } from './store.ts'
import { type FreshToken, issueInto, makeToken, revokeInto } from './tokens.ts'

/** Name of the operator that the first start makes. */
const FIRST = 'operator'

/**
 * Gives a new operator token and revokes every other one: for the first start, where it makes the operator too, and for
 * the reset by whoever holds the key file. There is no default token.
 */
export async function resetOperatorToken(room: Room, by: Actor): Promise<FreshToken> {
  const { storage, clock, directory } = room
  const known = firstOwner(room)
  const row: OperatorRow = known
    ? { id: known.id, name: known.name, role: 'owner', status: 'active', created_at: known.createdAt }
    : { id: newId('op'), name: FIRST, role: 'owner', status: 'active', created_at: clock.now() }
  const fresh = makeToken(room, { kind: 'op', owner: row.id })
  await storage.write(async (tx) => {
    if (!known) await addInto(tx, row, by)
    for (const token of directory.tokens()) {
      if (token.kind === 'op' && token.status === 'active') await revokeInto(room, tx, token, by, 'reset')
    }
    await issueInto(tx, fresh.row, by)
  })
  return fresh
}

/** Under another name where a row that is not believed has the usual one: it must not stand in the way of a reset. */
async function addInto(tx: Tx, wanted: OperatorRow, by: Actor): Promise<void> {
  const taken = await operatorNameTaken(tx, wanted.name)
  const row = taken ? { ...wanted, name: `${wanted.name}-${wanted.id.slice(-8)}` } : wanted
  const record: ChangeRecord = { type: 'auth', actor: by, ev: { what: 'operator.added', operator: row.id } }
  await tx.change({ kind: 'operator', ref: row.id, after: row, record })
  await putOperator(tx, row)
}

/** Puts a new token in the place of one of the same operator's; the old one dies in the same commit. */
export async function rotateOperatorToken(room: Room, old: string, by: Actor): Promise<FreshToken> {
  const token = room.directory.token(old)
  if (token?.kind !== 'op') throw identityProblem('token_unknown')
  const fresh = makeToken(room, { kind: 'op', owner: token.owner, label: token.label })
  await room.storage.write(async (tx) => {
    await revokeInto(room, tx, token, by, 'rotated')
    await issueInto(tx, fresh.row, by)
  })
  return fresh
}

/** Who the first start's operator is, or whoever has stood in the place of it for the longest. */
export function firstOperator(room: Room): OperatorId | undefined {
  return firstOwner(room)?.id
}

/** The longest of those who may do everything. */
function firstOwner({ directory }: Room) {
  const owners = [...directory.operators()].filter(({ role, status }) => role === 'owner' && status === 'active')
  return owners.sort((one, other) => one.createdAt - other.createdAt)[0]
}
