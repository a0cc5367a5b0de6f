import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../ground/clock.ts'

/** How guessing is slowed down. */
export interface GuessLimits {
  /** Wrong ones from one source that are answered at once; then each costs a pause, twice as long as the one before. */
  readonly free: number
  readonly longestPauseMs: number
  /** Without a wrong one for so long a source begins anew. */
  readonly forgetMs: number
}

const FIRST_PAUSE_MS = 1_000
const MOST_SOURCES = 4_096

interface Failures {
  readonly count: number
  readonly last: number
  readonly until: number
}

/**
 * A secret that an operator gave in the environment, and that strangers may try to guess. Kept as a keyed hash, with a key of
 * this process: compared in constant time, of any length, and to be read nowhere. It judges nobody: it says whether a text
 * is the secret, and how long a source has to wait.
 */
export class GuessedSecret {
  readonly #key = randomBytes(32)
  readonly #expected: Buffer | undefined
  readonly #unguessable: boolean
  readonly #clock: Clock
  readonly #limits: GuessLimits
  readonly #failures = new Map<string, Failures>()

  /** Undefined and '' are no secret: nothing is it then. */
  constructor(secret: string | undefined, clock: Clock, limits: GuessLimits) {
    this.#expected = secret === undefined || secret === '' ? undefined : this.#hash(secret)
    this.#unguessable = isUnguessable(secret ?? '')
    this.#clock = clock
    this.#limits = limits
  }

  get isSet(): boolean {
    return this.#expected !== undefined
  }

  /** Asks no questions about who says it. */
  is(presented: string): boolean {
    return this.#expected !== undefined && timingSafeEqual(this.#hash(presented), this.#expected)
  }

  /**
   * Milliseconds until a source may try again; 0 for now. Whoever shows a secret that nobody can guess waits for nobody: it
   * needs no pause, and others that come from the same address, as all on one machine do, cannot keep its owner out.
   * One that may be guessed waits like a wrong one: else a guess could be told from the pause.
   */
  waitMs(source: string, presented: string): number {
    const waitMs = Math.max(0, (this.#failures.get(source)?.until ?? 0) - this.#clock.mono())
    return waitMs > 0 && this.#unguessable && this.is(presented) ? 0 : waitMs
  }

  failed(source: string): void {
    const { free, longestPauseMs, forgetMs } = this.#limits
    const now = this.#clock.mono()
    const before = this.#failures.get(source)
    const count = before === undefined || now - before.last > forgetMs ? 1 : before.count + 1
    const pause = count < free ? 0 : Math.min(longestPauseMs, FIRST_PAUSE_MS * 2 ** (count - free))
    // Deleted and set again: the map goes from the longest idle to the newest.
    this.#failures.delete(source)
    this.#failures.set(source, { count, last: now, until: now + pause })
    const oldest = this.#failures.keys().next().value
    if (this.#failures.size > MOST_SOURCES && oldest !== undefined) this.#failures.delete(oldest)
  }

  /** A source that had it right begins anew. */
  succeeded(source: string): void {
    this.#failures.delete(source)
  }

  #hash(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }
}

const HEX = /^(?:[0-9a-f]{64,512}|[0-9A-F]{64,512})$/

/**
 * Whether a secret is 32 random bytes, by its looks: 64 hex digits, of which chance gives ten different ones and more. That
 * is no text that people choose; other texts may be, however long they are, and are taken for chosen.
 */
export function isUnguessable(secret: string): boolean {
  return HEX.test(secret) && new Set(secret).size >= 10
}

/** Takes a variable out of the environment, so that nothing that is started from here gets it, and nothing shows it. */
export function takenFromEnvironment(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]
  delete env[name]
  return value
}
