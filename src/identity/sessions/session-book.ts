import type { Clock } from '../../ground/clock.ts'
import type { AgentId, KeyId, SessionId } from '../../ground/ids.ts'
import { type Directory, hashKey } from '../directory.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { SessionEntry } from './contract.ts'
import type { SessionRow } from './store.ts'

/** A sign-in as it is remembered. */
export class Session implements SessionEntry {
  row: SessionRow
  /** Agents that act in the name of `agent`, the one who acts now first (RFC 8693 §4.1). */
  readonly actors: readonly string[]
  readonly #book: SessionBook

  constructor(row: SessionRow, book: SessionBook) {
    this.row = row
    this.actors = row.act === null ? [] : actorsIn(JSON.parse(row.act))
    this.#book = book
  }

  get id(): SessionId {
    return this.row.id
  }
  get agent(): AgentId {
    return this.row.agent
  }
  get key(): KeyId | undefined {
    return this.row.key ?? undefined
  }
  get audience(): string {
    return this.row.audience
  }
  get scope(): string | undefined {
    return this.row.scope ?? undefined
  }
  get jkt(): string | undefined {
    return this.row.jkt ?? undefined
  }
  get parent(): SessionId | undefined {
    return this.row.parent ?? undefined
  }
  get createdAt(): number {
    return this.row.created_at
  }
  get expiresAt(): number {
    return this.row.expires_at
  }

  /** Stands on its own row, on what ended everything, on its key, and on what it was exchanged for. */
  get live(): boolean {
    return this.row.status === 'active' && this.#book.stands(this)
  }
}

const none: ReadonlySet<Session> = new Set()

/** The read-model of sign-ins. A session that is not in it was never there, or is over. */
export class SessionBook {
  readonly #sessions = new Map<string, Session>()
  readonly #byRefresh = new Map<string, Session>()
  readonly #ofAgent = new Map<string, Set<Session>>()
  readonly #keys: KeyRing
  readonly #directory: Directory
  readonly #clock: Clock
  #revokedUpTo = 0

  constructor(keys: KeyRing, directory: Directory, clock: Clock) {
    this.#keys = keys
    this.#clock = clock
    this.#directory = directory
  }

  clear(): void {
    this.#sessions.clear()
    this.#byRefresh.clear()
    this.#ofAgent.clear()
    this.#revokedUpTo = 0
  }

  put(row: SessionRow): void {
    const known = this.#sessions.get(row.id)
    const session = known ?? new Session(row, this)
    if (known?.row.refresh_hash) this.#byRefresh.delete(hashKey(known.row.refresh_hash))
    session.row = row
    this.#sessions.set(row.id, session)
    if (known === undefined) this.#join(session)
    if (row.refresh_hash) this.#byRefresh.set(hashKey(row.refresh_hash), session)
  }

  remove(id: SessionId): void {
    const known = this.#sessions.get(id)
    if (known?.row.refresh_hash) this.#byRefresh.delete(hashKey(known.row.refresh_hash))
    this.#sessions.delete(id)
    if (known) this.#ofAgent.get(known.agent)?.delete(known)
    if (known && this.#ofAgent.get(known.agent)?.size === 0) this.#ofAgent.delete(known.agent)
  }

  #join(session: Session): void {
    const others = this.#ofAgent.get(session.agent)
    if (others === undefined) this.#ofAgent.set(session.agent, new Set([session]))
    else others.add(session)
  }

  /** Of one agent, the oldest first; those that ended too, for a while. */
  of(agent: string): ReadonlySet<Session> {
    return this.#ofAgent.get(agent) ?? none
  }

  revokeAll(epoch: number): void {
    this.#revokedUpTo = Math.max(this.#revokedUpTo, epoch)
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id)
  }

  byRefresh(hash: Uint8Array): Session | undefined {
    return this.#byRefresh.get(hashKey(hash))
  }

  all(): Iterable<Session> {
    return this.#sessions.values()
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Whether nothing beneath the session was taken away. */
  stands({ row: { issued_epoch, key, parent }, actors }: Session): boolean {
    if (issued_epoch <= this.#revokedUpTo) return false
    if (actors.some((agent) => this.#directory.agent(agent)?.status !== 'active')) return false
    if (key !== null && this.#keys.key(key)?.isLive(this.#clock.now()) !== true) return false
    return parent === null || this.#sessions.get(parent)?.live === true
  }
}

/** RFC 8693 §4.1: who acts, and for whom that one acts. */
export interface Act {
  readonly sub: string
  readonly act?: Act
}

/** Everybody in the chain, the one who acts now first. */
export function actorsIn(act: Act | undefined): string[] {
  return act === undefined ? [] : [act.sub, ...actorsIn(act.act)]
}
