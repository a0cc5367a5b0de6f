/**
 * Verifies a log, or a copy of one, from its files alone. Owns nothing and writes nothing; needs the public key and, to
 * find a rewritten or rolled-back log, notes from outside. It says what it could not decide instead of assuming it.
 */
import { readFile } from 'node:fs/promises'
import { RecordChecks } from './check-records.ts'
import { type LogVerifier, parseCheckpoint, parseVkey, signatureVerdict } from './checkpoint.ts'
import { genesisPrev } from './genesis.ts'
import type { TailKey } from './group-mark.ts'
import { publishedPath, SEGMENT_RECORDS, segmentPath, vkeyPath } from './log-paths.ts'
import { newestNote, publishedSizes, readNote } from './notes-on-disk.ts'
import { listSegments, readLines } from './read-lines.ts'
import { type CheckedNote, Findings, type VerifyReport } from './verify-report.ts'

export interface NamedNote {
  readonly name: string
  readonly text: string
}

export interface VerifyOptions {
  /** Directory of one node's log. */
  readonly dir: string
  /** The log's verifier key; without it the one beside the log is taken, and the report says so. */
  readonly vkey?: string | undefined
  /** Notes from outside. */
  readonly notes?: readonly NamedNote[]
  /** To check where the chain begins. */
  readonly installId?: Uint8Array | undefined
  /** To check the macs (`--unsealed`). */
  readonly tailKey?: TailKey | undefined
  /** Also every published checkpoint in the directory. */
  readonly full?: boolean
}

export async function verifyLog(options: VerifyOptions): Promise<VerifyReport> {
  const findings = new Findings()
  const undecided: string[] = []
  const { verifier, keySource } = await keyOf(options, undecided)
  const notes = await notesOf(options, undecided)
  const wanted = new Set(notes.flatMap(({ text }) => parseCheckpoint(text)?.size ?? []))
  const nodeId = options.dir.replace(/\/+$/, '').split('/').at(-1) ?? ''
  const genesis = options.installId && genesisPrev(options.installId, nodeId)
  const checks = new RecordChecks(findings, wanted, options.tailKey, genesis)
  const tornBytes = await readRecords(options.dir, checks, findings, undecided)
  const checked = notes.map((note) => checkNote(note, checks, verifier, findings, undecided))
  return {
    exit: findings.count > 0 ? 1 : undecided.length > 0 ? 2 : 0,
    records: checks.tree.size,
    root: checks.tree.root().toString('hex'),
    ...(findings.first !== undefined && { firstBadSeq: findings.first }),
    findings: findings.list,
    undecided,
    notes: checked,
    macs: checks.macCounts,
    openIntents: checks.openIntents,
    tornBytes,
    keySource,
  }
}

async function keyOf({ dir, vkey }: VerifyOptions, undecided: string[]) {
  const beside = vkey ?? (await readFile(vkeyPath(dir), 'utf8').catch(() => undefined))
  const verifier = beside === undefined ? undefined : parseVkey(beside)
  if (beside !== undefined && verifier === undefined) undecided.push('the verifier key is malformed')
  const keySource = verifier === undefined ? 'none' : vkey === undefined ? 'directory' : 'given'
  return { verifier, keySource } as const
}

async function notesOf({ dir, notes = [], full }: VerifyOptions, undecided: string[]): Promise<NamedNote[]> {
  const all: NamedNote[] = []
  for (const note of notes) {
    if (parseCheckpoint(note.text)) all.push(note)
    else undecided.push(`${note.name} is not a checkpoint`)
  }
  const newest = await newestNote(dir)
  if (newest) all.push({ name: 'checkpoint', text: newest.note })
  for (const size of full ? await publishedSizes(dir) : []) {
    const note = await readNote(publishedPath(dir, size))
    if (note) all.push({ name: `checkpoints/${size}.note`, text: note.note })
    else undecided.push(`checkpoints/${size}.note is not a checkpoint`)
  }
  return all
}

/** Feeds every line to the checks; gives the bytes of a torn tail. */
async function readRecords(
  dir: string,
  checks: RecordChecks,
  findings: Findings,
  undecided: string[],
): Promise<number> {
  const segments = await listSegments(dir)
  if (segments.length === 0) undecided.push('there is no segment')
  for (const [place, segment] of segments.entries()) {
    if (segment !== place) {
      findings.add(`segment ${place} is missing`, place * SEGMENT_RECORDS)
      return 0
    }
    const torn = await readSegment(dir, segment, checks, findings)
    const last = place === segments.length - 1
    if (last) return torn
    if (torn > 0 || checks.next !== (segment + 1) * SEGMENT_RECORDS) {
      findings.add(`segment ${segment} is not complete`, checks.next)
      return 0
    }
  }
  return 0
}

async function readSegment(dir: string, segment: number, checks: RecordChecks, findings: Findings): Promise<number> {
  let complete = 0
  let zeros = false
  const { end, rest, overlong } = await readLines(segmentPath(dir, segment), (chunk, start, to, offset) => {
    // Blocks that were never written read as zeros; a crash leaves them in the last group only.
    zeros ||= chunk.subarray(start, to).includes(0)
    if (!zeros) {
      checks.line(chunk, start, to)
      if (checks.pending === 0) complete = offset + to - start + 1
    } else if (chunk.subarray(start, to).includes(',"~g":"') && !chunk.subarray(start, to).includes(0)) {
      findings.add('zeros before a later record', checks.next)
      return false
    }
    return true
  })
  if (overlong !== undefined) findings.add('a stretch without lines', checks.next)
  checks.dropPending()
  return end + rest - complete
}

/** A note from outside is believed: a log that contradicts it is not the one that was signed. */
function checkNote(
  { name, text }: NamedNote,
  checks: RecordChecks,
  verifier: LogVerifier | undefined,
  findings: Findings,
  undecided: string[],
): CheckedNote {
  const note = parseCheckpoint(text)
  if (note === undefined) throw new TypeError('verify: a note that was read before')
  const signature = verifier === undefined ? 'unknown' : signatureVerdict(note, verifier)
  const root = checks.roots.get(note.size)
  const consistent = root?.equals(note.root) ?? false
  if (signature === 'bad') findings.add(`${name}: the signature does not hold`)
  if (signature === 'unknown') undecided.push(`${name}: no signature by a known key`)
  if (root === undefined) {
    findings.add(`${name}: signed at ${note.size} records, the log has ${checks.tree.size}`, checks.tree.size)
  } else if (!consistent) {
    findings.add(`${name}: another root at ${note.size} records`)
  }
  return { name, size: note.size, signature, consistent }
}
