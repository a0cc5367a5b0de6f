import type { SessionId } from '../../ground/ids.ts'
import type { Actor } from '../../storage/storage.ts'
import type { Room } from '../room.ts'
import { removeSessions } from './store.ts'

/** How long a session that ended is kept: a used refresh token of it is still known as such. */
const KEPT_MS = 24 * 3_600_000
/** In one transaction. */
const MOST = 1_000
const SYSTEM: Actor = { kind: 'system', id: 'claviger' }

/** Removes sessions that ended more than a day ago, a thousand at most. Resolves to how many there were. */
export async function purgeSessions({ storage, sessions, clock }: Room): Promise<number> {
  const before = clock.now() - KEPT_MS
  const ended: SessionId[] = []
  for (const { id, expiresAt } of sessions.all()) {
    if (expiresAt < before) ended.push(id)
    if (ended.length === MOST) break
  }
  if (ended.length === 0) return 0
  const ev = { what: 'sessions.removed', count: ended.length }
  await storage.write(async (tx) => {
    const record = { type: 'auth', actor: SYSTEM, ev }
    await tx.change({ kind: 'sessions_removed', ref: 'ended', after: ended, record })
    await removeSessions(tx, ended)
  })
  return ended.length
}
