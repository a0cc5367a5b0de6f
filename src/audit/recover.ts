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
  /** Whether records may be appended: false where doing so would fork the log or hide damage. */
  readonly writable: boolean
  readonly tree: GrowingTree
  readonly prev: string
  readonly checkpoint: Note | undefined
  readonly unfinished: Unfinished
  readonly cut?: { readonly bytes: number; readonly reason: string; readonly file: string }
  /** Tiles contradicted a head and were made again from the segments. */
  readonly rebuilt: boolean
}

interface KnownHead extends Head {
  readonly from: 'checkpoint' | 'database' | 'witness'
}

export async function recoverLog(options: RecoverOptions): Promise<Recovery> {
  for (const folder of [options.dir, segmentFolder(options.dir), publishedFolder(options.dir)]) await makeFolder(folder)
  await refuseUnsafe(options.dir)
  const checkpoint = await newestNote(options.dir)
  const heads = await knownHeads(options, checkpoint)
  let log = await read(options, heads, checkpoint?.size ?? 0)
  let verdict = judge(log, heads, options.dir, true)
  const rebuilt = !verdict.ok && log.damage === undefined && !heads.some((head) => head.size > log.tree.size)
  if (rebuilt) {
    log = await read(options, heads, 0)
    verdict = judge(log, heads, options.dir, false)
  }
  const state = { tree: log.tree, prev: log.prev, checkpoint, rebuilt }
  if (!verdict.ok) return { ...state, verdict, writable: false, unfinished: log.unfinished }
  const cut = await makeReady(options, log)
  const openFrom = Math.max(0, log.segment) * SEGMENT_RECORDS
  const unfinished = await findUnfinished(options.dir, log.unfinished, openFrom, log.tree.size)
  return { ...state, verdict: judgeDatabase(options, unfinished), writable: true, unfinished, ...(cut && { cut }) }
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
  if (witness?.origin === options.origin) heads.push({ from: 'witness', size: witness.size, root: witness.root })
  return heads
}

/** Whether the log holds all that was ever said of it. A log that is shorter than what others saw was rolled back. */
function judge(log: ReadLog, heads: readonly KnownHead[], dir: string, useTiles: boolean): LogVerdict {
  if (log.damage !== undefined) return { ok: false, reason: 'integrity', detail: log.damage }
  for (const { from, size, root } of heads) {
    if (size > log.tree.size) {
      const reason = from === 'checkpoint' ? 'integrity' : 'rollback_suspected'
      return { ok: false, reason, detail: `the log has ${log.tree.size} records, the ${from} says ${size}` }
    }
    const here = log.roots.get(size) ?? rootOnDisk(dir, size, useTiles)
    if (!here?.equals(root)) {
      return { ok: false, reason: 'integrity', detail: `the root at size ${size} is not the one of the ${from}` }
    }
  }
  return { ok: true }
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

async function makeReady({ dir, clock }: RecoverOptions, log: ReadLog): Promise<Recovery['cut']> {
  if (log.segment < 0) return undefined
  const file = log.torn && (await keepTorn(dir, log.segment, log.bytes, clock.now()))
  if (log.bytes > 0 || log.torn) await rewriteOpen(dir, log.segment, log.bytes)
  return log.torn && file !== undefined ? { ...log.torn, file } : undefined
}
