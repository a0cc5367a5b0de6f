// When a channel is told of an approval. Pure. Nothing here says yes or no: what nobody is told of waits until it is a no.
import type { Approval } from '../contract.ts'
import type { Channel } from './contract.ts'
import { isQuiet } from './quiet-hours.ts'

export const BREAKS = ['none', 'critical', 'high'] as const

/** What holds for channels that say nothing else of themselves. */
export interface Times {
  /** `22:00-07:00 Europe/Berlin`. */
  readonly quiet: string | undefined
  /** The least risk that is told of in quiet hours, anybody's. */
  readonly breaks: (typeof BREAKS)[number]
  /** Each channel after the first is told so much later than the one before it; 0: all at once. */
  readonly escalateSeconds: number
}

/** In place of quiet hours: told at any hour, whatever holds for the others. */
export const NEVER_QUIET = 'never'

/** `turn`: how many channels that reach somebody come before this one. */
export function isDue(
  { openedAt, action }: Pick<Approval, 'openedAt' | 'action'>,
  { quiet, afterSeconds }: Pick<Channel, 'quiet' | 'afterSeconds'>,
  { times, turn }: { readonly times: Times; readonly turn: number },
  now: number,
): boolean {
  if (now < openedAt + (afterSeconds ?? turn * times.escalateSeconds) * 1_000) return false
  const hours = quiet ?? times.quiet
  if (hours === undefined || hours === NEVER_QUIET) return true
  return wakes('risk' in action ? action.risk : undefined, times.breaks) || !isQuiet(hours, now)
}

function wakes(risk: string | undefined, breaks: Times['breaks']): boolean {
  if (breaks === 'none') return false
  return risk === 'critical' || (breaks === 'high' && risk === 'high')
}
