import { newToken, readToken, storedForm } from '../../crypto/tokens.ts'
import type { AgentId } from '../../ground/ids.ts'
import type { Secret } from '../../ground/secret.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import type { Room } from '../room.ts'
import { keyProblem } from './contract.ts'
import { getInvite, type InviteRow, putInvite } from './store.ts'

/** CRYPTO §6: 15 minutes unless told otherwise, a day at most. */
export const INVITE_LIFE_MS = 15 * 60_000
export const MAX_INVITE_LIFE_MS = 86_400_000

export interface Invite {
  readonly id: string
  /** Shown once. */
  readonly token: Secret
  readonly expiresAt: number
}

/** A one-time invite: registers a new agent, called `name` where that is given, or a new key for `agent`. */
export async function invite(
  { storage, clock, pepper }: Room,
  asked: { agent?: AgentId | undefined; name?: string | undefined; lifeMs?: number | undefined },
  by: Actor,
): Promise<Invite> {
  const { id, token } = newToken('iv')
  const now = clock.now()
  const expires_at = now + Math.min(asked.lifeMs ?? INVITE_LIFE_MS, MAX_INVITE_LIFE_MS)
  const hash = storedForm(pepper().key, 'iv', token.reveal().toString('latin1'))
  const { agent = null, name = null } = asked
  const known = { id: `inv_${id}`, hash, agent, name, operator: by.id }
  const row: InviteRow = { ...known, status: 'open', created_at: now, expires_at }
  const meant = { agent: agent ?? undefined, name: name ?? undefined }
  const ev = { what: 'agent.invited', invite: row.id, ...meant, expiresAt: expires_at }
  await storage.write(async (tx) => {
    await tx.change({ kind: 'invite', ref: row.id, after: row, record: { type: 'auth', actor: by, ev } })
    await putInvite(tx, row)
  })
  return { id: row.id, token, expiresAt: expires_at }
}

/** The row of an invite that was presented. Throws Problem `invite_invalid`; the same for every reason. */
export function readInvite(room: Room, presented: string): InviteRow {
  const row = openInviteShown(room, presented)
  if (row === undefined) throw keyProblem('invite_invalid')
  return row
}

/** Undefined for one that is used, over or none of ours. */
export function openInviteShown(room: Room, presented: string): InviteRow | undefined {
  const row = inviteShown(room, presented)
  return row?.status === 'open' && room.clock.now() < row.expires_at ? row : undefined
}

/** Uses it up, in the transaction that does what it is for. Throws Problem `invite_invalid` if another was faster. */
export async function useInviteInto(tx: Tx, { id }: InviteRow, now: number, agent: AgentId): Promise<void> {
  const row = await getInvite(tx, id)
  if (row?.status !== 'open' || now >= row.expires_at) throw keyProblem('invite_invalid')
  const used: InviteRow = { ...row, status: 'used' }
  const actor: Actor = { kind: 'agent', id: agent }
  const ev = { what: 'agent.invite_used', invite: id, agent }
  await tx.change({ kind: 'invite', ref: id, after: used, record: { type: 'auth', actor, ev } })
  await putInvite(tx, used)
}

/** Those that may still be used. */
export function openInvites({ keys, clock }: Room): InviteRow[] {
  const now = clock.now()
  return [...keys.invites()].filter((row) => row.status === 'open' && now < row.expires_at)
}

/** Throws Problem `invite_unknown`, of those that were used or ended too. */
export async function revokeInvite(room: Room, id: string, by: Actor): Promise<void> {
  const row = openInvites(room).find((open) => open.id === id)
  if (row === undefined) throw keyProblem('invite_unknown')
  await revokeRows(room, [row], by)
}

/** Ends an invite that somebody found and shows. False if it is none of ours; it may be used or over already. */
export async function revokeLeakedInvite(room: Room, presented: string): Promise<boolean> {
  const row = inviteShown(room, presented)
  if (row?.status === 'open') await revokeRows(room, [row], { kind: 'system', id: 'finder' }, 'leaked')
  return row !== undefined
}

/** Ends what is still open of one agent's invites, or of all. */
export function revokeInvites(room: Room, agent: AgentId | undefined, by: Actor): Promise<void> {
  return revokeRows(
    room,
    [...room.keys.invites()].filter((row) => row.status === 'open' && (agent === undefined || row.agent === agent)),
    by,
  )
}

async function revokeRows({ storage }: Room, rows: readonly InviteRow[], by: Actor, why?: string): Promise<void> {
  await storage.write(
    async (tx) => {
      for (const row of rows) {
        const after: InviteRow = { ...row, status: 'revoked' }
        const ev = { what: 'agent.invite_revoked', invite: row.id, agent: row.agent ?? undefined, why }
        await tx.change({ kind: 'invite', ref: row.id, after, record: { type: 'revoke', actor: by, ev } })
        await putInvite(tx, after)
      }
    },
    { urgent: true },
  )
}

function inviteShown({ keys, pepper }: Room, presented: string): InviteRow | undefined {
  const name = readToken(presented)
  const row = name?.kind === 'iv' ? keys.invite(`inv_${name.id}`) : undefined
  const hash = storedForm(pepper().key, 'iv', presented)
  return row !== undefined && Buffer.compare(row.hash, hash) === 0 ? row : undefined
}
