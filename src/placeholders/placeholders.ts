import type { KeyObject } from 'node:crypto'
import { storedForm } from '../crypto/tokens.ts'
import type { Clock } from '../ground/clock.ts'
import type { AgentId, TokenId } from '../ground/ids.ts'
import { newOrderedId } from '../ground/ids.ts'
import { newPlaceholder, type PlaceholderShape } from '../ground/placeholder-shape.ts'
import type { Actor, Change, Storage } from '../storage/storage.ts'
import { type NewPlaceholder, type PlaceholderEntry, placeholderProblem } from './contract.ts'
import { loadPlaceholders, type PlaceholderRow, putPlaceholder, removePlaceholder } from './store.ts'

export interface PlaceholdersOptions {
  readonly storage: Storage
  readonly clock: Clock
  /** Throws Problem `vault_sealed`. */
  readonly pepper: () => { readonly version: number; readonly key: KeyObject }
  /** Whether a token still speaks for its agent. */
  readonly lives: (agent: AgentId, token: TokenId) => boolean
  /** Whether it never will again, as it may with an agent that is locked. */
  readonly isOver: (token: TokenId) => boolean
}

/** Whose, and with what they end. */
export interface PlaceholdersFor {
  readonly agent: AgentId
  readonly token: TokenId
  /** Of the token, milliseconds since 1970. */
  readonly expiresAt: number
}

export interface MadePlaceholder {
  readonly entry: PlaceholderEntry
  /** Shown once; kept by nobody. */
  readonly text: string
}

const KIND = 'placeholders'
/** What the keyed hash is told apart by from those of tokens. */
const HASHED_AS = 'placeholder'
const MOST_OF_AGENT = 1_024
/** Rows that lived, and are removed with one issue. */
const MOST_CLEARED = 512

interface Changed {
  readonly added: readonly PlaceholderRow[]
  readonly removed: readonly string[]
}

/**
 * What stands where a key is expected. A placeholder is worth nothing by itself: whoever calls shows a token all the same, and
 * the gate decides. It names one credential, of one service, for one agent, as long as the token lives that it was made for.
 *
 * Owns: the table `placeholders`.
 * Invariant: one that is found was made here, for this agent and this credential, and its row was authenticated; its text is
 * kept nowhere, only a keyed hash.
 * Refuses: to say whether a call may be made.
 */
export class Placeholders {
  readonly #options: PlaceholdersOptions
  readonly #byHash = new Map<string, PlaceholderEntry>()
  /** Stays true: what ended may still be in somebody's file. */
  #inUse = false
  readonly #byId = new Map<string, { readonly entry: PlaceholderEntry; readonly hash: string }>()

  constructor(options: PlaceholdersOptions) {
    this.#options = options
    options.storage.follow((change) => this.#follow(change))
  }

  /** After unsealing. `bad`: ids of rows that are not believed: they stand for nothing. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { rows, bad } = await loadPlaceholders(this.#options.storage)
    this.clear()
    for (const row of rows) this.#enter(row)
    return { bad }
  }

  /** At sealing. */
  clear(): void {
    this.#byHash.clear()
    this.#byId.clear()
  }

  /** Whether any was there since the start. */
  get inUse(): boolean {
    return this.#inUse
  }

  /** By the run that begins with the mark; one keyed hash, one look-up. Undefined for what was never made, or ended by name. */
  find(run: string): PlaceholderEntry | undefined {
    return this.#byHash.get(this.#hashOf(run).toString('latin1'))
  }

  /** Whether what it hangs on is still there. */
  isLive({ agent, token, expiresAt }: PlaceholderEntry): boolean {
    const { clock, lives } = this.#options
    return clock.now() < expiresAt && lives(agent, token)
  }

  /** Those that live, of one agent or of all; the oldest first. */
  list(agent?: string): PlaceholderEntry[] {
    const all = [...this.#byId.values()].map(({ entry }) => entry)
    return all
      .filter((entry) => (agent === undefined || entry.agent === agent) && this.isLive(entry))
      .sort((one, other) => (one.id < other.id ? -1 : 1))
  }

  /** Makes some. What lives no more, of anybody, is cleared away with it. Throws Problem `placeholders_full`. */
  async issue(owner: PlaceholdersFor, wanted: readonly NewPlaceholder[], by: Actor): Promise<MadePlaceholder[]> {
    if (wanted.length === 0) return []
    if (this.list(owner.agent).length + wanted.length > MOST_OF_AGENT) throw placeholderProblem('placeholders_full')
    const dead = this.#dead()
    const made = wanted.map((one) => this.#make(owner, one))
    const rows = made.map(({ row }) => row)
    const ev = {
      what: 'placeholders.issued',
      agent: owner.agent,
      token: owner.token,
      placeholders: rows.map(({ id, credential }) => `${id} ${credential}`),
    }
    const after: Changed = { added: rows, removed: dead }
    await this.#options.storage.write(async (tx) => {
      for (const id of dead) await removePlaceholder(tx, id)
      for (const row of rows) await putPlaceholder(tx, row)
      await tx.change({ kind: KIND, ref: owner.token, after, record: { type: 'auth', actor: by, ev } })
    })
    return made.map(({ row, text }) => ({ entry: entryOf(row), text }))
  }

  /** Ends one, of this agent if one is named. Throws Problem `placeholder_gone`. */
  async end(id: string, by: Actor, agent?: string): Promise<void> {
    const { entry } = this.#byId.get(id) ?? {}
    if (entry === undefined || (agent !== undefined && entry.agent !== agent))
      throw placeholderProblem('placeholder_gone')
    const ev = { what: 'placeholder.ended', placeholder: id, agent: entry.agent, credential: entry.credential }
    const after: Changed = { added: [], removed: [id] }
    await this.#options.storage.write(
      async (tx) => {
        await removePlaceholder(tx, id)
        await tx.change({ kind: KIND, ref: entry.token, after, record: { type: 'revoke', actor: by, ev } })
      },
      { urgent: true },
    )
  }

  /** Those that nothing can bring back: their time is over, or the token that they hang on. A few at a time. */
  #dead(): string[] {
    const { clock, isOver } = this.#options
    const now = clock.now()
    const dead: string[] = []
    for (const { entry } of this.#byId.values()) {
      if (dead.length >= MOST_CLEARED) break
      if (now >= entry.expiresAt || isOver(entry.token)) dead.push(entry.id)
    }
    return dead
  }

  #make({ agent, token, expiresAt }: PlaceholdersFor, { service, credential, shape, variables }: NewPlaceholder) {
    const now = this.#options.clock.now()
    const { text, run } = this.#unused(shape)
    const row: PlaceholderRow = {
      ...{ id: newOrderedId('clv_ph', now), agent, token, service, credential },
      ...{ hash: this.#hashOf(run), pepper: this.#options.pepper().version },
      ...{ before: shape.before, variables: variables.join(','), created_at: now, expires_at: expiresAt },
    }
    return { row, text }
  }

  /** Ids of keys are short: one that lives is not made again. */
  #unused(shape: PlaceholderShape): { readonly text: string; readonly run: string } {
    for (;;) {
      const made = newPlaceholder(shape)
      if (this.find(made.run) === undefined) return made
    }
  }

  #hashOf(run: string): Buffer {
    return storedForm(this.#options.pepper().key, HASHED_AS, run)
  }

  #follow({ kind, after }: Change): void {
    if (kind !== KIND) return
    const { added, removed } = after as Changed
    for (const id of removed) {
      const { hash = '' } = this.#byId.get(id) ?? {}
      this.#byId.delete(id)
      this.#byHash.delete(hash)
    }
    for (const row of added) this.#enter(row)
  }

  #enter(row: PlaceholderRow): void {
    const hash = Buffer.from(row.hash).toString('latin1')
    const entry = entryOf(row)
    this.#byId.set(row.id, { entry, hash })
    this.#byHash.set(hash, entry)
    this.#inUse = true
  }
}

function entryOf(row: PlaceholderRow): PlaceholderEntry {
  const { id, agent, token, service, credential, before, variables } = row
  return {
    ...{ id, agent, token, service, credential, before },
    variables: variables === '' ? [] : variables.split(','),
    ...{ createdAt: row.created_at, expiresAt: row.expires_at },
    told: Object.freeze({ placeholder: id }),
  }
}
