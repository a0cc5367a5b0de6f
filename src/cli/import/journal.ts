/**
 * The journal of one import: an append-only file of JSON lines in `<home>/imports`, each synced before the next step is
 * taken. It holds what files were before, sealed with a key that only the running gateway opens for its operator; in the
 * clear it says paths, handles and times, nothing more.
 * Invariant: whatever moment the process dies at, the journal can undo what was done. A torn last line was never acted on.
 */
import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { closeSync, constants, fsyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { open, seal } from '../../crypto/aead.ts'
import { fromBase64url, toBase64url } from '../../crypto/base64url.ts'
import { domain, lp } from '../../crypto/framing.ts'
import { base62 } from '../../ground/base62.ts'
import { cliProblem } from '../problems.ts'
import { syncFolder, writeWhole } from './replace-source.ts'

const Head = z.strictObject({
  v: z.literal(1),
  journal: z.string(),
  at: z.int(),
  what: z.string(),
  from: z.array(z.string()),
  key: z.string(),
})
const Line = z.union([
  /** About to be stored under this handle. */
  z.strictObject({ storing: z.string(), service: z.string() }),
  z.strictObject({ madeService: z.string() }),
  /** About to be replaced: what it was and what it becomes, sealed. */
  z.strictObject({ file: z.string(), sealed: z.string() }),
  /** A log with this SHA-256 is on record here. */
  z.strictObject({ recorded: z.string() }),
  z.strictObject({ finished: z.int() }),
  z.strictObject({ restored: z.string() }),
  z.strictObject({ undone: z.int() }),
])

export type JournalHead = z.output<typeof Head>
export type JournalLine = z.output<typeof Line>

/** What a file was, and the hash of what it becomes. */
export interface FileChange {
  readonly before: Buffer
  readonly mode: number
  /** Hex SHA-256. */
  readonly after: string
}

export interface JournalKey {
  readonly key: KeyObject
  /** The same, as the vault sealed it. */
  readonly sealed: string
}

export function journalFolder(home: string): string {
  return join(home, 'imports')
}

/** With its milliseconds, so that ids sort by age. */
export function newJournalId(at: number): string {
  const time = new Date(at).toISOString().replace(/[-:.]/g, '')
  return `imp_${time}_${base62(randomBytes(4), 6)}`
}

/** A journal that is open for writing. */
export class Journal {
  readonly head: JournalHead
  readonly lines: JournalLine[]
  readonly #fd: number
  readonly #key: KeyObject

  private constructor(head: JournalHead, lines: JournalLine[], fd: number, key: KeyObject) {
    this.head = head
    this.lines = lines
    this.#fd = fd
    this.#key = key
  }

  static create(home: string, head: Omit<JournalHead, 'v' | 'key'>, { key, sealed }: JournalKey): Journal {
    const folder = journalFolder(home)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants
    const fd = openSync(fileOf(home, head.journal), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    const whole = { v: 1 as const, ...head, key: sealed }
    const journal = new Journal(whole, [], fd, key)
    journal.#put(whole)
    syncFolder(folder)
    return journal
  }

  /** Goes on with one that is there; a torn line at its end is cut off. */
  static resume(home: string, read: ReadJournal, key: KeyObject): Journal {
    const fd = openSync(fileOf(home, read.head.journal), constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW)
    ftruncateSync(fd, read.bytes)
    return new Journal(read.head, [...read.lines], fd, key)
  }

  get id(): string {
    return this.head.journal
  }

  /** On the disk when it returns. */
  append(line: JournalLine): void {
    this.#put(line)
    this.lines.push(line)
  }

  appendFile(path: string, change: FileChange): void {
    const { before, mode, after } = change
    const plain = Buffer.concat([lp(after), lp(mode), before])
    this.append({ file: path, sealed: toBase64url(seal(this.#key, aad(this.id, path), plain)) })
    plain.fill(0)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #put(line: unknown): void {
    writeWhole(this.#fd, Buffer.from(`${JSON.stringify(line)}\n`))
    fsyncSync(this.#fd)
  }
}

export interface ReadJournal {
  readonly head: JournalHead
  readonly lines: readonly JournalLine[]
  /** How far it is whole. */
  readonly bytes: number
}

/** Throws Problem `import_journal_unknown`, `import_journal_damaged`. */
export function readJournal(home: string, id: string): ReadJournal {
  const text = textOf(home, id)
  const end = text.lastIndexOf('\n') + 1
  const [first, ...rest] = text.slice(0, end).split('\n').slice(0, -1).map(json)
  const head = Head.safeParse(first)
  const lines = z.array(Line).safeParse(rest)
  if (!head.success || !lines.success || head.data.journal !== id)
    throw cliProblem('import_journal_damaged', { detail: id })
  return { head: head.data, lines: lines.data, bytes: Buffer.byteLength(text.slice(0, end)) }
}

/** What the files were. Throws Problem `import_journal_damaged` for what was not sealed in this journal for this path. */
export function filesIn({ head, lines }: ReadJournal, key: KeyObject): [path: string, change: FileChange][] {
  const files = lines.flatMap((line) => ('file' in line ? [line] : []))
  return files.map(({ file, sealed }) => [file, opened(head.journal, file, sealed, key)])
}

function opened(id: string, path: string, sealed: string, key: KeyObject): FileChange {
  const bytes = fromBase64url(sealed)
  const plain = bytes && open(key, aad(id, path), bytes)
  if (plain === undefined) throw cliProblem('import_journal_damaged', { detail: `${id}: what ${path} was.` })
  const after = plain.subarray(4, 4 + plain.readUInt32BE(0))
  const mode = plain.subarray(8 + after.length, 8 + after.length + plain.readUInt32BE(4 + after.length))
  const before = plain.subarray(8 + after.length + mode.length)
  return { before, mode: Number(mode.toString()), after: after.toString() }
}

function aad(id: string, path: string): Buffer {
  return Buffer.concat([domain('import-journal'), lp(id), lp(path)])
}

/** Ids, oldest first. */
export function journalIds(home: string): string[] {
  try {
    const names = readdirSync(journalFolder(home)).filter((name) => name.endsWith('.journal'))
    return names.map((name) => name.slice(0, -'.journal'.length)).sort()
  } catch {
    return []
  }
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function keyFrom(text: string): KeyObject {
  const bytes = fromBase64url(text)
  if (bytes?.length !== 32) throw cliProblem('import_journal_damaged', { detail: 'Its key is none.' })
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

function textOf(home: string, id: string): string {
  if (!/^imp_[A-Za-z0-9_]{1,60}$/.test(id)) throw cliProblem('import_journal_unknown')
  try {
    return readFileSync(fileOf(home, id), 'utf8')
  } catch (error) {
    throw cliProblem('import_journal_unknown', { detail: id, cause: error })
  }
}

function json(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function fileOf(home: string, id: string): string {
  return join(journalFolder(home), `${id}.journal`)
}
