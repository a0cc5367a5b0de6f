// One-time links by which an operator makes a passkey: 15 minutes, once, the newest alone.
import { newToken, readToken, storedForm } from '../../crypto/tokens.ts'
import type { OperatorId } from '../../ground/ids.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import { peopleProblem } from './contract.ts'
import type { PeopleRoom } from './room.ts'
import { requireActive, requireActiveStaff } from './roster.ts'
import { dropLink, getLink, type LinkRow, putLink } from './store.ts'

const LINK_LIFE_MS = 15 * 60_000
/** How long a link that is over is still answered as such. */
const REMEMBER_MS = 7 * 24 * 3_600_000

export interface Link {
  readonly operator: string
  readonly link: string
  readonly expiresAt: number
}

/** Makes one; those before it are over. Throws Problems `operator_unknown`, `operator_revoked`, `no_operator_pages`. */
export async function makeLink(room: PeopleRoom, name: string, by: Actor): Promise<Link> {
  const { storage, clock, book } = room
  const [party] = room.parties()
  if (party === undefined) throw peopleProblem('no_operator_pages')
  const operator = requireActiveStaff(room.identity, name)
  const { id, token } = newToken('iv')
  const text = token.reveal().toString('latin1')
  const now = clock.now()
  const hash = storedForm(room.pepper(), 'iv', text)
  const row: LinkRow = {
    ...{ id: `lnk_${id}`, operator: operator.id, hash, status: 'open' as const },
    ...{ created_at: now, expires_at: now + LINK_LIFE_MS },
  }
  await storage.write(async (tx) => {
    for (const old of book.linksOf(operator.id)) await endOld(tx, old, by, now)
    await putInto(tx, row, by, 'operator.link_made')
  })
  return { operator: operator.name, link: `${party.origin}/enrol#${text}`, expiresAt: row.expires_at }
}

/** The operator that an open link is for. Throws Problems `link_unknown`, `link_used`, `operator_revoked`. */
export function readLink({ book, clock, pepper, identity }: PeopleRoom, presented: string): LinkRow {
  const row = readToken(presented)?.kind === 'iv' ? book.linkByHash(storedForm(pepper(), 'iv', presented)) : undefined
  if (row === undefined) throw peopleProblem('link_unknown')
  if (row.status !== 'open' || clock.now() >= row.expires_at) throw peopleProblem('link_used')
  requireActive(identity, row.operator)
  return row
}

/** Uses it up in the transaction that adds the passkey. Throws Problem `link_used` if another was faster. */
export async function useLinkInto({ clock }: PeopleRoom, tx: Tx, { id }: LinkRow, by: Actor): Promise<void> {
  const row = await getLink(tx, id)
  if (row?.status !== 'open' || clock.now() >= row.expires_at) throw peopleProblem('link_used')
  await putInto(tx, { ...row, status: 'used' }, by, 'operator.link_used')
}

async function endOld(tx: Tx, old: LinkRow, by: Actor, now: number): Promise<void> {
  if (old.created_at < now - REMEMBER_MS) {
    const ev = { what: 'operator.link_forgotten', operator: old.operator as OperatorId, link: old.id }
    await tx.change({
      kind: 'operator_link_removed',
      ref: old.id,
      after: old,
      record: { type: 'config', actor: by, ev },
    })
    await dropLink(tx, old.id)
  } else if (old.status === 'open') await putInto(tx, { ...old, status: 'revoked' }, by, 'operator.link_revoked')
}

async function putInto(tx: Tx, row: LinkRow, by: Actor, what: string): Promise<void> {
  const ev = { what, operator: row.operator, link: row.id, expiresAt: row.expires_at }
  await tx.change({ kind: 'operator_link', ref: row.id, after: row, record: { type: 'auth', actor: by, ev } })
  await putLink(tx, row)
}
