/**
 * Makes, refreshes and ends sign-ins and their tokens. Invariant: no token without its session's row on the disk, and one
 * that stands on anything taken away is dead at once, whatever its text says.
 */
import { randomBytes } from 'node:crypto'
import { signJwt } from '../../crypto/es256-signer.ts'
import { storedForm } from '../../crypto/tokens.ts'
import { base62 } from '../../ground/base62.ts'
import { type AgentId, type KeyId, newOrderedId, type SessionId } from '../../ground/ids.ts'
import type { Actor, ChangeRecord, Tx } from '../../storage/storage.ts'
import type { Room } from '../room.ts'
import { LONGEST_TOKEN_LIFE_MS } from '../signing/contract.ts'
import { type AccessTyp, sessionProblem } from './contract.ts'
import { makeRoom, purgeSessions } from './purge.ts'
import type { Session } from './session-book.ts'
import { getSession, noteUsed, putSession, type SessionRow, sessionOfUsed } from './store.ts'

export interface OpenSession {
  readonly agent: AgentId
  /** The agent's key that signed; undefined where something else proved it. */
  readonly keyId?: KeyId | undefined
  readonly audience: string
  readonly scope?: string | undefined
  readonly jkt?: string | undefined
  readonly typ: AccessTyp
  /** Of each access token. */
  readonly lifeMs: number
  /** Claims besides the usual, for this first token. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  readonly refresh?: { readonly lifeMs: number } | undefined
  readonly parent?: SessionId | undefined
  readonly act?: object | undefined
  readonly maxUses?: number | undefined
  /** Of a door that has sessions of its own: their id, which was never used before, and a scope in the door's words. */
  readonly door?: { readonly id: SessionId; readonly scope: string | undefined } | undefined
  /** What a door must still know of it later: kept with the row, and never looked at here. */
  readonly context?: string | undefined
  /** What the record says besides. */
  readonly told?: ChangeRecord['ev'] | undefined
}

export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken?: string
  readonly expiresInSeconds: number
  readonly sid: SessionId
  readonly jti: string
  /** What stands in the token, which may be less than was asked for. */
  readonly scope: string | undefined
}

const PURGE_EVERY = 512
const REFRESH = /^rf_[0-9A-Za-z]{43}$/

export interface RefreshChecks {
  /** Thumbprint of the key that was proven with the request, which must be the session's. */
  readonly jkt?: string | undefined
  readonly claims?: (session: Session) => Readonly<Record<string, unknown>>
  /** Somebody showed a refresh token that was used: its session is revoked by now. */
  readonly reused?: (session: Session) => void
}

/** Opens a session: its row is durable and recorded when this resolves. Throws Problem `vault_sealed`. */
export async function openSession(room: Room, asked: OpenSession, by: Actor): Promise<IssuedTokens> {
  const { clock, storage } = room
  const now = clock.now()
  const refresh = asked.refresh && newRefreshToken(room)
  const row: SessionRow = {
    id: asked.door?.id ?? newOrderedId('ses', now),
    agent: asked.agent,
    key: asked.keyId ?? null,
    audience: asked.audience,
    scope: (asked.door === undefined ? grantedScope(room, asked) : asked.door.scope) ?? null,
    jkt: asked.jkt ?? null,
    typ: asked.typ,
    parent: asked.parent ?? null,
    act: asked.act === undefined ? null : JSON.stringify(asked.act),
    max_uses: asked.maxUses ?? null,
    used: null,
    life_ms: asked.lifeMs,
    refresh_hash: refresh?.hash ?? null,
    generation: 1,
    issued_epoch: 0, // known once the change is made
    status: 'active',
    created_at: now,
    expires_at: now + (asked.refresh?.lifeMs ?? asked.lifeMs),
    context: asked.context ?? null,
  }
  const ev = { what: 'session.opened', session: row.id, ...openedFacts(row), ...asked.told }
  const written = await storage.write((tx) => writeSession(tx, row, { type: 'auth', actor: by, ev }, true))
  // Now and then whoever adds one takes away those that are long over.
  if (room.sessions.size % PURGE_EVERY === 0) await purgeSessions(room)
  if (room.sessions.of(asked.agent).size > room.mostSessions) await makeRoom(room, asked.agent)
  return issue(room, written, refresh?.text, asked.claims)
}

function openedFacts({ agent, key, audience, scope, jkt, parent, expires_at: expiresAt }: SessionRow) {
  const bound = { key: key ?? undefined, jkt: jkt ?? undefined, parent: parent ?? undefined }
  return { agent, audience, scope: scope ?? undefined, ...bound, expiresAt }
}

/**
 * New tokens for a refresh token, which is used up. A used one ends the session: somebody has a copy. Throws Problems
 * `refresh_invalid`, `refresh_reused`, `agent_not_active`.
 */
export async function refreshSession(
  room: Room,
  presented: string,
  checks: RefreshChecks,
  by: (session: Session) => Actor,
): Promise<IssuedTokens> {
  const { storage, sessions, directory, clock } = room
  const hash = refreshHash(room, presented)
  if (hash === undefined) throw sessionProblem('refresh_invalid')
  const session = sessions.byRefresh(hash)
  if (session === undefined) throw await reused(room, hash, checks)
  if (!session.live || clock.now() >= session.expiresAt) throw sessionProblem('refresh_invalid')
  if (session.jkt !== checks.jkt) throw sessionProblem('refresh_invalid', { detail: 'It is bound to another key.' })
  if (directory.agent(session.agent)?.status !== 'active') throw sessionProblem('agent_not_active')
  const next = newRefreshToken(room)
  const ev = { what: 'session.refreshed', session: session.id, agent: session.agent }
  const record: ChangeRecord = { type: 'auth', actor: by(session), ev }
  const written = await storage.write(async (tx) => {
    const row = await getSession(tx, session.id)
    if (row?.status !== 'active' || row.refresh_hash === null) return undefined
    if (Buffer.compare(row.refresh_hash, hash) !== 0) return undefined
    await noteUsed(tx, hash, row.id)
    return writeSession(tx, { ...row, refresh_hash: next.hash, generation: row.generation + 1 }, record, false)
  })
  if (written === undefined) throw await reused(room, hash, checks)
  return issue(room, written, next.text, checks.claims?.(session))
}

/** Ends a session and what was exchanged for its tokens. Twice is no error. */
export async function revokeSession({ storage }: Room, session: Session, by: Actor, why?: string): Promise<void> {
  if (session.row.status === 'revoked') return
  await storage.write((tx) => revokeSessionInto(tx, session, by, why), { urgent: true })
}

/** The same, in the transaction. */
export async function revokeSessionInto(tx: Tx, session: Session, by: Actor, why?: string): Promise<void> {
  const row: SessionRow = { ...session.row, status: 'revoked' }
  const ev = { what: 'session.revoked', session: row.id, agent: row.agent, why }
  await writeSession(tx, row, { type: 'revoke', actor: by, ev }, false)
}

/** Uses a session that is good for so many calls, once; false when it is used up or over. */
export async function useSession({ storage }: Room, session: Session): Promise<boolean> {
  const actor: Actor = { kind: 'agent', id: session.agent, key: session.id }
  return storage.write(async (tx) => {
    const row = await getSession(tx, session.id)
    if (row?.status !== 'active' || row.max_uses === null || (row.used ?? 0) >= row.max_uses) return false
    const used = (row.used ?? 0) + 1
    const ev = { what: 'session.used', session: row.id, agent: row.agent, used, of: row.max_uses }
    await writeSession(tx, { ...row, used }, { type: 'auth', actor, ev }, false)
    return true
  })
}

/** Ends every live session of an agent, in one transaction. Resolves to how many there were. */
export async function revokeSessionsOf({ storage, sessions }: Room, agent: AgentId, by: Actor): Promise<number> {
  const live = [...sessions.of(agent)].filter(({ row }) => row.status === 'active')
  await storage.write(
    async (tx) => {
      for (const { row } of live) {
        const ev = { what: 'session.revoked', session: row.id, agent }
        await writeSession(tx, { ...row, status: 'revoked' }, { type: 'revoke', actor: by, ev }, false)
      }
    },
    { urgent: true },
  )
  return live.length
}

/**
 * At the gateway a scope only takes away, so it may be any. At a service of others nobody but that service says what an
 * agent may do: what stands in a token for it is some of what it gave, and the rest is left out (RFC 6749 §3.3).
 */
function grantedScope(room: Room, { audience, scope, claims }: OpenSession): string | undefined {
  if (scope === undefined || audience === room.issuer()) return scope
  const permissions = Array.isArray(claims?.permissions) ? claims.permissions : []
  const granted = scope.split(' ').filter((text) => permissions.includes(text))
  return granted.length === 0 ? undefined : granted.join(' ')
}

/** The session of a refresh token that is presented, used or not; undefined for what is none of ours. */
export function sessionOfRefresh(room: Room, presented: string): Session | undefined {
  const hash = refreshHash(room, presented)
  return hash && room.sessions.byRefresh(hash)
}

/** The problem of a refresh token that is not current, after ending its session if it once was. */
async function reused(room: Room, hash: Buffer, checks: RefreshChecks): Promise<Error> {
  const id = await sessionOfUsed(room.storage, hash)
  const session = id === undefined ? undefined : room.sessions.get(id)
  if (session === undefined) return sessionProblem('refresh_invalid')
  await revokeSession(room, session, { kind: 'system', id: 'claviger' }, 'refresh_reused')
  checks.reused?.(session)
  return sessionProblem('refresh_reused')
}

async function writeSession(tx: Tx, row: SessionRow, record: ChangeRecord, fresh: boolean): Promise<SessionRow> {
  const written = { ...row }
  const epoch = await tx.change({ kind: 'session', ref: row.id, after: written, record })
  if (fresh) (written as { issued_epoch: number }).issued_epoch = epoch
  await putSession(tx, written)
  return written
}

async function issue(
  room: Room,
  row: SessionRow,
  refreshToken: string | undefined,
  claims: Readonly<Record<string, unknown>> | undefined,
): Promise<IssuedTokens> {
  const seconds = Math.floor(room.clock.now() / 1_000)
  // Longer than that the key that signs it is not believed.
  const life = Math.floor(Math.min(row.life_ms, LONGEST_TOKEN_LIFE_MS) / 1_000)
  // Names its session, so that whoever knows it can end what it belongs to, before and after a restart.
  const jti = `${row.id.slice('ses_'.length)}.${base62(randomBytes(8), 11)}`
  const accessToken = await signJwt(room.signing.active(), row.typ, {
    iss: room.issuer(),
    aud: row.audience,
    sub: row.agent,
    client_id: row.agent,
    jti,
    iat: seconds,
    exp: Math.min(seconds + life, Math.floor(row.expires_at / 1_000)),
    ...(row.scope !== null && { scope: row.scope }),
    ...(row.jkt !== null && { cnf: { jkt: row.jkt } }),
    ...(row.act !== null && { act: JSON.parse(row.act) }),
    sid: row.id,
    epoch: row.issued_epoch,
    ...claims,
  })
  const issued = { accessToken, expiresInSeconds: life, sid: row.id, jti, scope: row.scope ?? undefined }
  return refreshToken === undefined ? issued : { ...issued, refreshToken }
}

function newRefreshToken(room: Room): { text: string; hash: Buffer } {
  const text = `rf_${base62(randomBytes(32), 43)}`
  return { text, hash: storedForm(room.pepper().key, 'rf', text) }
}

function refreshHash(room: Room, presented: string): Buffer | undefined {
  return REFRESH.test(presented) ? storedForm(room.pepper().key, 'rf', presented) : undefined
}

/** The session that a `jti` of ours belongs to. */
export function sessionOfJti({ sessions }: Room, jti: string): Session | undefined {
  return sessions.get(`ses_${jti.split('.', 1)[0]}`)
}
