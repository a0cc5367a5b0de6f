// Recovery codes: for an operator whose authenticators are gone. Each opens, once, a session that may add a passkey.
import { randomBytes } from 'node:crypto'
import { storedForm } from '../../crypto/tokens.ts'
import { newId, type OperatorId } from '../../ground/ids.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import { peopleProblem } from './contract.ts'
import type { PeopleRoom } from './room.ts'
import { dropCode, getCode, putCode, type RecoveryCodeRow } from './store.ts'

const COUNT = 10
/** Crockford's base32: nothing that is read as something else. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** Of five bits each: 100. */
const LETTERS = 20
const KIND = 'recovery'

/** Ten new ones in the place of all before, in the transaction. They are shown once, and kept as keyed hashes. */
export async function newCodesInto(room: PeopleRoom, tx: Tx, operator: OperatorId, by: Actor): Promise<string[]> {
  const codes = Array.from({ length: COUNT }, newCode)
  const created_at = room.clock.now()
  const rows = codes.map((code): RecoveryCodeRow => {
    return { id: newId('rcv'), operator, hash: storedForm(room.pepper(), KIND, bare(code)), created_at }
  })
  const ev = { what: 'operator.recovery_codes_made', operator, count: COUNT }
  await tx.change({ kind: 'recovery_codes', ref: operator, after: rows, record: { type: 'auth', actor: by, ev } })
  for (const old of room.book.codesOf(operator)) await dropCode(tx, old.id)
  for (const row of rows) await putCode(tx, row)
  return codes
}

/** Uses one up; whose it was. Throws Problem `recovery_code_invalid`; the same for every reason. */
export async function useCode(room: PeopleRoom, presented: string): Promise<OperatorId> {
  const row = room.book.codeByHash(storedForm(room.pepper(), KIND, bare(presented)))
  if (row === undefined || room.identity.directory.operator(row.operator)?.status !== 'active')
    throw peopleProblem('recovery_code_invalid')
  await room.storage.write(async (tx) => {
    if ((await getCode(tx, row.id)) === undefined) throw peopleProblem('recovery_code_invalid')
    const actor: Actor = { kind: 'operator', id: row.operator, key: row.id }
    const ev = { what: 'operator.recovered', operator: row.operator, code: row.id }
    await tx.change({ kind: 'recovery_code_used', ref: row.id, after: row, record: { type: 'auth', actor, ev } })
    await dropCode(tx, row.id)
  })
  return row.operator
}

function newCode(): string {
  const letters = Array.from(randomBytes(LETTERS), (byte) => ALPHABET[byte & 31]).join('')
  return (letters.match(/.{5}/g) as string[]).join('-')
}

/** As people type it: any case, with or without dashes and spaces, O for 0, I and L for 1. */
function bare(code: string): string {
  return code.toUpperCase().replaceAll(/[-\s]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
}
