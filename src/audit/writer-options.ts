import type { Clock } from '../ground/clock.ts'
import type { DiskSpace } from './disk-space.ts'
import type { LogHead } from './group.ts'
import type { TailKey } from './group-mark.ts'
import type { Disk } from './segment-file.ts'
import type { Waiting } from './waiting.ts'

export interface WriterOptions {
  readonly dir: string
  readonly nodeId: string
  readonly head: LogHead
  readonly clock: Clock
  readonly space: DiskSpace
  readonly disk?: Disk | undefined
  readonly onFatal: (code: number, error: Error) => void
  /** After a group is durable and before anyone hears of it: its records and their leaf hashes, in order. */
  readonly onDurable: (entries: readonly Waiting[], leaves: readonly string[]) => void
  readonly tailKey: () => TailKey | undefined
}
