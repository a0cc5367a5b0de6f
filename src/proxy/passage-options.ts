import type { Socket } from 'node:net'
import type { Problem } from '../ground/problem.ts'
import type { AnswerFilter } from './answer-filter.ts'
import type { CallEnd } from './breaker.ts'
import type { Outcome } from './outcome.ts'
import type { Recipient } from './recipient.ts'
import type { ParsedHeaders } from './response-head.ts'
import type { SilenceWatch } from './silence.ts'

export interface PassageOptions {
  readonly rid: string
  readonly recipient: Recipient
  readonly filter: AnswerFilter
  readonly watch: SilenceWatch
  /** Milliseconds of silence: until the head of the answer, and within bodies. */
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number; readonly idleMs: number }
  readonly isCutting: () => boolean
  /** How the call is tried again, as a new one, after a failure before any answer: a kept connection was just being closed. */
  readonly again?: ((problem: Problem) => (() => void) | undefined) | undefined
  /** Puts the outcome on the disk; the last byte of the answer waits for it (`auditMode: strict`), but for event streams. */
  readonly settle?: ((outcome: Outcome) => Promise<unknown>) | undefined
  /** What becomes of a connection that was asked to switch to another protocol, and does. */
  readonly switched?: ((headers: ParsedHeaders, service: Socket) => void) | undefined
  readonly onEnd: (outcome: Outcome, end: CallEnd) => void
  /** Hears of what was thrown although nothing promised it. */
  readonly onBug: (error: unknown) => void
}
