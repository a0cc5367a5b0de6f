/**
 * Puts back what an import took out of files, byte for byte. Nothing is put back over a file that was changed since; it can
 * be asked for again, and goes on where it was cut off.
 */
import { rmSync } from 'node:fs'
import type { Clock } from '../../ground/clock.ts'
import type { GatewayClient } from '../client.ts'
import { pathOf } from '../path-of.ts'
import { cliProblem } from '../problems.ts'
import { type FileChange, Journal, journalIds, type ReadJournal, readJournal, sha256Hex } from './journal.ts'
import { openKey } from './known-secrets.ts'
import { JOURNAL } from './present.ts'
import { readSource, type Source } from './read-source.ts'
import { draftOf, irreplaceable, replaceSource } from './replace-source.ts'

export interface Undone {
  readonly journal: string
  readonly restored: readonly string[]
  /** Those that are as they were before the import. */
  readonly untouched: readonly string[]
  /** Handles of credentials that were removed from the vault. */
  readonly removed: readonly string[]
  /** Handles of credentials of this import that are still there. */
  readonly kept: readonly string[]
}

export interface UndoWork {
  readonly home: string
  readonly client: GatewayClient
  readonly clock: Pick<Clock, 'now'>
  /** Take what the import stored out of the vault, too. */
  readonly remove: boolean
}

/** The newest import that was not undone. Throws Problem `import_journal_unknown`. */
export function newestJournal(home: string): string {
  const id = journalIds(home).findLast(
    (one) => journalState(home, one) !== 'undone' && journalState(home, one) !== 'damaged',
  )
  if (id !== undefined) return id
  throw cliProblem('import_journal_unknown', { detail: 'No import is there that was not undone.' })
}

function isUndone({ lines }: ReadJournal): boolean {
  return lines.some((line) => 'undone' in line)
}

/** One whose first line a crash tore had done nothing yet, and is `damaged` like one that others changed. */
export function journalState(home: string, id: string): 'done' | 'cut off' | 'undone' | 'damaged' {
  try {
    const read = readJournal(home, id)
    return isUndone(read) ? 'undone' : read.lines.some((line) => 'finished' in line) ? 'done' : 'cut off'
  } catch {
    return 'damaged'
  }
}

/** Throws Problem `import_file_changed` with nothing put back, `import_journal_unknown`, `import_journal_damaged`. */
export async function undoImport(id: string, work: UndoWork): Promise<Undone> {
  const read = readJournal(work.home, id)
  const { key } = await openKey(work.client, id, read.head.key)
  const journal = Journal.resume(work.home, read, key)
  try {
    const files = changedFiles(journal)
    const due = files.flatMap(([path, change]) => dueFor(path, change) ?? [])
    for (const { source, change } of due) {
      replaceSource(source, change.before, id, change.mode)
      journal.append({ restored: source.path })
    }
    const restored = due.map(({ source }) => source.path)
    const untouched = files.map(([path]) => path).filter((path) => !restored.includes(path))
    const { removed, kept } = await credentialsOf(id, work)
    if (!isUndone(read)) journal.append({ undone: work.clock.now() })
    return { journal: id, restored, untouched, removed, kept }
  } finally {
    journal.close()
  }
}

/** What each file was; drafts that a crash left beside it go. */
function changedFiles(journal: Journal): [path: string, change: FileChange][] {
  const files = journal.lines.flatMap((line) => ('file' in line ? [line] : []))
  return files.map(({ file, sealed }) => {
    rmSync(draftOf(file, journal.id), { force: true })
    return [file, journal.openFile(file, sealed)]
  })
}

/** Undefined where the file is what it was. */
function dueFor(path: string, change: FileChange): { source: Source; change: FileChange } | undefined {
  const source = sourceAt(path)
  if (source.bytes.equals(change.before)) return undefined
  const why = sha256Hex(source.bytes) === change.after ? irreplaceable(source) : 'was changed since'
  if (why === undefined) return { source, change }
  throw cliProblem('import_file_changed', {
    detail: `${path} ${why}; nothing was put back.`,
    hint: 'If a later import changed it, undo that one first. Else take your changes out, and try again.',
  })
}

function sourceAt(path: string): Source {
  try {
    return readSource(path)
  } catch (error) {
    throw cliProblem('import_file_changed', { detail: `${path} cannot be read; nothing was put back.`, cause: error })
  }
}

async function credentialsOf(id: string, { client, remove }: UndoWork): Promise<{ removed: string[]; kept: string[] }> {
  const { items } = await client.ask({ method: 'GET', path: '/credentials' })
  const own = items.filter((view: { meta: Record<string, string> }) => view.meta[JOURNAL] === id)
  const handles: string[] = own.map((view: { handle: string }) => view.handle)
  // A rotated one holds a secret that stands in no file.
  const going: string[] = own.flatMap((view: { handle: string; version: number }) =>
    remove && view.version === 1 ? [view.handle] : [],
  )
  for (const handle of going) await client.ask({ method: 'DELETE', path: pathOf('credentials', handle) })
  return { removed: going, kept: handles.filter((handle) => !going.includes(handle)) }
}
