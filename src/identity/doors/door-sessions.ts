/**
 * Sessions of a door: short tokens in the door's shape, signed as all tokens are. Invariant: each is good at its door
 * alone, within its scope, and dead at once with its session or agent.
 */
import { hash, randomBytes, randomUUID } from 'node:crypto'
import { readJws } from '../../crypto/jws.ts'
import { verifyP256 } from '../../crypto/p256.ts'
import type { AgentId } from '../../ground/ids.ts'
import { type Label, readLabel } from '../../policy/label.ts'
import type { Actor } from '../../storage/storage.ts'
import { requireAgent } from '../agents.ts'
import { identityProblem } from '../contract.ts'
import type { Agent } from '../directory.ts'
import type { Room } from '../room.ts'
import type { Session } from '../sessions/session-book.ts'
import { openSession, revokeSessionInto } from '../sessions/tokens.ts'
import { LONGEST_TOKEN_LIFE_MS } from '../signing/contract.ts'
import {
  type DoorName,
  type DoorRevocation,
  type DoorSessionEntry,
  doorSessionId,
  type OpenedDoorSession,
} from './contract.ts'
import { dropRevocationsBefore, getRevocation, loadRevocations, putRevocation } from './store.ts'

const MOST_KNOWN = 8_192
const LEEWAY_MS = 5_000

/** `subject`: whom it is for, in the door's words. `lifeMs`: at most an hour, whoever asks. */
export interface NewDoorSession {
  readonly agent: AgentId
  readonly subject: string
  readonly scope?: Label | undefined
  readonly lifeMs: number
}

class DoorToken implements DoorSessionEntry {
  readonly kind = 'jwt'
  readonly jkt = undefined
  readonly whole = false
  readonly id: DoorSessionEntry['id']
  readonly claims: Readonly<Record<string, unknown>>
  readonly subject: string
  readonly jti: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly labelScope: Label | undefined
  readonly kid: string
  readonly session: Session
  readonly principal: { readonly kind: 'agent'; readonly agent: Agent; readonly token: DoorToken }

  constructor(claims: Claims, kid: string, session: Session, agent: Agent, scope: Label | undefined) {
    this.id = session.id as string as DoorSessionEntry['id']
    this.claims = claims
    this.subject = claims.sub
    this.jti = claims.jti
    this.createdAt = claims.iat * 1_000
    this.expiresAt = claims.exp * 1_000
    this.labelScope = scope
    this.kid = kid
    this.session = session
    this.principal = { kind: 'agent', agent, token: this }
  }

  get status(): 'active' | 'revoked' {
    return this.session.live ? 'active' : 'revoked'
  }

  /** Its scope is a label, which the gate judges by what the call calls itself. */
  covers(): boolean {
    return true
  }
}

interface Claims extends Readonly<Record<string, unknown>> {
  readonly sub: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
}

export class DoorSessions {
  readonly #room: Room
  readonly #door: DoorName
  readonly #prefix = randomBytes(32).toString('latin1')
  readonly #known = new Map<string, DoorToken>()

  constructor(room: Room, door: DoorName) {
    this.#room = room
    this.#door = door
  }

  /** Throws Problem `agent_unknown`, `agent_revoked`, `vault_sealed`. */
  async open({ agent, subject, scope, lifeMs }: NewDoorSession, by: Actor): Promise<OpenedDoorSession> {
    const { status } = requireAgent(this.#room.directory.agent(agent))
    if (status === 'revoked') throw identityProblem('agent_revoked')
    const jti = randomUUID()
    const issuedAt = Math.floor(this.#room.clock.now() / 1_000) * 1_000
    const life = Math.max(1_000, Math.min(lifeMs, LONGEST_TOKEN_LIFE_MS))
    const door = { id: doorSessionId(jti), scope: scope?.text }
    const claims = { iss: this.#door, sub: subject, jti }
    const asked = { agent, audience: this.#door, typ: 'JWT', lifeMs: life, claims, door } as const
    const { accessToken: token, expiresInSeconds } = await openSession(this.#room, asked, by)
    return { token, jti, issuedAt, expiresAt: issuedAt + expiresInSeconds * 1_000 }
  }

  /** The token, if its signature holds and it, its session and its agent are live. Throws Problem `vault_sealed`. */
  verify(text: string): DoorToken | undefined {
    this.#room.pepper()
    const token = this.#token(text)
    const now = this.#room.clock.now()
    if (token === undefined || now >= token.expiresAt || token.createdAt > now + LEEWAY_MS) return undefined
    return token.status === 'active' && token.principal.agent.status === 'active' ? token : undefined
  }

  /**
   * Ends the session of a `jti`, and keeps it among the revocations until it would have ended by itself: one that is not
   * known here too. Undefined if that was done before.
   */
  revoke(jti: string, expiresAt: number, reason: string, by: Actor): Promise<DoorRevocation | undefined> {
    const { storage, sessions, clock } = this.#room
    const session = sessions.get(doorSessionId(jti))
    const own = session?.audience === this.#door ? session : undefined
    const now = clock.now()
    // As its token says it, in whole seconds.
    const until = own === undefined ? expiresAt : Math.floor(own.expiresAt / 1_000) * 1_000
    return storage.write(
      async (tx) => {
        if ((await getRevocation(tx, jti)) !== undefined || own?.row.status === 'revoked') return undefined
        await dropRevocationsBefore(tx, now)
        await putRevocation(tx, { id: jti, door: this.#door, revoked_at: now, expires_at: until, reason })
        if (own !== undefined) await revokeSessionInto(tx, own, by, reason)
        else {
          const ev = { what: 'session.revoked', session: doorSessionId(jti), why: reason }
          await tx.change({ kind: 'door_revocation', ref: jti, record: { type: 'revoke', actor: by, ev } })
        }
        return { jti, revokedAt: now, expiresAt: until, reason }
      },
      { urgent: true },
    )
  }

  /** Ends the session of a token that somebody found and shows. False if it is none of this door, or over. */
  async revokeLeaked(presented: string): Promise<boolean> {
    const found = this.verify(presented)
    if (found === undefined) return false
    await this.revoke(found.jti, found.expiresAt, 'cli', { kind: 'system', id: 'finder' })
    return true
  }

  /** Those whose sessions would still run, in the order in which they were ended. */
  async revocations(): Promise<DoorRevocation[]> {
    const now = this.#room.clock.now()
    const rows = (await loadRevocations(this.#room.storage)).filter((row) => row.expires_at > now)
    rows.sort((one, other) => one.revoked_at - other.revoked_at)
    return rows.map(({ id, revoked_at, expires_at, reason }) => {
      return { jti: id, revokedAt: revoked_at, expiresAt: expires_at, reason }
    })
  }

  #token(text: string): DoorToken | undefined {
    const place = hash('sha256', this.#prefix + text, 'base64')
    const known = this.#known.get(place)
    if (known !== undefined && this.#stands(known)) return known
    const read = this.#read(text)
    if (read === undefined) return undefined
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(place, read)
    return read
  }

  /** A signing key that was revoked, and a session that is gone, take what was known with them. */
  #stands({ kid, session }: DoorToken): boolean {
    return this.#room.signing.find(kid) !== undefined && this.#room.sessions.get(session.id) === session
  }

  #read(text: string): DoorToken | undefined {
    const read = readJws(text, { typ: ['JWT'] })
    const kid = read?.header.kid
    const key = kid === undefined ? undefined : this.#room.signing.find(kid)?.key
    if (read === undefined || kid === undefined || key === undefined) return undefined
    if (!verifyP256(key, read.signingInput, read.signature)) return undefined
    const { iss, aud, sid, jti, scope } = read.payload
    if (iss !== this.#door || aud !== this.#door || typeof sid !== 'string' || typeof jti !== 'string') return undefined
    const session = sid === doorSessionId(jti) ? this.#room.sessions.get(sid) : undefined
    const agent = session && this.#room.directory.agent(session.agent)
    const label = typeof scope === 'string' ? readLabel(scope) : undefined
    if (session?.audience !== this.#door || agent === undefined || (scope !== undefined && label === undefined))
      return undefined
    return new DoorToken(read.payload as unknown as Claims, kid, session, agent, label)
  }
}
