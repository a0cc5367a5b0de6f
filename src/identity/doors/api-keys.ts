/**
 * Keys of the ClawGate door: `ag_` and 32 base64url characters, several for each agent. They are tokens of the agent like
 * others, so what ends those ends these. Invariant: each counts at that door alone, by a keyed hash of a kind of its own.
 */
import { randomBytes } from 'node:crypto'
import { storedForm } from '../../crypto/tokens.ts'
import { type AgentId, newId, type TokenId } from '../../ground/ids.ts'
import { Secret } from '../../ground/secret.ts'
import type { Actor } from '../../storage/storage.ts'
import { requireAgent } from '../agents.ts'
import { type AgentEntry, type AgentPrincipal, identityProblem } from '../contract.ts'
import { hashKey, type Token } from '../directory.ts'
import type { Room } from '../room.ts'
import type { TokenRow } from '../store.ts'
import { issueInto, revoke } from '../tokens.ts'

const KIND = 'clawgate'
const SHAPE = /^ag_[A-Za-z0-9_-]{32}$/
/** Of what is shown of a key everywhere: `ag_` and these. They are the end of its id, so nothing more has to be kept. */
const SHOWN = 5
/** 27 characters: 160 bits. */
const SECRET_BYTES = 20
/** The last moment that has a date of four figures. */
const NEVER = Date.UTC(9999, 11, 31)

export interface ApiKeyView {
  readonly id: TokenId
  readonly name: string
  /** Its first eight characters. */
  readonly prefix: string
  readonly agent: AgentEntry
  /** Milliseconds since 1970, like all times here. Since the last start alone. */
  readonly lastUsedAt: number | undefined
  readonly createdAt: number
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
}

export interface NewApiKey {
  readonly agent: AgentId
  readonly name: string
  readonly expiresAt?: number | undefined
}

export class ApiKeys {
  readonly #room: Room
  readonly #used = new Map<string, number>()

  constructor(room: Room) {
    this.#room = room
  }

  /** Throws Problem `vault_sealed`. Whether key and agent still stand is for `mayAct()` to say, as with other tokens. */
  recognise(presented: string): AgentPrincipal | undefined {
    const { key } = this.#room.pepper()
    if (!SHAPE.test(presented)) return undefined
    const token = this.#room.directory.tokenByHash(hashKey(storedForm(key, KIND, presented)))
    if (token?.kind !== KIND || token.principal?.kind !== 'agent') return undefined
    this.#used.set(token.id, this.#room.clock.now())
    return token.principal
  }

  /** Throws Problems `agent_unknown`, `agent_revoked`, `token_life_invalid`, `vault_sealed`. */
  async issue({ agent, name, expiresAt }: NewApiKey, by: Actor): Promise<{ view: ApiKeyView; key: Secret }> {
    const { clock, directory, pepper, storage } = this.#room
    const { status, id: owner } = requireAgent(directory.agent(agent))
    if (status === 'revoked') throw identityProblem('agent_revoked')
    const now = clock.now()
    if (expiresAt !== undefined && expiresAt <= now) throw identityProblem('token_life_invalid')
    const id = newId('tok')
    const text = `ag_${id.slice(-SHOWN)}${randomBytes(SECRET_BYTES).toString('base64url')}`
    const { version, key } = pepper()
    const row: TokenRow = {
      ...{ id, kind: KIND, owner, label: name, hash: storedForm(key, KIND, text), pepper: version },
      ...{ issued_epoch: 0, status: 'active', created_at: now, expires_at: expiresAt ?? NEVER, revoked_at: null },
    }
    await storage.write((tx) => issueInto(tx, row, by))
    return { view: this.find(id), key: Secret.fromText(text) }
  }

  /** All there ever were, the oldest first. */
  list(): ApiKeyView[] {
    const found: ApiKeyView[] = []
    for (const token of this.#room.directory.tokens()) {
      const view = this.#viewOf(token)
      if (view !== undefined) found.push(view)
    }
    return found.sort((one, other) => one.createdAt - other.createdAt)
  }

  /** Throws Problem `token_unknown`: for tokens of other kinds too. */
  find(id: string): ApiKeyView {
    const token = this.#room.directory.token(id)
    const view = token && this.#viewOf(token)
    if (view === undefined) throw identityProblem('token_unknown')
    return view
  }

  /** Revoking twice is no error. Throws Problem `token_unknown`. */
  async revoke(id: string, by: Actor): Promise<void> {
    const token = this.#room.directory.token(this.find(id).id)
    if (token?.status === 'active') await revoke(this.#room, token, by)
  }

  #viewOf({ id, kind, label, principal, createdAt, expiresAt, revokedAt }: Token): ApiKeyView | undefined {
    if (kind !== KIND || principal?.kind !== 'agent') return undefined
    return {
      ...{ id, name: label ?? '', prefix: `ag_${id.slice(-SHOWN)}`, agent: principal.agent, createdAt, revokedAt },
      lastUsedAt: this.#used.get(id),
      expiresAt: expiresAt === NEVER ? undefined : expiresAt,
    }
  }
}
