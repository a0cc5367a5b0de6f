import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { BOTMAKER_ADMIN_TOKEN, BOTMAKER_ADMIN_TOKEN_FILE } from '../botmaker-settings.ts'
import { GuessedSecret, takenFromEnvironment } from '../crypto/guessed-secret.ts'
import { storedImport } from '../crypto/tokens.ts'
import { adminProblem } from '../doors/botmaker/admin-problems.ts'
import { llmProblem } from '../llm/contract.ts'
import type { Rooms } from '../rooms.ts'

const LIMITS = { free: 20, longestPauseMs: 60_000, forgetMs: 600_000 }
const KIND = 'botmaker-admin'

/**
 * The admin token of the BotMaker door: the one that was made here last (`claviger llm admin-token`), and only where none ever
 * was, the one of the environment. It is good at that door and for nothing else.
 */
export class BotMakerAdmin {
  readonly #given: GuessedSecret
  readonly #rooms: Pick<Rooms, 'llm' | 'identity' | 'clock'>

  constructor(given: string | undefined, rooms: Pick<Rooms, 'llm' | 'identity' | 'clock'>) {
    this.#given = new GuessedSecret(given, rooms.clock, LIMITS)
    this.#rooms = rooms
  }

  /** Throws Problem `llm_admin_missing`, `llm_admin_refused`; `llm_flood` to an address that guesses. */
  check(presented: string | undefined, source: string): void {
    if (presented === undefined) throw adminProblem('llm_admin_missing')
    const own = this.#rooms.llm.admin
    // 32 random bytes: nobody guesses them, and whoever has them waits for nobody.
    if (own !== undefined && timingSafeEqual(own, adminHash(this.#rooms, presented))) return
    const waitMs = this.#given.waitMs(source, presented)
    if (waitMs > 0) throw llmProblem('llm_flood', { facts: { retryAfterSeconds: Math.ceil(waitMs / 1_000) } })
    if (own === undefined && this.#given.is(presented)) {
      this.#given.succeeded(source)
      return
    }
    if (presented !== '') this.#given.failed(source)
    throw adminProblem('llm_admin_refused')
  }
}

/** As it is kept. Throws Problem `vault_sealed`. */
export function adminHash({ identity }: Pick<Rooms, 'identity'>, token: string): Buffer {
  const sha256 = createHash('sha256').update(token).digest()
  return storedImport(identity.room.pepper().key, KIND, sha256)
}

/** Takes the token out of the environment; of a file only its name stood there. */
export function adminTokenOf(env: NodeJS.ProcessEnv): string | undefined {
  const file = takenFromEnvironment(env, BOTMAKER_ADMIN_TOKEN_FILE)
  const token = takenFromEnvironment(env, BOTMAKER_ADMIN_TOKEN)
  return token || (file === undefined || file === '' ? undefined : readFileSync(file, 'utf8').trim())
}
