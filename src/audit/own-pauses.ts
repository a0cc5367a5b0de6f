/** Longer than any tick is late on a machine that is merely busy. */
const PAUSED_MS = 1_000

/**
 * Tells a process that it was stopped: SIGSTOP, a paused container, a machine that slept. What a disk did meanwhile nobody saw,
 * so that time does not count against it. Measured by the machine's own clock: it is about the process, not about the log's time.
 */
export class OwnPauses {
  #asked = performance.now()

  /** Milliseconds since it was last asked, if the process did not run for most of them, else 0. To be asked several times a second. */
  sinceAsked(): number {
    const since = performance.now() - this.#asked
    this.#asked += since
    return since < PAUSED_MS ? 0 : since
  }
}
