import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Finish, Start } from './racer.ts'

/** Processes that all send the same request at once. */
export class Racers {
  readonly #racers: readonly ChildProcess[]
  readonly #waiting = new Map<number, { finished: Finish[]; done: (finished: Finish[]) => void }>()
  #count = 0

  constructor(count: number) {
    const file = join(import.meta.dirname, 'racer.ts')
    this.#racers = Array.from({ length: count }, () => fork(file))
    for (const racer of this.#racers) racer.on('message', (finish: Finish) => this.#note(finish))
  }

  /** What each racer was answered; status 0 for a connection that broke. */
  race(ask: Start['ask']): Promise<Finish[]> {
    const n = this.#count++
    return new Promise((done) => {
      this.#waiting.set(n, { finished: [], done })
      for (const racer of this.#racers) racer.send({ n, ask } satisfies Start)
    })
  }

  [Symbol.dispose](): void {
    for (const racer of this.#racers) racer.disconnect()
  }

  #note(finish: Finish): void {
    const race = this.#waiting.get(finish.n)
    if (race === undefined) return
    race.finished.push(finish)
    if (race.finished.length < this.#racers.length) return
    this.#waiting.delete(finish.n)
    race.done(race.finished)
  }
}
