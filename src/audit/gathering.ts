import { MOST_IN_GROUP } from './group-mark.ts'

const TURNS = 3
const MOST_TURNS = 8

/**
 * Waits a few turns of the event loop before a group is closed, longer while records keep coming: a sync costs a tenth of a
 * millisecond of CPU however many share it. A turn reads what the sockets have; with nothing to read it takes microseconds.
 * Where nobody shared the last group it takes what is handed in together, so that a caller who is alone is not kept for company.
 */
export class Gathering {
  readonly #count: () => number
  readonly #done: () => void
  /** 0 while nothing is gathered. */
  #turn = 0
  #seen = 0

  /** `count`: records that wait now. `done`: close the group. */
  constructor(count: () => number, done: () => void) {
    this.#count = count
    this.#done = done
  }

  /** Does nothing if it goes on already. `shared`: whether several callers waited for the last group. */
  begin(shared: boolean): void {
    if (this.#turn > 0) return
    this.#turn = 1
    this.#seen = this.#count()
    if (shared) setImmediate(this.#look)
    else queueMicrotask(this.#close)
  }

  readonly #look = (): void => {
    const count = this.#count()
    if (count < MOST_IN_GROUP && this.#turn < (count > this.#seen ? MOST_TURNS : TURNS)) {
      this.#turn += 1
      this.#seen = count
      setImmediate(this.#look)
      return
    }
    this.#close()
  }

  readonly #close = (): void => {
    this.#turn = 0
    this.#done()
  }
}
