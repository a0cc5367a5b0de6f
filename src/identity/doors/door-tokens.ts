/**
 * Opaque tokens of a door: 43 characters without a prefix, one for each agent, without an end. They are tokens of the agent
 * like others, so what ends those ends these. Invariant: each counts at its door alone, by a keyed hash of its own kind.
 */
import { randomBytes } from 'node:crypto'
import { storedForm } from '../../crypto/tokens.ts'
import { type AgentId, newId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import { Secret } from '../../ground/secret.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import { requireAgent } from '../agents.ts'
import { type AgentPrincipal, identityProblem } from '../contract.ts'
import { hashKey } from '../directory.ts'
import type { Room } from '../room.ts'
import type { TokenRow } from '../store.ts'
import { issueInto, revokeRowInto } from '../tokens.ts'
import type { DoorName, DoorTokenView } from './contract.ts'
import { liveTokens } from './store.ts'

const SHAPE = /^[A-Za-z0-9_-]{43}$/
/** The last moment that has a date of four figures. */
const NEVER = Date.UTC(9999, 11, 31)

export class DoorTokens {
  readonly #room: Room
  readonly #door: DoorName

  constructor(room: Room, door: DoorName) {
    this.#room = room
    this.#door = door
  }

  /** Throws Problem `vault_sealed`. Whether token and agent still stand is the policy's to judge, as with other tokens. */
  recognise(presented: string): AgentPrincipal | undefined {
    const { key } = this.#room.pepper()
    if (!SHAPE.test(presented)) return undefined
    const token = this.#room.directory.tokenByHash(hashKey(storedForm(key, this.#door, presented)))
    return token?.kind === this.#door && token.principal?.kind === 'agent' ? token.principal : undefined
  }

  /** A new token; the one before dies in the same commit. Throws Problem `agent_unknown`, `agent_revoked`, `vault_sealed`. */
  async issue(agent: AgentId, by: Actor): Promise<Secret> {
    const { status } = requireAgent(this.#room.directory.agent(agent))
    if (status === 'revoked') throw identityProblem('agent_revoked')
    const token = Secret.fromText(randomBytes(32).toString('base64url'))
    const row = this.#row(agent, token)
    await this.#room.storage.write(async (tx) => {
      await this.#revokeLive(tx, agent, by)
      await issueInto(tx, { row, token }, by)
    })
    return token
  }

  /** False where there was none. */
  revoke(agent: AgentId, by: Actor): Promise<boolean> {
    return this.#room.storage.write(async (tx) => (await this.#revokeLive(tx, agent, by)) > 0, { urgent: true })
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

  #row(owner: AgentId, token: Secret): TokenRow {
    const { version, key } = this.#room.pepper()
    return {
      id: newId('tok'),
      kind: this.#door,
      owner,
      label: null,
      hash: storedForm(key, this.#door, token.reveal().toString('latin1')),
      pepper: version,
      issued_epoch: 0, // known once the change is made
      status: 'active',
      created_at: this.#room.clock.now(),
      expires_at: NEVER,
      revoked_at: null,
    }
  }

  async #revokeLive(tx: Tx, agent: AgentId, by: Actor): Promise<number> {
    const { directory, clock } = this.#room
    let live = 0
    for (const id of await liveTokens(tx, this.#door, agent)) {
      const row = directory.token(id)?.toRow() ?? (await believed(tx, id))
      if (row === undefined) continue
      if (row.status === 'active') live += 1
      await revokeRowInto(tx, { ...row, status: 'revoked', revoked_at: row.revoked_at ?? clock.now() }, by)
    }
    return live
  }
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
