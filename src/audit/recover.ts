/**
 * Makes a log ready to be gone on from, or says why it must not be. Owns nothing afterwards. It cuts only what was never
 * acknowledged, never continues below a size that was signed, and when it refuses it changes nothing.
 */
import { lstat } from 'node:fs/promises'
import type { Clock } from '../ground/clock.ts'
import { auditProblem, type Head, type LogVerdict } from './contract.ts'
import { keepTorn, rewriteOpen } from './cut-tail.ts'
import { makeFolder } from './durable-file.ts'
import type { GrowingTree, OnTile } from './growing-tree.ts'
import { logNodes, MissingRecords } from './log-nodes.ts'
import { publishedFolder, SEGMENT_RECORDS, segmentFolder, segmentPath } from './log-paths.ts'
import { type Note, newestNote, readNote } from './notes-on-disk.ts'
import { listSegments } from './read-lines.ts'
import { type ReadLog, readLog } from './read-log.ts'
import { rootAt } from './tree.ts'
import { findUnfinished, type Unfinished } from './unfinished.ts'

/** What the database knows about this log and itself. */
export interface DatabaseFacts {
  readonly instanceId: string
  readonly epoch: number
  /** The last head of this log that the database noted. */
  readonly head?: Head | undefined
}

export interface RecoverOptions {
  readonly dir: string
  readonly nodeId: string
  readonly installId: Uint8Array
  readonly origin: string
  readonly clock: Clock
  readonly database?: DatabaseFacts | undefined
  readonly witnessFile?: string | undefined
  readonly onTile: OnTile
}

export interface Recovery {
  readonly verdict: LogVerdict
  /**
   * Whether records may be appended: `closed` where that would hide damage, `held` where the log is behind what the
   * database or the witness saw, until an operator accepts that.
   */
  readonly state: 'open' | 'held' | 'closed'
  /** Heads that others saw and this log does not reach. */
  readonly lost: readonly KnownHead[]
  /** For a held log, when it is accepted: cuts a torn tail and rewrites the open segment. */
  readonly makeReady: () => Promise<Cut | undefined>
  readonly tree: GrowingTree
  readonly prev: string
  readonly checkpoint: Note | undefined
  readonly unfinished: Unfinished
  readonly cut?: Cut
  /** Tiles contradicted a head and were made again from the segments. */
  readonly rebuilt: boolean
}

export interface Cut {
  readonly bytes: number
  readonly reason: string
  /** Name in `torn/`. */
  readonly file: string
}

export interface KnownHead extends Head {
  readonly from: 'checkpoint' | 'database' | 'witness'
  readonly note?: string
}

export async function recoverLog(options: RecoverOptions): Promise<Recovery> {
  for (const folder of [options.dir, segmentFolder(options.dir), publishedFolder(options.dir)]) await makeFolder(folder)
  await refuseUnsafe(options.dir)
  const checkpoint = await newestNote(options.dir)
  const heads = await knownHeads(options, checkpoint)
  let log = await read(options, heads, checkpoint?.size ?? 0)
  let judged = judge(log, heads, options.dir, true)
  const rebuilt = judged.contradicted
  if (rebuilt) {
    log = await read(options, heads, 0)
    judged = judge(log, heads, options.dir, false)
  }
  const { verdict, state } = judged
  const openFrom = Math.max(0, log.segment) * SEGMENT_RECORDS
  const unfinished =
    state === 'closed' ? log.unfinished : await findUnfinished(options.dir, log.unfinished, openFrom, log.tree.size)
  const lost = heads.filter(({ size }) => size > log.tree.size)
  const makeReady = () => cutAndRewrite(options, log)
  const found = { tree: log.tree, prev: log.prev, checkpoint, rebuilt, unfinished, lost, makeReady, state }
  if (state !== 'open') return { ...found, verdict }
  const cut = await makeReady()
  return { ...found, verdict: judgeDatabase(options, unfinished), ...(cut && { cut }) }
}

/** A segment that is a link, or that others may write, is not ours to go on from. */
async function refuseUnsafe(dir: string): Promise<void> {
  for (const segment of await listSegments(dir)) {
    const path = segmentPath(dir, segment)
    const found = await lstat(path)
    const ours = found.isFile() && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0
    if (!ours) throw auditProblem('audit_files_unsafe', { detail: path })
  }
}

function read(options: RecoverOptions, heads: readonly KnownHead[], trusted: number): Promise<ReadLog> {
  const wanted = new Set(heads.map((head) => head.size))
  return readLog({ ...options, trusted, wanted })
}

async function knownHeads(options: RecoverOptions, checkpoint: Note | undefined): Promise<KnownHead[]> {
  const heads: KnownHead[] = []
  if (checkpoint) heads.push({ from: 'checkpoint', size: checkpoint.size, root: checkpoint.root })
  if (options.database?.head) heads.push({ from: 'database', ...options.database.head })
  const witness =
    options.witnessFile === undefined ? undefined : await readNote(options.witnessFile).catch(() => undefined)
  if (witness?.origin === options.origin) {
    heads.push({ from: 'witness', size: witness.size, root: witness.root, note: witness.note })
  }
  return heads
}

interface Judged {
  readonly verdict: LogVerdict
  readonly state: Recovery['state']
  /** A root contradicts a head: worth reading the segments instead of the tiles, once. */
  readonly contradicted: boolean
}

/** Whether the log holds all that was ever said of it. A log that is shorter than what others saw was rolled back. */
function judge(log: ReadLog, heads: readonly KnownHead[], dir: string, useTiles: boolean): Judged {
  const damaged = (detail: string, contradicted = false) =>
    ({ verdict: { ok: false, reason: 'integrity', detail }, state: 'closed', contradicted }) as const
  if (log.damage !== undefined) return damaged(log.damage)
  const behind: string[] = []
  for (const { from, size, root } of heads) {
    const shorter = `the log has ${log.tree.size} records, the ${from} says ${size}`
    if (size > log.tree.size && from === 'checkpoint') return damaged(shorter)
    if (size > log.tree.size) {
      behind.push(shorter)
      continue
    }
    const here = log.roots.get(size) ?? rootOnDisk(dir, size, useTiles)
    if (!here?.equals(root)) return damaged(`the root at size ${size} is not the one of the ${from}`, useTiles)
  }
  if (behind.length === 0) return { verdict: { ok: true }, state: 'open', contradicted: false }
  const verdict = { ok: false, reason: 'rollback_suspected', detail: behind.join('; ') } as const
  return { verdict, state: 'held', contradicted: false }
}

function rootOnDisk(dir: string, size: number, useTiles: boolean): Buffer | undefined {
  try {
    return rootAt(size, logNodes(dir, size, useTiles))
  } catch (error) {
    if (error instanceof MissingRecords) return undefined
    throw error
  }
}

/** Whether the database is at least as new as the log: each change committed there before its record was written. */
function judgeDatabase({ database }: RecoverOptions, { anchor, epoch }: Unfinished): LogVerdict {
  if (database === undefined) return { ok: true }
  const rolledBack = (detail: string) => ({ ok: false, reason: 'rollback_suspected', detail }) as const
  if (epoch > database.epoch) return rolledBack(`the log knows epoch ${epoch}, the database is at ${database.epoch}`)
  if (anchor?.db !== undefined && anchor.db !== database.instanceId)
    return rolledBack('the log belongs to another database')
  return { ok: true }
}

async function cutAndRewrite({ dir, clock }: RecoverOptions, log: ReadLog): Promise<Cut | undefined> {
  if (log.segment < 0) return undefined
  const file = log.torn && (await keepTorn(dir, log.segment, log.bytes, clock.now()))
  if (log.bytes > 0 || log.torn) await rewriteOpen(dir, log.segment, log.bytes)
  return log.torn && file !== undefined ? { ...log.torn, file } : undefined
}
