/**
 * The audit room: what happened? Owns the directory `<dir>/<nodeId>`: segments, tiles, checkpoints, torn tails, reserve.
 * Its invariant: an intent is on the disk before its promise resolves, each intent gets one outcome, and what was signed
 * is never contradicted. It refuses to be edited, to be skipped, and to go on from a log that it cannot explain.
 */
import { join } from 'node:path'
import type { Clock } from '../ground/clock.ts'
import type { AuditLog } from './audit-log.ts'
import { isOrigin } from './checkpoint.ts'
import { ClosedAudit } from './closed-audit.ts'
import type { Audit, AuditKeys, Head, LogVerdict } from './contract.ts'
import { AuditIndex } from './index/audit-index.ts'
import { openLog } from './open-log.ts'
import { isLogName } from './record-types.ts'
import { type DatabaseFacts, type Recovery, recoverLog } from './recover.ts'
import type { Disk } from './segment-file.ts'
import { readTile, TileWriter } from './tiles.ts'
import { Verification } from './verification.ts'

export interface AuditOptions {
  /** Directory of all nodes' logs; this one's is `<dir>/<nodeId>`. */
  readonly dir: string
  readonly nodeId: string
  /** Known while sealed; fixes where the chain begins. */
  readonly installId: Uint8Array
  /** Name of the log and of its key in checkpoints: `<public name>/audit/<nodeId>`, without spaces and plus. */
  readonly origin: string
  readonly bootId: string
  readonly version: string
  readonly clock: Clock
  /** Epoch of the authority now. */
  readonly epoch: () => number
  /** What the database knew when it was opened. Without it a rollback cannot be noticed. */
  readonly database?: DatabaseFacts | undefined
  /** Gets a copy of every signed checkpoint; best on another disk. */
  readonly witnessFile?: string | undefined
  /** The process must end now with this code (75): the log's disk failed. */
  readonly onFatal: (code: number, cause: unknown) => void
  /** A checkpoint is on the disk: note size and root in the database, for the next start to compare. */
  readonly onSigned?: (head: Head, note: string) => void
  /** Something that stops nothing: a tile, a checkpoint or the witness file could not be written. */
  readonly onTrouble?: (what: string, error: unknown) => void
  /** Database file of the query index, outside the log's directory. Without it there is no index. */
  readonly indexFile?: string | undefined
  /** Unless told 64 MiB, or an eighth of the file system if that is less. */
  readonly reserveBytes?: number
  /** For fault suites: answers in the kernel's place. */
  readonly disk?: Disk
}

/** What was found at the start. */
export interface RecoveryReport {
  readonly verdict: LogVerdict
  /** Outbox rows that have their record, with its seq: append only the others. */
  readonly outbox: ReadonlyMap<number, number>
  /** Request ids of the intents that got the outcome `unknown_crash`. */
  readonly unknown: readonly string[]
  /** The highest epoch that the log speaks of. */
  readonly epoch: number
  readonly cut?: { readonly bytes: number; readonly reason: string; readonly file: string }
}

export interface OpenedAudit extends Audit {
  /** The directory of this node's log. */
  readonly dir: string
  readonly recovery: RecoveryReport
  readonly index: AuditIndex | undefined
  /** Checks the whole log on demand; undefined where the log is closed. */
  readonly verification: Verification | undefined
}

/**
 * Recovers the log and opens it: `boot`, `recover` and unknown outcomes are on the disk when this resolves. A log that
 * must not be written comes back closed: it refuses everything, and its verdict says why. Throws Problem
 * `audit_files_unsafe`.
 */
export async function createAudit(options: AuditOptions): Promise<OpenedAudit> {
  const { nodeId, bootId, origin } = options
  if (!isLogName(nodeId) || !isLogName(bootId)) throw new TypeError('audit: node and boot ids are [0-9A-Za-z_-]{1,64}')
  if (!isOrigin(origin)) throw new TypeError('audit: an origin has no spaces and no plus')
  const dir = join(options.dir, nodeId)
  const trouble = options.onTrouble ?? (() => {})
  const tiles = new TileWriter(dir, (error) => trouble('tile', error))
  let recovering = true
  const recovery = await recoverLog({
    ...options,
    dir,
    onTile: (level, index, bytes) => {
      if (!recovering || !readTile(dir, level, index)?.equals(bytes)) tiles.put(level, index, bytes)
    },
  })
  recovering = false
  const report = reportOf(recovery)
  if (recovery.state === 'closed') {
    const head = { size: recovery.tree.size, root: recovery.tree.root() }
    return Object.assign(new ClosedAudit(head, recovery.verdict), {
      dir,
      recovery: report,
      index: undefined,
      verification: undefined,
    })
  }
  const audit = await openLog(options, dir, recovery, tiles)
  const index = await openIndex(options, dir, () => audit.size())
  const verification = new Verification({ ...options, dir })
  return Object.assign(audit, { dir, recovery: report, index, verification, ...lifeOf(audit, index, verification) })
}

/** What comes and goes with the log: the verification has the keys as long as the log has them. */
function lifeOf(audit: AuditLog, index: AuditIndex | undefined, verification: Verification) {
  const keysArrived = audit.keysArrived.bind(audit)
  const keysGone = audit.keysGone.bind(audit)
  const close = audit.close.bind(audit)
  return {
    keysArrived: (keys: AuditKeys) => {
      verification.useKeys(keys)
      return keysArrived(keys)
    },
    keysGone: (reason?: string) => {
      verification.dropKeys()
      keysGone(reason)
    },
    close: async () => {
      verification.dropKeys()
      await index?.close()
      await close()
    },
  }
}

/** The index is never a reason not to start. */
async function openIndex({ indexFile, clock, onTrouble }: AuditOptions, dir: string, size: () => number) {
  if (indexFile === undefined) return undefined
  const trouble = (error: unknown) => onTrouble?.('index', error)
  try {
    return await AuditIndex.open({ dir, file: indexFile, size, clock, onTrouble: trouble })
  } catch (error) {
    trouble(error)
    return undefined
  }
}

function reportOf({ verdict, unfinished, cut }: Recovery): RecoveryReport {
  const unknown = [...unfinished.intents.keys()]
  return { verdict, outbox: unfinished.outbox, epoch: unfinished.epoch, unknown, ...(cut && { cut }) }
}
