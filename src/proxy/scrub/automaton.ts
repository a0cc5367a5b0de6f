import type { Chain } from './chains.ts'
import { NODE_BITS, START } from './fragment.ts'

/**
 * Finds where occurrences of any chain end, byte by byte, and knows for each thread that is still alive where it
 * began. The set of threads is a state; states and moves are made when first needed and thrown away when there are
 * too many, so a hostile text costs a bounded amount of memory and a bounded amount of work per byte.
 *
 * Threads that began at the same byte are a group. A place reached by an older group is dropped from younger ones:
 * whatever ends there has begun with the older.
 */
export interface State {
  /** Oldest first. */
  readonly groups: readonly (readonly number[])[]
  readonly moves: (Move | undefined)[]
}

/** What one byte does. "Groups" are numbered as in the state left; the group that begins at this byte comes after them. */
export interface Move {
  readonly to: State
  /** So many of the oldest groups live on, and … */
  readonly keep: number
  /** … then these, in order. Nearly always none, or the one that begins at this byte. */
  readonly more: readonly number[]
  /** The oldest group with an occurrence that ends with this byte, or -1. */
  readonly found: number
  /** The secret that was found. */
  readonly secret: number
}

const MAX_MOVES = 32_768
/** Sum of the lengths of all states' keys: about the bytes they take. */
const MAX_SIZE = 1 << 21
const NODE_MASK = (1 << NODE_BITS) - 1

export class Automaton {
  /** No thread is alive. */
  readonly root: State = { groups: [], moves: [] }
  /** What a byte is to these secrets: bytes that occur in none of their spellings are all alike (0). */
  readonly kinds = new Uint8Array(256)

  readonly #units: (Chain['units'][number] | undefined)[] = []
  /** By position in #units: the secret found when it is reached, plus one. */
  readonly #finds: number[] = []
  readonly #starts: number[] = []
  readonly #startsByByte: (readonly number[] | undefined)[] = []
  readonly #states = new Map<string, State>()
  #moves = 0
  #size = 0

  /** `secrets`: the chains of each. */
  constructor(secrets: readonly (readonly Chain[])[]) {
    for (const [secret, chains] of secrets.entries()) {
      for (const { units, needs } of chains) {
        this.#starts.push(this.#units.length << NODE_BITS)
        for (let i = 0; i <= units.length; i++) {
          this.#units.push(units[i])
          this.#finds.push(i >= needs ? secret + 1 : 0)
        }
      }
    }
    if (this.#units.length >= 1 << (31 - NODE_BITS)) throw new TypeError('secrets too long to be searched for')
    const used = new Set([...new Set(this.#units)].flatMap((unit) => unit?.bytes ?? []))
    // Numbered from 1; if all 256 are used the last becomes 0, which then is no other byte's.
    for (const [index, byte] of [...used].entries()) this.kinds[byte] = (index + 1) & 0xff
  }

  /** The move of `state` on `byte`, made now. Look into `state.moves[kinds[byte]]` first. */
  move(state: State, byte: number): Move {
    if (this.#moves >= MAX_MOVES || this.#size >= MAX_SIZE) this.#forget(state)
    this.#moves++
    const made = this.#make(state, byte)
    state.moves[this.kinds[byte]!] = made
    return made
  }

  #make(state: State, byte: number): Move {
    const seen = new Set<number>()
    const groups: number[][] = []
    const keep: number[] = []
    let found = -1
    let secret = -1
    const began = state.groups.length
    for (let index = 0; index <= began; index++) {
      const { reached, finds } = this.#step(state.groups[index] ?? this.#startsOn(byte), byte, seen)
      if (finds >= 0 && found < 0) {
        found = index
        secret = finds
      }
      if (reached.length === 0) continue
      groups.push(reached)
      keep.push(index)
    }
    let oldest = 0
    while (oldest < began && keep[oldest] === oldest) oldest++
    return { to: this.#state(groups), keep: oldest, more: keep.slice(oldest), found, secret }
  }

  /** Where an occurrence may begin with `byte`: with many secrets, few of all the beginnings. */
  #startsOn(byte: number): readonly number[] {
    this.#startsByByte[byte] ??= this.#starts.filter((id) => this.#units[id >>> NODE_BITS]!.firsts.includes(byte))
    return this.#startsByByte[byte]
  }

  #step(group: readonly number[], byte: number, seen: Set<number>): { reached: number[]; finds: number } {
    const reached: number[] = []
    let finds = -1
    for (const id of group) {
      const position = id >>> NODE_BITS
      const edges = this.#units[position]!.edges[id & NODE_MASK]!
      for (let i = 0; i < edges.length; i += 2) {
        if (edges[i] !== byte) continue
        const target = edges[i + 1]!
        const next = target > 0 ? position : position - target
        if (target < 0 && this.#finds[next]! > 0 && finds < 0) finds = this.#finds[next]! - 1
        const place = (next << NODE_BITS) | (target > 0 ? target : START)
        if (this.#units[next] === undefined || seen.has(place)) continue
        seen.add(place)
        reached.push(place)
      }
    }
    return { reached: reached.sort((a, b) => a - b), finds }
  }

  #state(groups: number[][]): State {
    if (groups.length === 0) return this.root
    const key = groups.join('|')
    let state = this.#states.get(key)
    if (state === undefined) {
      state = { groups, moves: [] }
      this.#states.set(key, state)
      this.#size += key.length
    }
    return state
  }

  /** Unlinks all states from each other, so that a stream that still stands on one holds nothing but that one. */
  #forget(current: State): void {
    for (const state of this.#states.values()) state.moves.length = 0
    this.root.moves.length = 0
    current.moves.length = 0
    this.#states.clear()
    this.#moves = 0
    this.#size = 0
  }
}
