/**
 * Puts back what an import took out of files, byte for byte. Nothing is put back over a file that was changed since; it can
 * be asked for again, and goes on where it was cut off.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Clock } from '../../ground/clock.ts'
import type { GatewayClient } from '../client.ts'
import { fileTrouble } from '../file-trouble.ts'
import { pathOf } from '../path-of.ts'
import { cliProblem } from '../problems.ts'
import { type FileChange, filesIn, Journal, journalIds, type ReadJournal, readJournal, sha256Hex } from './journal.ts'
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
    const files = filesIn(read, key)
    // Drafts that a crash left behind.
    for (const [path] of files) rmSync(draftOf(path, id), { force: true })
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

/** Undefined where the file is what it was. */
function dueFor(path: string, change: FileChange): { source: Source; change: FileChange } | undefined {
  const source = sourceAt(path)
  if (source.bytes.equals(change.before)) return undefined
  const why = sha256Hex(source.bytes) === change.after ? irreplaceable(source) : 'was changed since'
  if (why === undefined) return { source, change }
  throw cliProblem('import_file_changed', {
    detail: `${path} ${why}; nothing was put back.`,
    hint: 'If a later import changed it, undo that one first. Else take your changes out, or have the files put elsewhere with --to FOLDER.',
  })
}

function sourceAt(path: string): Source {
  try {
    return readSource(path)
  } catch (error) {
    throw cliProblem('import_file_changed', { detail: `${path} cannot be read; nothing was put back.`, cause: error })
  }
}

/** The files as they were, into a folder that is not there yet: for a person who puts them together with later changes. */
export async function saveOriginals(
  id: string,
  folder: string,
  { home, client }: Pick<UndoWork, 'home' | 'client'>,
): Promise<readonly string[]> {
  const read = readJournal(home, id)
  const { key } = await openKey(client, id, read.head.key)
  const files = filesIn(read, key)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    throw cliProblem('file_unwritable', {
      detail: `${folder} ${fileTrouble(error, 'cannot be made')}.`,
      hint: '--to makes a folder: name one that is not there yet, in a folder that you may write to.',
      cause: error,
    })
  }
  return files.map(([path, { before }], index) => {
    const saved = join(folder, `${index + 1}-${basename(path).replace(/^\.+/, '')}`)
    writeFileSync(saved, before, { mode: 0o600, flag: 'wx' })
    return saved
  })
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
