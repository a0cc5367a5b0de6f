// A WebSocket under way: two directions, and one end. Its invariant: it ends exactly once, with one outcome; whoever leaves,
// breaks the protocol or goes silent ends both sides, and what ends it from outside ends them at once.
import type { Socket } from 'node:net'
import { Problem } from '../../ground/problem.ts'
import type { CallEnd } from '../breaker.ts'
import type { Outcome } from '../outcome.ts'
import type { MarkWatch } from '../placeholders/mark-scan.ts'
import type { SecretMatcher } from '../scrub/matcher.ts'
import type { SilenceWatch, Watched } from '../silence.ts'
import { closeCodes, type FrameLimits, FrameRefused } from './frame-reader.ts'
import { Lane, type LaneOwner } from './lane.ts'

/** How it went, for the record. */
export type Relayed = Pick<Outcome, 'bytesIn' | 'bytesOut' | 'framesIn' | 'framesOut' | 'error' | 'echoes'>

export interface RelayOptions {
  readonly caller: Socket
  readonly service: Socket
  readonly matcher: SecretMatcher | undefined
  readonly limits: FrameLimits
  /** What the caller must not send. */
  readonly markWatch?: MarkWatch | undefined
  /** How long nothing may pass, pings neither. */
  readonly idleMs: number
  readonly watch: SilenceWatch
  /** Puts on the disk how it went; the service's close waits for it (`auditMode: strict`). */
  readonly settle?: ((told: Relayed) => Promise<unknown>) | undefined
  readonly onEnd: (told: Relayed, end: CallEnd) => void
  readonly onBug: (error: unknown) => void
}

/** How one side learns of the end: a status code and a word (RFC 6455 §7.4), `end` to close without one, or a cut. */
type Farewell = readonly [code: number, reason: string] | 'end' | 'cut'

interface End {
  readonly error: string | undefined
  readonly end: CallEnd
  readonly caller: Farewell
  readonly service: Farewell
}

/** For the answer to a close. */
const CLOSING_MS = 5_000
/** For who is told of the end to take it and leave. */
const LINGER_MS = 250

export class Relay implements Watched, LaneOwner {
  movedAt: number
  place = -1
  readonly #options: RelayOptions
  readonly #up: Lane
  readonly #down: Lane
  #over = false
  #settled = false

  constructor(options: RelayOptions) {
    const { caller, service, matcher, limits, watch, markWatch } = options
    this.#options = options
    this.movedAt = watch.now
    this.#up = new Lane({ from: caller, to: service, up: true, matcher: undefined, limits, watch: markWatch }, this)
    this.#down = new Lane({ from: service, to: caller, up: false, matcher, limits }, this)
  }

  start(): void {
    const { caller, service, watch } = this.#options
    for (const socket of [caller, service]) socket.on('error', () => socket.destroy())
    watch.add(this)
    this.#up.start()
    this.#down.start()
  }

  /** Ends it from outside. */
  abort(reason: string): void {
    const code = reason === 'shutting_down' ? closeCodes.goingAway : closeCodes.policy
    this.#finish({ error: 'call_ended', end: 'neutral', caller: [code, 'call_ended'], service: 'cut' })
  }

  get now(): number {
    return this.#options.watch.now
  }

  moved(): void {
    this.movedAt = this.now
  }

  limitMs(): number {
    return this.#isClosing() ? CLOSING_MS : this.#options.idleMs
  }

  silent(): void {
    if (this.#isClosing()) this.#finish(inPeace)
    else {
      const error = this.#down.blocked ? 'caller_timeout' : 'upstream_timeout'
      const farewell: Farewell = [closeCodes.goingAway, error]
      this.#finish({ error, end: 'neutral', caller: farewell, service: farewell })
    }
  }

  /** Nothing of the caller's goes on any more, so that what is on record is all there was. */
  closes({ up }: Lane, payloadBytes: number): Promise<unknown> | undefined {
    const { settle } = this.#options
    if (up || settle === undefined) return undefined
    this.#settled = true
    this.#up.stop()
    const { bytesOut, framesOut = 0, ...told } = this.#told(undefined)
    return settle({ ...told, bytesOut: bytesOut + payloadBytes, framesOut: framesOut + 1 })
  }

  closed(): void {
    this.moved()
    if (this.#settled) this.#finish(this.#up.closed ? inPeace : answered)
    else if (this.#up.closed && this.#down.closed) this.#finish(inPeace)
  }

  left({ up }: Lane): void {
    if (this.#isClosing()) this.#finish(inPeace)
    else if (up) this.#finish({ error: 'caller_left', end: 'neutral', caller: 'cut', service: 'cut' })
    // A caller's messages may be why; it must not rest the service for others.
    else this.#finish({ error: 'upstream_broke', end: 'neutral', caller: 'end', service: 'cut' })
  }

  broke({ up }: Lane, error: unknown): void {
    if (error instanceof FrameRefused) this.#finish(up ? callersFault(error) : servicesFault(error))
    else {
      const code = error instanceof Problem ? error.code : 'internal_error'
      if (!(error instanceof Problem)) this.#options.onBug(error)
      this.#finish({ error: code, end: 'neutral', caller: [closeCodes.broke, code], service: 'cut' })
    }
  }

  #isClosing(): boolean {
    return this.#up.closed || this.#down.closed
  }

  #finish({ error, end, caller, service }: End): void {
    if (this.#over) return
    this.#over = true
    const { watch, onEnd, ...ends } = this.#options
    watch.remove(this)
    this.#up.stop()
    this.#down.stop()
    leave(ends.caller, this.#down, caller)
    leave(ends.service, this.#up, service)
    onEnd(this.#told(error), end)
  }

  #told(error: string | undefined): Relayed {
    const [{ bytes: bytesIn, frames: framesIn }, { bytes: bytesOut, frames: framesOut }] = [
      this.#up.writer,
      this.#down.writer,
    ]
    return { bytesIn, bytesOut, framesIn, framesOut, error, echoes: this.#down.hits }
  }
}

const inPeace: End = Object.freeze({ error: undefined, end: 'answered', caller: 'end', service: 'end' })

/** The service closed first, and the caller is not heard any more: the answer to the close is ours. */
const answered: End = Object.freeze({ ...inPeace, service: [closeCodes.normal, ''] as const })

const callersFault = ({ closeCode, message }: FrameRefused): End => ({
  error: 'frame_refused',
  end: 'neutral',
  caller: [closeCode, `frame_refused: ${message}`],
  service: [closeCodes.goingAway, 'caller_left'],
})

const servicesFault = ({ closeCode, message }: FrameRefused): End => ({
  error: 'upstream_broke',
  end: 'failed',
  caller: [closeCodes.broke, 'upstream_broke'],
  service: [closeCode, message],
})

/** `lane` leads there. */
function leave(socket: Socket, { writer, closed }: Lane, farewell: Farewell): void {
  // Within a frame nothing can be said.
  if (farewell === 'cut' || (writer.inside && farewell !== 'end')) {
    socket.destroy()
    return
  }
  if (farewell !== 'end' && !closed) writer.close(...farewell)
  const timer = setTimeout(() => socket.destroy(), farewell === 'end' ? CLOSING_MS : LINGER_MS)
  timer.unref()
  socket
    .once('close', () => clearTimeout(timer))
    .once('end', () => socket.destroySoon())
    .end()
}
