/** The rows of challenges and sign-ins. */
import { type AgentId, firstIdAt, type KeyId, type SessionId } from '../../ground/ids.ts'
import { Statement } from '../../storage/statement.ts'
import type { Storage, Tx } from '../../storage/storage.ts'
import type { AccessTyp } from './contract.ts'

export interface ChallengeRow {
  readonly id: string
  /** 64 hex characters. */
  readonly nonce: string
  /** Null: somebody asked for an agent that is not there, and must not learn it. */
  readonly agent: AgentId | null
  /** Whom the limits count: the agent, or the name that was said for one that is not there. */
  readonly asked: string
  readonly audience: string | null
  readonly key: KeyId | null
  readonly expires_at: number
}

export interface SessionRow {
  readonly id: SessionId
  readonly agent: AgentId
  readonly key: KeyId | null
  readonly audience: string
  readonly scope: string | null
  readonly jkt: string | null
  readonly typ: AccessTyp
  readonly parent: SessionId | null
  /** JSON of the `act` claim. */
  readonly act: string | null
  readonly max_uses: number | null
  readonly used: number | null
  readonly life_ms: number
  readonly refresh_hash: Uint8Array | null
  readonly generation: number
  readonly issued_epoch: number
  readonly status: 'active' | 'revoked'
  readonly created_at: number
  readonly expires_at: number
  /** A door's own, in its own form; null for sign-ins that no door has more to say of. */
  readonly context: string | null
}

const ADD = new Statement((db, at) => {
  const row = { id: at('id'), nonce: at('nonce'), agent: at('agent'), asked: at('asked'), audience: at('audience') }
  return db.insertInto('challenges').values({ ...row, key: at('key'), expires_at: at('expires_at') })
})
const TAKE = new Statement<ChallengeRow>((db, at) =>
  db.deleteFrom('challenges').where('id', '=', at('id')).returningAll(),
)

export async function addChallenge(storage: Storage, row: ChallengeRow): Promise<void> {
  await storage.run(ADD, { ...row }, { volatile: true })
}

/**
 * Takes a challenge away and gives it: whoever gets it is the only one. What is made of it is synced, and its end with it.
 */
export async function takeChallenge(storage: Storage, id: string): Promise<ChallengeRow | undefined> {
  const [row] = await storage.run(TAKE, { id }, { volatile: true })
  return row
}

/** Those that were made before `madeBefore`, ms since 1970. */
export async function dropOldChallenges(storage: Storage, madeBefore: number): Promise<void> {
  const first = firstIdAt('chal', madeBefore)
  await storage.write((tx) => tx.db.deleteFrom('challenges').where('id', '<', first).execute())
}

export const putSession = (tx: Tx, row: SessionRow): Promise<void> => tx.put('sessions', { ...row })
export const getSession = (tx: Tx, id: string): Promise<SessionRow | undefined> => tx.get<SessionRow>('sessions', id)

export async function noteUsed(tx: Tx, hash: Uint8Array, session: SessionId): Promise<void> {
  await tx.db.insertInto('used_refresh_tokens').values({ hash, session }).execute()
}

/** The session of a refresh token that was used before. */
export async function sessionOfUsed(storage: Storage, hash: Uint8Array): Promise<SessionId | undefined> {
  const row = await storage.read((db) =>
    db.selectFrom('used_refresh_tokens').select('session').where('hash', '=', hash).executeTakeFirst(),
  )
  return row?.session as SessionId | undefined
}

/** Removes sessions that ended, and what is known of their refresh tokens. */
export async function removeSessions(tx: Tx, ids: readonly SessionId[]): Promise<void> {
  for (const id of ids) {
    await tx.remove('sessions', id)
    await tx.db.deleteFrom('used_refresh_tokens').where('session', '=', id).execute()
  }
}
