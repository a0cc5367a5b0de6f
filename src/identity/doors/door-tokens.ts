/**
 * Opaque tokens of a door: 43 characters without a prefix, one for each agent, without an end. They are tokens of the agent
 * like others, so what ends those ends these. Invariant: each counts at its door alone, by a keyed hash of its own kind.
 */
import { randomBytes } from 'node:crypto'
import { storedForm, storedImport } from '../../crypto/tokens.ts'
import { type AgentId, newId, type TokenId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import { Secret } from '../../ground/secret.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import { requireAgent } from '../agents.ts'
import { type AgentPrincipal, identityProblem } from '../contract.ts'
import { hashKey, type Token } from '../directory.ts'
import type { Room } from '../room.ts'
import { putToken, type TokenRow } from '../store.ts'
import { issueInto, revokeRowInto, revokeToken } from '../tokens.ts'
import type { DoorName, DoorTokenView } from './contract.ts'
import { Lately } from './lately.ts'
import { hadToken, liveTokens, putSalt } from './store.ts'

const SHAPE = /^[A-Za-z0-9_-]{43}$/
/** The last moment that has a date of four figures. */
const NEVER = Date.UTC(9999, 11, 31)

/** What another system kept of a token: SHA-256 of salt, colon and token. */
export interface KeptToken {
  readonly salt: string
  readonly hash: Uint8Array
}

export class DoorTokens {
  readonly #room: Room
  readonly #door: DoorName
  /** Tokens that are being given our own hash. */
  readonly #rehashing = new Set<string>()
  readonly #lately = new Lately()

  constructor(room: Room, door: DoorName) {
    this.#room = room
    this.#door = door
  }

  /** Throws Problem `vault_sealed`. Whether token and agent still stand is the policy's to judge, as with other tokens. */
  recognise(presented: string): AgentPrincipal | undefined {
    const { key } = this.#room.pepper()
    if (!SHAPE.test(presented)) return undefined
    const known = this.#lately.find(presented, key)
    // What the read-model has forgotten, at sealing, is known no more.
    if (known !== undefined && this.#room.directory.token(known.id) === known) return agentOf(known)
    const native = storedForm(key, this.#door, presented)
    const found = this.#room.directory.tokenByHash(hashKey(native))
    if (found?.kind === this.#door) this.#lately.keep(presented, key, found)
    const token = found ?? this.#broughtOver(presented, native)
    return token?.kind === this.#door ? agentOf(token) : undefined
  }

  /** A new token; the one before dies in the same commit. Throws Problem `agent_unknown`, `agent_revoked`, `vault_sealed`. */
  async issue(agent: AgentId, by: Actor): Promise<Secret> {
    const { status } = requireAgent(this.#room.directory.agent(agent))
    if (status === 'revoked') throw identityProblem('agent_revoked')
    const token = Secret.fromText(randomBytes(32).toString('base64url'))
    const { version, key } = this.#room.pepper()
    const hash = storedForm(key, this.#door, token.reveal().toString('latin1'))
    const row = this.#row(agent, { version, hash })
    await this.#room.storage.write(async (tx) => {
      await this.#revokeLive(tx, agent, by)
      await issueInto(tx, row, by)
    })
    return token
  }

  /**
   * Takes over a token of which another system kept a hash: it goes on working. False where the agent has or ever had a
   * token here, or another has this one: none comes alive again that was revoked. Throws Problem `agent_unknown`, `agent_revoked`,
   * `door_salts_full`, `vault_sealed`.
   */
  async adopt(agent: AgentId, { salt, hash }: KeptToken, by: Actor): Promise<boolean> {
    const { status } = requireAgent(this.#room.directory.agent(agent))
    if (status === 'revoked') throw identityProblem('agent_revoked')
    const saltRow = this.#room.salts.rowFor(this.#door, salt)
    if (saltRow === 'full') throw identityProblem('door_salts_full')
    const { version, key } = this.#room.pepper()
    const row = this.#row(agent, { version, hash: storedImport(key, this.#door, hash) })
    return this.#room.storage.write(async (tx) => {
      if (await hadToken(tx, row)) return false
      if (saltRow !== undefined) {
        const ev = { what: 'door.salt_added', door: this.#door }
        await tx.change({ kind: 'door_salt', ref: saltRow.id, after: saltRow, record: { type: 'auth', actor: by, ev } })
        await putSalt(tx, saltRow)
      }
      await issueInto(tx, row, by)
      return true
    })
  }

  /** False where there was none. */
  revoke(agent: AgentId, by: Actor): Promise<boolean> {
    return this.#room.storage.write(async (tx) => (await this.#revokeLive(tx, agent, by)) > 0, { urgent: true })
  }

  /** Revokes a token that somebody found and shows. False if it is none of this door; it may be dead already. */
  async revokeLeaked(presented: string): Promise<boolean> {
    const found = this.recognise(presented)
    if (found === undefined) return false
    await revokeToken(this.#room, found.token.id, { kind: 'system', id: 'finder' })
    return true
  }

  /** One for each agent that was ever given a token, in the order of the first. */
  list(): DoorTokenView[] {
    const views = new Map<string, DoorTokenView>()
    for (const { kind, owner, principal, status, createdAt, revokedAt } of this.#room.directory.tokens()) {
      if (kind !== this.#door || principal?.kind !== 'agent') continue
      const before = views.get(owner)
      views.set(owner, {
        agent: principal.agent,
        active: status === 'active' || before?.active === true,
        createdAt: Math.min(createdAt, before?.createdAt ?? createdAt),
        updatedAt: Math.max(createdAt, revokedAt ?? 0, before?.updatedAt ?? 0),
      })
    }
    return [...views.values()].sort((one, other) => one.createdAt - other.createdAt)
  }

  /** By the hash of another system. From its first use on such a token has our own, which needs no salt. */
  #broughtOver(presented: string, native: Buffer): Token | undefined {
    const { directory, salts, pepper } = this.#room
    for (const form of salts.formsOf(this.#door, presented, pepper().key)) {
      const token = directory.tokenByHash(hashKey(form))
      if (token?.kind !== this.#door) continue
      if (token.status === 'active' && !this.#rehashing.has(token.id)) this.#rehash(token, form, native)
      return token
    }
    return undefined
  }

  /** Beside the call, which does not wait for it: if it fails, the next use does it. */
  #rehash({ id, owner }: Token, before: Buffer, hash: Buffer): void {
    this.#rehashing.add(id)
    const { version } = this.#room.pepper()
    const actor: Actor = { kind: 'agent', id: owner, key: id }
    const done = this.#room.storage.write(async (tx) => {
      const row = await believed(tx, id)
      if (row?.status !== 'active' || !before.equals(row.hash)) return
      const after = { ...row, hash, pepper: version }
      const record = { type: 'auth' as const, actor, ev: { what: 'token.rehashed', token: id, owner } }
      await tx.change({ kind: 'token_rehashed', ref: id, after, record })
      await putToken(tx, after)
    })
    done.catch(() => {}).finally(() => this.#rehashing.delete(id))
  }

  #row(owner: AgentId, { version, hash }: { readonly version: number; readonly hash: Buffer }): TokenRow {
    return {
      id: newId('tok'),
      kind: this.#door,
      owner,
      label: null,
      hash,
      pepper: version,
      issued_epoch: 0, // known once the change is made
      status: 'active',
      created_at: this.#room.clock.now(),
      expires_at: NEVER,
      revoked_at: null,
    }
  }

  *#known(agent: AgentId): Iterable<TokenId> {
    for (const { id, kind, owner, status } of this.#room.directory.tokens()) {
      if (kind === this.#door && owner === agent && status === 'active') yield id
    }
  }

  async #revokeLive(tx: Tx, agent: AgentId, by: Actor): Promise<number> {
    const { directory, clock } = this.#room
    let live = 0
    // Of memory too: what other hands wrote into a row must not keep its token from being revoked.
    for (const id of new Set([...this.#known(agent), ...(await liveTokens(tx, this.#door, agent))])) {
      const row = directory.token(id)?.toRow() ?? (await believed(tx, id))
      if (row === undefined) continue
      if (row.status === 'active') live += 1
      await revokeRowInto(tx, { ...row, status: 'revoked', revoked_at: row.revoked_at ?? clock.now() }, by)
    }
    return live
  }
}

function agentOf({ principal }: Token): AgentPrincipal | undefined {
  return principal?.kind === 'agent' ? principal : undefined
}

/** A row that other hands edited speaks for nobody: there is nothing to revoke. */
async function believed(tx: Tx, id: string): Promise<TokenRow | undefined> {
  try {
    return await tx.get<TokenRow>('tokens', id)
  } catch (error) {
    if (error instanceof Problem && error.code === 'row_tampered') return undefined
    throw error
  }
}
