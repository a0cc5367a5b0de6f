/**
 * The one writer of a log. Owns the queue, the group in flight and the position in the log; its invariant: a record is
 * acknowledged after its group is on the disk, in order, and never otherwise. It refuses rather than hangs, and ends the
 * process (75) rather than go on after a failed sync, because then nobody knows what the disk holds.
 */
import { auditProblem } from './contract.ts'
import { saysFull } from './disk-space.ts'
import { Gathering } from './gathering.ts'
import { Group, type LogHead } from './group.ts'
import { SEGMENT_RECORDS } from './log-paths.ts'
import { OwnPauses } from './own-pauses.ts'
import { type AppendFailure, kernelDisk, SegmentFile } from './segment-file.ts'
import { type Waiting, WaitingRecords } from './waiting.ts'
import type { WriterOptions } from './writer-options.ts'

/** How long an outcome or a denial waits for an intent to ride with. */
const RIDE_MS = 20
const REFUSE_AFTER_MS = 2_000
const FATAL_AFTER_MS = 10_000
const TICK_MS = 200
const EXIT_AUDIT = 75

export class LogWriter {
  readonly #options: WriterOptions
  readonly #queue = new WaitingRecords()
  readonly #group = new Group()
  readonly #gathering = new Gathering(
    () => this.#queue.length,
    () => this.#run(),
  )
  readonly #started: number
  readonly #tick: NodeJS.Timeout
  #head: LogHead
  #file: SegmentFile | undefined
  #segment = -1
  #state: 'open' | 'full' | 'closed' | 'dead' = 'open'
  #busy = false
  #busySince = 0
  readonly #pauses = new OwnPauses()
  #stalled = false
  /** Records of the last group that somebody waited for. */
  #lately = 0
  #ride: NodeJS.Timeout | undefined
  #seeking = false
  #idle: (() => void)[] = []

  constructor(options: WriterOptions) {
    this.#options = options
    this.#head = options.head
    this.#started = options.clock.mono()
    this.#tick = setInterval(() => this.#watch(), TICK_MS)
    this.#tick.unref()
  }

  /** Next position; everything before it is durable. */
  get size(): number {
    return this.#head.seq
  }

  /** Whether a record that nobody waits for may be handed in now. */
  get crowded(): boolean {
    return this.#state !== 'open' || this.#stalled || this.#queue.full
  }

  submit(entry: Waiting): void {
    const problem = this.#objection(entry)
    if (problem) {
      entry.refuse(problem)
    } else {
      this.#queue.push(entry)
      this.#kick()
    }
  }

  /** Before everything that waits: what must stand in the log first. */
  submitFirst(entry: Waiting): void {
    const problem = this.#objection(entry)
    if (problem) {
      entry.refuse(problem)
    } else {
      this.#queue.putBack([entry])
      this.#kick()
    }
  }

  /** Moves what waits and matches to the front; false if there is none. */
  toFront(matches: (entry: Waiting) => boolean): boolean {
    const moved = this.#queue.take(matches)
    this.#queue.putBack(moved)
    return moved.length > 0
  }

  /** Refuses what waits and matches; what is in flight goes on. */
  refuseWaiting(matches: (entry: Waiting) => boolean, problem: Error): void {
    for (const entry of this.#queue.take(matches)) entry.refuse(problem)
    this.#settleIdle()
  }

  /** Frees the reserve and treats the disk as full until there is room for it again. */
  async makeRoom(): Promise<void> {
    if (this.#state === 'dead' || this.#state === 'closed') return
    this.#becomeFull()
    await this.#options.space.release()
    this.#kick()
  }

  /** Resolves when nothing waits, or nothing can be written. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
      if (!this.#busy) this.#run()
    })
  }

  async close(): Promise<void> {
    await this.idle()
    if (this.#state !== 'dead') this.#state = 'closed'
    clearInterval(this.#tick)
    clearTimeout(this.#ride)
    this.refuseWaiting(() => true, unavailable('the log is closed'))
    await this.#options.space.settled()
    await this.#file?.close()
    this.#file = undefined
  }

  #objection(entry: Waiting): Error | undefined {
    if (this.#state === 'dead' || this.#state === 'closed') return unavailable('the log is closed')
    if (entry.type === 'outcome') return undefined
    if (this.#state === 'full' && !entry.useReserve) return auditProblem('storage_full')
    if (this.#stalled) return unavailable('the disk does not answer')
    return this.#queue.full ? unavailable('too many records wait for the disk') : undefined
  }

  #kick(): void {
    if (this.#busy || this.#queue.length === 0) return
    if (this.#queue.urgent > 0) this.#gathering.begin(this.#lately > 1)
    else {
      this.#ride ??= setTimeout(() => {
        this.#ride = undefined
        this.#run()
      }, RIDE_MS)
    }
  }

  #run(): void {
    if (this.#busy || this.#queue.length === 0 || this.#state === 'dead' || this.#state === 'closed') return
    if (this.#state === 'full' && this.#options.space.ready) {
      // The reserve goes for those who may have it, and not for the ends of calls, which can wait.
      if (this.#queue.urgent > 0) void this.#options.space.release().then(() => this.#run())
      return
    }
    clearTimeout(this.#ride)
    this.#ride = undefined
    this.#busy = true
    this.#busySince = this.#options.clock.mono()
    const segment = Math.floor(this.#head.seq / SEGMENT_RECORDS)
    if (segment === this.#segment) this.#write()
    else
      this.#openSegment(segment).then(
        () => this.#write(),
        (error: Error) => this.#failed({ stage: 'write', error }),
      )
  }

  async #openSegment(segment: number): Promise<void> {
    const { dir, disk = kernelDisk } = this.#options
    const before = this.#file
    this.#file = await SegmentFile.open(dir, segment, disk)
    this.#segment = segment
    await before?.close()
  }

  #write(): void {
    if (this.#state === 'dead') return
    const { clock, nodeId, tailKey } = this.#options
    const frame = {
      monoNode: `,"mono":${Math.floor(clock.mono() - this.#started)},"node":"${nodeId}"`,
      ts: `,"ts":${Math.floor(clock.now())}`,
    }
    this.#lately = this.#queue.urgent
    this.#group.fill(this.#queue, this.#head, frame, tailKey())
    const { bytes } = this.#group
    if (bytes.length === 0) this.#released()
    else this.#file?.append(bytes, bytes.length, (failure) => (failure ? this.#failed(failure) : this.#durable()))
  }

  #durable(): void {
    if (this.#state === 'dead') return
    const { entries, leaves } = this.#group
    this.#group.entries = []
    this.#head = { seq: this.#head.seq + entries.length, prev: leaves.at(-1) ?? this.#head.prev }
    this.#options.onDurable(entries, leaves)
    for (const entry of entries) entry.written(entry.seq)
    this.#released()
  }

  /** Nothing is in flight any more. */
  #released(): void {
    this.#busy = false
    this.#stalled = false
    this.#kick()
    this.#settleIdle()
  }

  #failed({ stage, error }: AppendFailure): void {
    if (this.#state === 'dead') return
    if (stage === 'sync' || !saysFull(error)) this.#die(error)
    else if (this.#file === undefined) this.#takeBack()
    else this.#file.cutBack((failure) => (failure ? this.#die(failure.error) : this.#takeBack()))
  }

  /** The group is certainly not in the log: who may wait waits on, the others are refused. */
  #takeBack(): void {
    const { entries } = this.#group
    this.#group.entries = []
    for (const entry of entries) entry.seq = -1
    const problem = auditProblem('storage_full')
    for (const entry of entries) if (entry.refused) entry.refuse(problem)
    this.#queue.putBack(entries.filter((entry) => !entry.refused))
    this.#busy = false
    this.#stalled = false
    this.#becomeFull()
    // Without a reserve to give up, the next try is the next tick's.
    if (this.#options.space.ready) this.#run()
  }

  #becomeFull(): void {
    this.#state = 'full'
    const problem = auditProblem('storage_full')
    this.refuseWaiting((entry) => entry.type !== 'outcome' && !entry.useReserve, problem)
  }

  #die(error: Error): void {
    if (this.#state === 'dead') return
    this.#state = 'dead'
    clearInterval(this.#tick)
    const problem = unavailable('the disk failed')
    for (const entry of this.#group.entries) if (!entry.refused) entry.refuse(problem)
    this.refuseWaiting(() => true, problem)
    this.#file?.abandon()
    this.#file = undefined
    this.#options.onFatal(EXIT_AUDIT, error)
  }

  #watch(): void {
    const paused = this.#pauses.sinceAsked()
    this.#busySince += paused
    if (paused > 0) return
    const now = this.#options.clock.mono()
    const blocked = this.#busy ? now - this.#busySince : 0
    if (blocked > FATAL_AFTER_MS) this.#die(new Error('no group ended for 10 s'))
    else if (blocked > REFUSE_AFTER_MS) this.#stall()
    if (this.#state === 'dead') return
    const late = (entry: Waiting) => entry.urgent && entry.type !== 'outcome' && now - entry.since > REFUSE_AFTER_MS
    if (this.#queue.length > 0) this.refuseWaiting(late, unavailable('the record waited for more than 2 s'))
    if (this.#state === 'full' || !this.#options.space.ready) void this.#seekRoom()
  }

  /** Intents in flight are refused now. Should their group end well after all, they get an outcome: not sent. */
  #stall(): void {
    this.#stalled = true
    for (const entry of this.#group.entries) {
      if (entry.type !== 'intent' || entry.refused) continue
      entry.refused = true
      entry.refuse(unavailable('the disk does not answer'))
    }
  }

  async #seekRoom(): Promise<void> {
    if (this.#seeking) return
    this.#seeking = true
    try {
      const found = await this.#options.space.prepare()
      if (found && this.#state === 'full') this.#state = 'open'
      if (!found && this.#state === 'open') this.#becomeFull()
      if (!this.#busy) this.#run()
    } catch (error) {
      this.#die(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#seeking = false
    }
  }

  #isIdle(): boolean {
    if (this.#state === 'dead' || this.#state === 'closed') return true
    return !this.#busy && (this.#queue.length === 0 || this.#state === 'full')
  }

  #settleIdle(): void {
    if (this.#idle.length === 0 || !this.#isIdle()) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}

function unavailable(detail: string): Error {
  return auditProblem('audit_unavailable', { detail })
}
