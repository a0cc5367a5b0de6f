/**
 * Where an address lies, as a GeoIP database in MaxMind's format says. Knows nothing without one, and says so; a file that
 * is replaced is read again, one that cannot be read leaves what was read before. It never asks anybody else.
 */
import type { Reader, Response } from 'mmdb-lib'
import type { Clock } from '../../ground/clock.ts'

/** As exact as the database is: country databases have no coordinates. */
export interface Location {
  /** ISO 3166-1, two letters. */
  readonly country: string
  readonly point?: GeoPoint
}

export interface GeoPoint {
  readonly latitude: number
  readonly longitude: number
  /** Kilometres around it in which the client is likely to be. */
  readonly radiusKm: number
}

/** The database file, as the house reads it. */
export interface GeoFile {
  /** Changes when the file does; undefined when there is none. */
  stamp(): Promise<string | undefined>
  read(): Promise<Buffer>
}

export interface GeoState {
  /** `off`: no file is configured. `missing`, `damaged`: it cannot be used, so nothing is noticed by place. */
  readonly state: 'off' | 'reading' | 'ready' | 'missing' | 'damaged'
  /** What the database calls itself, such as `GeoLite2-City`. */
  readonly type?: string
  /** Milliseconds since 1970. */
  readonly builtAt?: number
}

const LOOK_AGAIN_MS = 60_000
const COUNTRY = /^[A-Z]{2}$/
const DEFAULT_RADIUS_KM = 50

export class GeoIp {
  readonly #file: GeoFile | undefined
  readonly #clock: Clock
  readonly #onTrouble: (error: unknown) => void
  #reader: Reader<Response> | undefined
  #state: GeoState['state']
  #stamp: string | undefined
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  constructor(file: GeoFile | undefined, clock: Clock, onTrouble: (error: unknown) => void = () => {}) {
    this.#file = file
    this.#clock = clock
    this.#onTrouble = onTrouble
    this.#state = file === undefined ? 'off' : 'reading'
  }

  get state(): GeoState {
    const { databaseType, buildEpoch } = this.#reader?.metadata ?? {}
    return {
      state: this.#state,
      ...(databaseType !== undefined && { type: String(databaseType).slice(0, 100) }),
      ...(buildEpoch !== undefined && Number.isSafeInteger(buildEpoch.getTime()) && { builtAt: buildEpoch.getTime() }),
    }
  }

  /** Where this address lies; undefined if nobody knows. Never waits: at most once a minute it looks for a newer file. */
  find(address: string): Location | undefined {
    if (this.#clock.mono() - this.#lookedAt >= LOOK_AGAIN_MS) void this.refresh()
    try {
      return this.#reader && locationOf(this.#reader.get(address))
    } catch {
      // IPv6 asked of an IPv4 database, or a record that is damaged.
      return undefined
    }
  }

  /** Reads the file if it changed. Never fails: what cannot be read is said by `state`. */
  refresh(): Promise<void> {
    this.#looking ??= this.#refresh().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #refresh(): Promise<void> {
    this.#lookedAt = this.#clock.mono()
    if (this.#file === undefined) return
    try {
      const stamp = await this.#file.stamp()
      if (stamp === undefined) {
        this.#reader = undefined
        this.#stamp = undefined
        this.#state = 'missing'
      } else if (stamp !== this.#stamp) {
        const { Reader } = await import('mmdb-lib')
        this.#stamp = stamp
        this.#reader = new Reader(await this.#file.read())
        this.#state = 'ready'
      }
    } catch (error) {
      if (this.#reader === undefined) this.#state = 'damaged'
      this.#onTrouble(error)
    }
  }
}

type Members = Readonly<Record<string, unknown>>
const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {}

/** MaxMind's records, and those of others who write `country` or `country_code` as text. */
function locationOf(record: unknown): Location | undefined {
  const { country, country_code: code, location } = membersOf(record)
  const found = membersOf(country).iso_code ?? code ?? country
  if (typeof found !== 'string' || !COUNTRY.test(found)) return undefined
  const { latitude, longitude, accuracy_radius: radius } = membersOf(location)
  if (!isWithin(latitude, 90) || !isWithin(longitude, 180)) return { country: found }
  const radiusKm = isWithin(radius, 20_000) ? Math.abs(radius) : DEFAULT_RADIUS_KM
  return { country: found, point: { latitude, longitude, radiusKm } }
}

function isWithin(value: unknown, limit: number): value is number {
  return typeof value === 'number' && Math.abs(value) <= limit
}
