import type { Location } from './geoip.ts'

/** One network that an agent signed in from. `location` is that of the last time. */
export interface Place {
  readonly network: string
  readonly firstAt: number
  readonly lastAt: number
  readonly location: Location | undefined
}

/** A sign-in that succeeded just now. */
export interface Sighting {
  readonly at: number
  readonly network: string
  readonly location: Location | undefined
}

/** What is remembered of an agent before the sighting that is looked at. */
export interface Past {
  /** By network; the newest were seen last. */
  readonly places: ReadonlyMap<string, Place>
  /** Where it succeeded last. */
  readonly last: Place | undefined
}
