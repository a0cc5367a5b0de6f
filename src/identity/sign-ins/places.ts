/**
 * Where each agent signed in from: in memory while it signs in, in a table over restarts. Bounded: 32 networks an agent,
 * and in memory the agents that signed in last. What changed is written every 30 seconds and at the end, not at each
 * sign-in: a process that is killed forgets half a minute of places, never a record.
 */
import type { Storage } from '../../storage/storage.ts'
import type { Past, Place, Sighting } from './place.ts'
import { erasePlaces, keepPlaces, readPlaces } from './store.ts'

const NETWORKS = 32
const AGENTS = 4_096
const SAVE_MS = 30_000

class AgentPlaces implements Past {
  /** The newest were seen last. */
  readonly places = new Map<string, Place>()
  last: Place | undefined
  readonly changed = new Set<string>()
  readonly dropped = new Set<string>()

  constructor(places: readonly Place[]) {
    for (const place of places) this.#put(place)
  }

  add({ at, network, location }: Sighting): void {
    const known = this.places.get(network)
    this.#put({ network, firstAt: known?.firstAt ?? at, lastAt: at, location: location ?? known?.location })
    this.changed.add(network)
    this.dropped.delete(network)
    if (this.places.size <= NETWORKS) return
    const oldest = this.places.keys().next().value!
    this.places.delete(oldest)
    this.changed.delete(oldest)
    this.dropped.add(oldest)
  }

  #put(place: Place): void {
    this.places.delete(place.network)
    this.places.set(place.network, place)
    this.last = place
  }
}

export class Places {
  readonly #storage: Storage
  readonly #most: number
  readonly #onTrouble: (error: unknown) => void
  readonly #agents = new Map<string, AgentPlaces>()
  readonly #reading = new Map<string, Promise<AgentPlaces>>()
  /** Agents with something that no commit holds yet: they stay in memory. */
  readonly #unsaved = new Map<string, AgentPlaces>()
  #saving: Promise<void> = Promise.resolve()
  #nextSave: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(storage: Storage, onTrouble: (error: unknown) => void, most = AGENTS) {
    this.#storage = storage
    this.#most = most
    this.#onTrouble = onTrouble
  }

  /** Agents in memory. */
  get size(): number {
    return this.#agents.size
  }

  /** Shows `look` what was known before, then adds the sighting. Sightings of one agent are taken in order. */
  async see(agent: string, seen: Sighting, look: (past: Past) => void): Promise<void> {
    const known = this.#agents.get(agent) ?? (await this.#read(agent))
    look(known)
    known.add(seen)
    this.#agents.delete(agent)
    this.#agents.set(agent, known)
    this.#unsaved.set(agent, known)
    this.#timer ??= setTimeout(() => void this.save(), SAVE_MS).unref()
    this.#makeRoom()
  }

  /** Of one agent, the newest first. */
  async of(agent: string): Promise<readonly Place[]> {
    const { places } = this.#agents.get(agent) ?? (await this.#read(agent))
    return [...places.values()].reverse()
  }

  /** Writes what changed. What cannot be written now is tried again with the next. */
  save(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // Those that come while one waits to begin are in it.
    this.#nextSave ??= this.#saving.then(() => {
      this.#nextSave = undefined
      return this.#save()
    })
    this.#saving = this.#nextSave
    return this.#saving
  }

  /** Erases an agent's places, here and in the table. Resolves to how many were in the table. */
  async forget(agent: string): Promise<number> {
    await this.#reading.get(agent)
    await this.#saving
    this.#agents.delete(agent)
    this.#unsaved.delete(agent)
    return erasePlaces(this.#storage, agent)
  }

  #read(agent: string): Promise<AgentPlaces> {
    const running = this.#reading.get(agent)
    if (running !== undefined) return running
    const read = readPlaces(this.#storage, agent)
      .then((places) => {
        const known = new AgentPlaces(places)
        this.#agents.set(agent, known)
        this.#makeRoom()
        return known
      })
      .finally(() => this.#reading.delete(agent))
    this.#reading.set(agent, read)
    return read
  }

  async #save(): Promise<void> {
    const taken = [...this.#unsaved].map(([agent, known]) => {
      const places = [...known.changed].flatMap((network) => known.places.get(network) ?? [])
      const kept = { agent, places, dropped: [...known.dropped] }
      known.changed.clear()
      known.dropped.clear()
      return { known, kept }
    })
    if (taken.length === 0) return
    try {
      await keepPlaces(
        this.#storage,
        taken.map(({ kept }) => kept),
      )
      for (const { known, kept } of taken) if (isSaved(known)) this.#unsaved.delete(kept.agent)
    } catch (error) {
      for (const { known, kept } of taken) {
        for (const { network } of kept.places) if (known.places.has(network)) known.changed.add(network)
        for (const network of kept.dropped) if (!known.places.has(network)) known.dropped.add(network)
      }
      this.#onTrouble(error)
    }
  }

  /** Those idle the longest go first, once all about them is saved. */
  #makeRoom(): void {
    for (const agent of this.#agents.keys()) {
      if (this.#agents.size <= this.#most) return
      if (this.#unsaved.has(agent)) return void this.save()
      this.#agents.delete(agent)
    }
  }
}

const isSaved = ({ changed, dropped }: AgentPlaces) => changed.size === 0 && dropped.size === 0
