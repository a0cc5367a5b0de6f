import type { Api } from 'grammy'
import type { Update } from 'grammy/types'
import type { Clock } from '../../../ground/clock.ts'
import { asProblem } from './bot-api.ts'

export interface PollOptions {
  readonly api: () => Promise<Api>
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly take: (update: Update) => Promise<void>
  readonly worked: () => void
  readonly failed: (error: unknown) => void
}

/** How long the server holds an empty answer, seconds. */
const HOLD_SECONDS = 30
/** A server that does not hold is not asked without a pause. */
const SHORTEST_MS = 1_000
const PAUSE_MS = 250
const LONGEST_PAUSE_MS = 60_000
/** After a week without updates Telegram numbers them anew (Bot API, Update). */
const NUMBERS_LAST_MS = 6 * 24 * 3_600_000

/** Takes updates, each once and in the order of their numbers, until `signal` is aborted. Never rejects. */
export async function poll({ api, clock, signal, take, worked, failed }: PollOptions): Promise<void> {
  let last = -1
  let lastAt = clock.now()
  let failures = 0
  while (!signal.aborted) {
    const from = performance.now()
    try {
      if (clock.now() - lastAt > NUMBERS_LAST_MS) last = -1
      const offset = last < 0 ? {} : { offset: last + 1 }
      const asked = { ...offset, timeout: HOLD_SECONDS, allowed_updates: ['message', 'callback_query'] as const }
      const updates = await (await api()).getUpdates(asked, signal as never)
      failures = 0
      worked()
      for (const update of updates) {
        if (!(update.update_id > last)) continue
        last = update.update_id
        lastAt = clock.now()
        await take(update).catch(failed)
      }
      if (updates.length === 0 && performance.now() - from < SHORTEST_MS) await pause(PAUSE_MS, signal)
    } catch (error) {
      if (signal.aborted) return
      failed(asProblem(error))
      failures += 1
      await pause(Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** Math.min(failures - 1, 6)), signal)
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', go)
      resolve()
    }
    const timer = setTimeout(go, ms)
    signal.addEventListener('abort', go)
  })
}
