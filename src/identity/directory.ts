import type { AgentId, OperatorId, TokenId } from '../ground/ids.ts'
import type { AnyRole } from '../http/endpoint.ts'
import type { AgentEntry, AgentStatus, OperatorEntry, Principal, TokenEntry } from './contract.ts'
import type { AgentOrigin, AgentRow, OperatorRow, TokenRow } from './store.ts'
import { readSources, type TokenSources } from './token-sources.ts'

class Agent implements AgentEntry {
  readonly id: AgentId
  name: string
  readonly createdAt: number
  readonly owner: string | undefined
  readonly origin: AgentOrigin | undefined
  email: string | undefined
  label: string | undefined
  status: AgentStatus
  /** Of the change that made it what it is. */
  epoch = 0

  constructor(row: AgentRow) {
    this.id = row.id
    this.name = row.name
    this.createdAt = row.created_at
    this.owner = row.owner ?? undefined
    this.origin = row.origin ?? undefined
    this.email = row.email ?? undefined
    this.label = row.label ?? undefined
    this.status = row.status
  }

  toRow(): AgentRow {
    const { id, name, status, createdAt, owner, email, origin, label } = this
    return {
      id,
      name,
      status,
      created_at: createdAt,
      owner: owner ?? null,
      email: email ?? null,
      origin: origin ?? null,
      label: label ?? null,
    }
  }
}

class Operator implements OperatorEntry {
  readonly id: OperatorId
  name: string
  readonly createdAt: number
  role: AnyRole
  status: 'active' | 'revoked'
  displayName: string | undefined

  constructor(row: OperatorRow) {
    this.id = row.id
    this.name = row.name
    this.role = row.role ?? 'owner'
    this.createdAt = row.created_at
    this.status = row.status
    this.displayName = row.display_name ?? undefined
  }
}

/** A token as it is remembered: enough to recognise it, and to write its row again when it is revoked. */
class Token implements TokenEntry {
  readonly id: TokenId
  readonly kind: TokenEntry['kind']
  readonly owner: string
  readonly label: string | undefined
  readonly createdAt: number
  readonly expiresAt: number
  readonly issuedEpoch: number
  readonly pepper: number
  readonly sources: TokenSources | undefined
  /** The stored hash, one character a byte: the key of the map it is found by. */
  hash: string
  status: 'active' | 'revoked' = 'active'
  revokedAt: number | undefined
  /** Made once, so that recognising a caller allocates nothing. Undefined while its owner is unknown. */
  principal: Principal | undefined

  constructor(row: TokenRow, owner: string) {
    this.id = row.id
    this.kind = row.kind
    this.owner = owner
    this.label = row.label ?? undefined
    this.createdAt = row.created_at
    this.expiresAt = row.expires_at
    this.issuedEpoch = row.issued_epoch
    this.pepper = row.pepper
    this.sources = readSources(row.sources)
    this.hash = hashKey(row.hash)
  }

  toRow(): TokenRow {
    return {
      id: this.id,
      kind: this.kind,
      owner: this.owner,
      label: this.label ?? null,
      hash: Buffer.from(this.hash, 'latin1'),
      pepper: this.pepper,
      issued_epoch: this.issuedEpoch,
      status: this.status,
      created_at: this.createdAt,
      expires_at: this.expiresAt,
      revoked_at: this.revokedAt ?? null,
      sources: this.sources?.text ?? null,
    }
  }
}

export type { Agent, Operator, Token }

export function hashKey(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1')
}

/**
 * The read-model: who there is and which tokens speak for whom, all in memory. Filled after unsealing, then kept up to date
 * by following the commits. Tokens of owners it does not know are in no index that recognises anybody.
 */
export class Directory {
  readonly #agents = new Map<string, Agent>()
  readonly #agentsByName = new Map<string, Agent>()
  readonly #operators = new Map<string, Operator>()
  readonly #tokens = new Map<string, Token>()
  readonly #tokensByHash = new Map<string, Token>()
  #revokedUpTo = 0

  /** Forgets everybody: nobody is recognised until it is filled again. */
  clear(): void {
    for (const map of [this.#agents, this.#agentsByName, this.#operators, this.#tokens, this.#tokensByHash]) map.clear()
    this.#revokedUpTo = 0
  }

  /** `epoch`: of the change that made the row what it is. */
  putAgent(row: AgentRow, epoch = row.epoch ?? 0): void {
    const known = this.#agents.get(row.id)
    if (known) {
      known.epoch = epoch
      if (known.name !== row.name) {
        this.#agentsByName.delete(known.name)
        known.name = row.name
        this.#agentsByName.set(known.name, known)
      }
      known.status = row.status
      known.email = row.email ?? undefined
      known.label = row.label ?? undefined
      return
    }
    const agent = new Agent(row)
    agent.epoch = epoch
    this.#agents.set(agent.id, agent)
    this.#agentsByName.set(agent.name, agent)
  }

  putOperator(row: OperatorRow): void {
    const known = this.#operators.get(row.id)
    if (known) {
      known.name = row.name
      known.status = row.status
      known.role = row.role ?? 'owner'
      known.displayName = row.display_name ?? undefined
    } else this.#operators.set(row.id, new Operator(row))
  }

  putToken(row: TokenRow): void {
    const known = this.#tokens.get(row.id)
    const token = known ?? new Token(row, this.#ownerId(row.owner))
    token.status = row.status
    token.revokedAt = row.revoked_at ?? undefined
    this.#applyRevokeAll(token)
    if (known) this.#reindex(known, row)
    else this.#index(token)
  }

  #index(token: Token): void {
    token.principal = this.#principalOf(token)
    this.#tokens.set(token.id, token)
    if (token.principal) this.#tokensByHash.set(token.hash, token)
  }

  /** A token that another system hashed gets our own hash once it was shown. */
  #reindex(token: Token, row: TokenRow): void {
    const hash = hashKey(row.hash)
    if (hash === token.hash) return
    this.#tokensByHash.delete(token.hash)
    token.hash = hash
    if (token.principal) this.#tokensByHash.set(hash, token)
  }

  /** Every agent's token issued up to `epoch` is dead. Operators' are not: they are needed to put things right. */
  revokeAll(epoch: number): void {
    this.#revokedUpTo = Math.max(this.#revokedUpTo, epoch)
    for (const token of this.#tokens.values()) this.#applyRevokeAll(token)
  }

  /** Whether an operator had to do with the agent, or with that key of it, since everything was revoked last. */
  isTrustedSince(agent: { readonly id: string }, key?: { readonly epoch: number }): boolean {
    if (this.#revokedUpTo === 0) return true
    return Math.max(this.#agents.get(agent.id)?.epoch ?? 0, key?.epoch ?? 0) > this.#revokedUpTo
  }

  agent(idOrName: string): Agent | undefined {
    return this.#agents.get(idOrName) ?? this.#agentsByName.get(idOrName)
  }

  agents(): Iterable<Agent> {
    return this.#agents.values()
  }

  get agentCount(): number {
    return this.#agents.size
  }

  /** By id or name. */
  operator(idOrName: string): Operator | undefined {
    const known = this.#operators.get(idOrName)
    if (known !== undefined) return known
    for (const operator of this.#operators.values()) if (operator.name === idOrName) return operator
    return undefined
  }

  operators(): Iterable<Operator> {
    return this.#operators.values()
  }

  token(id: string): Token | undefined {
    return this.#tokens.get(id)
  }

  tokens(): Iterable<Token> {
    return this.#tokens.values()
  }

  tokenByHash(hash: string): Token | undefined {
    return this.#tokensByHash.get(hash)
  }

  #applyRevokeAll(token: Token): void {
    if (token.kind !== 'op' && token.issuedEpoch <= this.#revokedUpTo) token.status = 'revoked'
  }

  /** The owner's own copy of its id: a hundred thousand tokens need not each keep another. */
  #ownerId(id: string): string {
    return this.#agents.get(id)?.id ?? this.#operators.get(id)?.id ?? id
  }

  #principalOf(token: Token): Principal | undefined {
    if (token.kind === 'op') {
      const operator = this.#operators.get(token.owner)
      return operator && { kind: 'operator', id: operator.id, operator, token }
    }
    const agent = this.#agents.get(token.owner)
    return agent && { kind: 'agent', agent, token }
  }
}
