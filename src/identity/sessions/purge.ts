import type { SessionId } from '../../ground/ids.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import type { Room } from '../room.ts'
import { removeSessions } from './store.ts'

/** How long a session that could be refreshed is kept after its end: a used refresh token of it is still known as such. */
const KEPT_MS = 24 * 3_600_000
/** One that could not: clocks differ. */
const KEPT_SHORT_MS = 60_000
/** In one transaction. */
const MOST = 1_000
const SYSTEM: Actor = { kind: 'system', id: 'claviger' }

/** Removes sessions that ended long enough ago, a thousand at most. Resolves to how many there were. */
export async function purgeSessions({ storage, sessions, clock }: Room): Promise<number> {
  const now = clock.now()
  const ended: SessionId[] = []
  for (const { id, expiresAt, row } of sessions.all()) {
    const kept = row.refresh_hash === null ? KEPT_SHORT_MS : KEPT_MS
    if (expiresAt + kept < now) ended.push(id)
    if (ended.length === MOST) break
  }
  if (ended.length > 0) await remove(storage, ended, { what: 'sessions.removed' })
  return ended.length
}

/** Ends the oldest eighth of an agent's sessions: who opens so many has no use for the first ones. */
export async function makeRoom({ storage, sessions, mostSessions }: Room, agent: string): Promise<void> {
  const oldest = [...sessions.of(agent)].slice(0, Math.ceil(mostSessions / 8)).map(({ id }) => id)
  await remove(storage, oldest, { what: 'sessions.displaced', agent })
}

async function remove(
  storage: Storage,
  ids: readonly SessionId[],
  told: { what: string; agent?: string },
): Promise<void> {
  const record = { type: 'auth', actor: SYSTEM, ev: { ...told, count: ids.length } }
  await storage.write(async (tx) => {
    await tx.change({ kind: 'sessions_removed', ref: told.agent ?? 'ended', after: ids, record })
    await removeSessions(tx, ids)
  })
}
