/**
 * Which key a call goes with. Tags restrict: a key with a tag serves the bots that have it, and nobody else unless an operator
 * says so for a bot. Keys of one step take turns. What a vendor refused rests: until an operator looks (401, 403), for as long as
 * the vendor said, or for one bot alone while nobody knows whether it is about the key. Memory only; who keeps the turns is told
 * of them.
 */
import type { Clock } from '../ground/clock.ts'
import type { CredentialId } from '../ground/ids.ts'
import type { Bot, Key } from './contract.ts'

export const REST_MS = 60_000
/** For how long what a vendor answered one bot may be borne out by what it answers another. */
export const DOUBT_MS = 600_000
/** However long a vendor says: an operator must not wait for days. */
const LONGEST_REST_MS = 3_600_000
const STAY_MS = 86_400_000
const MOST_STAYING = 4_096
const MOST_HELD = 4_096
const none: readonly Key[] = Object.freeze([])

interface Kept {
  readonly all: readonly Key[]
  readonly untagged: readonly Key[]
  readonly tagged: ReadonlyMap<string, readonly Key[]>
}

export class KeyRing {
  readonly #clock: Clock
  readonly #byVendor = new Map<string, Kept>()
  /** Which key an agent stays with at a vendor: a human is asked about what goes with that key. */
  readonly #stays = new Map<string, { readonly key: CredentialId; readonly until: number }>()
  /** Until when, by the clock that cannot jump. */
  readonly #resting = new Map<CredentialId, number>()
  readonly #asides = new Map<CredentialId, number>()
  readonly #doubts = new Map<CredentialId, { readonly by: string; readonly until: number }>()
  /** From which bots it is held back, and until when. */
  readonly #held = new Map<CredentialId, Map<string, number>>()
  readonly #turns = new Map<string, number>()
  readonly #moved = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** All keys there are, the oldest first. */
  replace(keys: readonly Key[]): void {
    this.#byVendor.clear()
    for (const [vendor, all] of Map.groupBy(keys, (key) => key.vendor)) {
      const untagged = all.filter(({ tag }) => tag === undefined)
      const tagged = Map.groupBy(
        all.filter(({ tag }) => tag !== undefined),
        ({ tag }) => tag as string,
      )
      this.#byVendor.set(vendor, { all, untagged, tagged })
    }
  }

  of(vendor: string): readonly Key[] {
    return this.#byVendor.get(vendor)?.all ?? none
  }

  all(): readonly Key[] {
    return [...this.#byVendor.values()].flatMap(({ all }) => all)
  }

  /** Those that a bot may ever use. */
  openTo(bot: Pick<Bot, 'tags' | 'anyKey'>): readonly Key[] {
    return this.all().filter((key) => isOpenTo(key, bot))
  }

  /** Keys of one step, the one whose turn it is first; none where there is none to use now. */
  choose(vendor: string, bot: Pick<Bot, 'agent' | 'tags' | 'anyKey'>): readonly Key[] {
    const stays = this.#stays.get(`${bot.agent} ${vendor}`)
    const staying = stays !== undefined && stays.until > this.#clock.mono() ? this.#keyOf(vendor, stays.key) : undefined
    const isOpen = staying !== undefined && this.#isUsable(staying, bot.agent) && isOpenTo(staying, bot)
    return isOpen ? [staying] : this.#inTurn(vendor, bot)
  }

  /** What a human is asked about names the key, and so does the yes: the agent's calls go with it for a day. */
  stay(agent: string, { vendor, id }: Key): void {
    if (this.#stays.size >= MOST_STAYING) this.#stays.clear()
    this.#stays.set(`${agent} ${vendor}`, { key: id, until: this.#clock.mono() + STAY_MS })
  }

  #keyOf(vendor: string, id: CredentialId): Key | undefined {
    return this.of(vendor).find((key) => key.id === id)
  }

  #inTurn(vendor: string, { agent, tags = [], anyKey }: Pick<Bot, 'agent' | 'tags' | 'anyKey'>): readonly Key[] {
    const kept = this.#byVendor.get(vendor)
    if (kept === undefined) return none
    for (const tag of tags) {
      const chosen = this.#step(`${vendor} ${tag}`, agent, kept.tagged.get(tag) ?? none)
      if (chosen.length > 0) return chosen
    }
    const chosen = this.#step(vendor, agent, kept.untagged)
    return chosen.length > 0 || !anyKey ? chosen : this.#step(`${vendor} *any`, agent, kept.all)
  }

  /** What a vendor answered for a key says whether the key rests. `retryAfterMs` as the vendor said it. */
  rest(key: CredentialId, retryAfterMs: number | undefined): void {
    const ms = Math.min(retryAfterMs ?? REST_MS, LONGEST_REST_MS)
    this.#resting.set(key, this.#clock.mono() + ms)
  }

  /**
   * What a vendor answered may be about the key, or about what this bot asked for. True once two bots met with it: one alone must
   * not take a key from all.
   */
  isDoubted(key: CredentialId, by: string): boolean {
    const before = this.#doubts.get(key)
    const now = this.#clock.mono()
    if (before !== undefined && before.by !== by && before.until > now) return true
    this.#doubts.set(key, { by, until: now + DOUBT_MS })
    return false
  }

  /** One bot is not given it for so long: what it was answered may be about the bot. */
  holdFrom(key: CredentialId, agent: string, ms: number): void {
    if (this.#held.size >= MOST_HELD) this.#held.clear()
    const held = this.#held.get(key) ?? new Map<string, number>()
    if (held.size >= MOST_HELD) held.clear()
    this.#held.set(key, held.set(agent, this.#clock.mono() + ms))
  }

  /** From which bots it is held back now. */
  heldFrom(key: CredentialId): readonly string[] {
    const now = this.#clock.mono()
    return [...(this.#held.get(key) ?? [])].flatMap(([agent, until]) => (until > now ? [agent] : []))
  }

  setAside(key: CredentialId, status: number): void {
    this.#asides.set(key, status)
  }

  /** An operator looked. */
  takeBack(key: CredentialId): void {
    for (const map of [this.#asides, this.#resting, this.#doubts, this.#held]) map.delete(key)
  }

  /** What the vendor answered when it was set aside. */
  asideOf(key: CredentialId): number | undefined {
    return this.#asides.get(key)
  }

  restMsOf(key: CredentialId): number {
    return Math.max(0, (this.#resting.get(key) ?? 0) - this.#clock.mono())
  }

  /** Turns that moved since they were asked for last. */
  takeMoved(): ReadonlyMap<string, number> {
    const moved = new Map([...this.#moved].map((name) => [name, this.#turns.get(name) ?? 0]))
    this.#moved.clear()
    return moved
  }

  setTurns(turns: ReadonlyMap<string, number>): void {
    for (const [name, turn] of turns) this.#turns.set(name, turn)
  }

  clear(): void {
    for (const map of [this.#byVendor, this.#asides, this.#doubts, this.#held, this.#turns, this.#moved]) map.clear()
  }

  #step(name: string, agent: string, keys: readonly Key[]): readonly Key[] {
    const isUsable = (key: Key) => this.#isUsable(key, agent)
    const usable = keys.every(isUsable) ? keys : keys.filter(isUsable)
    if (usable.length < 2) return usable
    const turn = this.#turns.get(name) ?? 0
    this.#turns.set(name, (turn + 1) % 1_000_000_007)
    this.#moved.add(name)
    const first = turn % usable.length
    return [...usable.slice(first), ...usable.slice(0, first)]
  }

  #isUsable({ id }: Key, agent: string): boolean {
    if (this.#asides.has(id)) return false
    if (this.#held.size > 0 && (this.#held.get(id)?.get(agent) ?? 0) > this.#clock.mono()) return false
    const until = this.#resting.get(id)
    if (until === undefined) return true
    if (until > this.#clock.mono()) return false
    this.#resting.delete(id)
    return true
  }
}

function isOpenTo({ tag }: Key, { tags = [], anyKey }: Pick<Bot, 'tags' | 'anyKey'>): boolean {
  return anyKey || tag === undefined || tags.includes(tag)
}
