/**
 * Tokens of the BotMaker door: 64 hex characters, one for each bot. They are tokens of the agent like others, so what ends
 * those ends these. BotMaker keeps SHA-256 of a token, so a bot that is brought over keeps its own, whatever its form.
 * Invariant: each counts at that door alone, by a keyed hash of a kind of its own.
 */
import { createHash, randomBytes } from 'node:crypto'
import { storedImport } from '../../crypto/tokens.ts'
import { type AgentId, newId } from '../../ground/ids.ts'
import { Secret } from '../../ground/secret.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import { type AgentPrincipal, identityProblem } from '../contract.ts'
import { hashKey, type Token } from '../directory.ts'
import type { Room } from '../room.ts'
import type { TokenRow } from '../store.ts'
import { issueInto, revokeInto } from '../tokens.ts'
import { Lately } from './lately.ts'
import { hadToken } from './store.ts'

const KIND = 'botmaker'
/** Longer texts are hashed for nobody. */
const MOST_CHARACTERS = 512
/** The last moment that has a date of four figures. */
const NEVER = Date.UTC(9999, 11, 31)

export class BotTokens {
  readonly #room: Room
  readonly #lately = new Lately()

  constructor(room: Room) {
    this.#room = room
  }

  /** Throws Problem `vault_sealed`. Whether token and agent still stand is the policy's to judge, as with other tokens. */
  recognise(presented: string): AgentPrincipal | undefined {
    const { key } = this.#room.pepper()
    if (presented.length > MOST_CHARACTERS) return undefined
    const known = this.#lately.find(presented, key)
    // What the read-model has forgotten, at sealing, is known no more.
    if (known !== undefined && this.#room.directory.token(known.id) === known) return agentOf(known)
    const found = this.#room.directory.tokenByHash(hashKey(storedImport(key, KIND, sha256(presented))))
    if (found?.kind !== KIND) return undefined
    this.#lately.keep(presented, key, found)
    return agentOf(found)
  }

  /** A new token for an agent that may be of this very transaction; those before it die with it. Throws Problem `vault_sealed`. */
  async issue(tx: Tx, agent: AgentId, by: Actor): Promise<Secret> {
    const token = randomBytes(32).toString('hex')
    await this.revoke(tx, agent, by)
    await issueInto(tx, this.#row(agent, sha256(token)), by)
    return Secret.fromText(token)
  }

  /** Takes over a token of which BotMaker kept the hash. Throws Problem `token_known`, `vault_sealed`. */
  async adopt(tx: Tx, agent: AgentId, hash: Buffer, by: Actor): Promise<void> {
    const row = this.#row(agent, hash)
    if (await hadToken(tx, row)) throw identityProblem('token_known')
    await issueInto(tx, row, by)
  }

  /** Every live token of this kind that the agent has. */
  async revoke(tx: Tx, agent: AgentId, by: Actor): Promise<void> {
    for (const token of this.#live(agent)) await revokeInto(this.#room, tx, token, by)
  }

  #live(agent: AgentId): readonly Token[] {
    const live: Token[] = []
    for (const token of this.#room.directory.tokens()) {
      if (token.kind === KIND && token.owner === agent && token.status === 'active') live.push(token)
    }
    return live
  }

  #row(owner: AgentId, hash: Buffer): TokenRow {
    const { pepper, clock } = this.#room
    const { version, key } = pepper()
    return {
      ...{ id: newId('tok'), kind: KIND, owner, label: null, hash: storedImport(key, KIND, hash), pepper: version },
      // The epoch is known once the change is made.
      ...{ issued_epoch: 0, status: 'active', created_at: clock.now(), expires_at: NEVER, revoked_at: null },
    }
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest()

function agentOf({ principal }: Token): AgentPrincipal | undefined {
  return principal?.kind === 'agent' ? principal : undefined
}
