import type { AgentId, SessionId } from '../../ground/ids.ts'
import type { SessionRow } from '../../identity/sessions/store.ts'
import type { Change } from '../../storage/storage.ts'

/** What a token's sign-in remembers of it, over restarts. */
export interface TokenFacts {
  readonly door: 'agentvault'
  readonly service: string
  readonly sessionId: string
  readonly taskId: string
  /** The token by which its agent asked for it. */
  readonly via: string
}

export interface KnownToken extends TokenFacts {
  readonly id: SessionId
  readonly agent: AgentId
}

/** Tokens that live or lived a moment ago, by their sign-in: whose session and task is whose, and what a revocation ends. */
export class TokenBook {
  readonly #tokens = new Map<string, KnownToken>()
  /** How many tokens of each agent are for a session or task. */
  readonly #owners = new Map<string, Map<AgentId, number>>()

  clear(): void {
    this.#tokens.clear()
    this.#owners.clear()
  }

  put(row: SessionRow): void {
    if (row.context === null || this.#tokens.has(row.id)) return
    const facts = JSON.parse(row.context) as TokenFacts
    if (facts.door !== 'agentvault') return
    this.#tokens.set(row.id, { ...facts, id: row.id, agent: row.agent })
    for (const key of keysOf(facts)) this.#count(key, row.agent, 1)
  }

  follow({ kind, after }: Change): void {
    if (kind === 'session') this.put(after as SessionRow)
    if (kind === 'sessions_removed') for (const id of after as readonly string[]) this.#remove(id)
  }

  get(id: string): KnownToken | undefined {
    return this.#tokens.get(id)
  }

  /** Whether a session or task is one agent's, somebody else's alone, or not known. */
  ownerOf(kind: 'session' | 'task', value: string, agent: AgentId): 'own' | 'other' | undefined {
    const owners = this.#owners.get(`${kind} ${value}`)
    if (owners === undefined) return undefined
    return owners.has(agent) ? 'own' : 'other'
  }

  #remove(id: string): void {
    const known = this.#tokens.get(id)
    if (known === undefined) return
    this.#tokens.delete(id)
    for (const key of keysOf(known)) this.#count(key, known.agent, -1)
  }

  #count(key: string, agent: AgentId, by: 1 | -1): void {
    const owners = this.#owners.get(key) ?? new Map<AgentId, number>()
    const count = (owners.get(agent) ?? 0) + by
    if (count > 0) owners.set(agent, count)
    else owners.delete(agent)
    if (owners.size > 0) this.#owners.set(key, owners)
    else this.#owners.delete(key)
  }
}

function keysOf({ sessionId, taskId }: TokenFacts): string[] {
  return [`session ${sessionId}`, `task ${taskId}`]
}
