/** An auditor's memory: keeps the newest checkpoint it saw and accepts only a log that grew from it. */
import { readFile } from 'node:fs/promises'
import { type Checkpoint, parseCheckpoint, parseVkey, signatureVerdict } from './checkpoint.ts'
import { consistencyHolds } from './consistency.ts'
import { writeDurably } from './durable-file.ts'
import { logNodes, MissingRecords } from './log-nodes.ts'
import { vkeyPath } from './log-paths.ts'
import { type Note, newestNote } from './notes-on-disk.ts'
import { consistencyProof, rootAt } from './tree.ts'

export interface FollowOptions {
  readonly dir: string
  /** Where the newest accepted note is kept; made at the first step. Best on another disk. */
  readonly stateFile: string
  /** The verifier key; without it the one beside the log is taken. */
  readonly vkey?: string | undefined
}

export interface FollowReport {
  /** 0 the log grew, or stayed · 1 it is not the log that was seen before · 2 cannot decide. */
  readonly exit: 0 | 1 | 2
  readonly detail: string
  readonly from?: number
  readonly to?: number
}

/** One step; the state file is replaced only by a note that follows from the one before. */
export async function followLog({ dir, stateFile, vkey }: FollowOptions): Promise<FollowReport> {
  const verifier = parseVkey(vkey ?? (await readFile(vkeyPath(dir), 'utf8').catch(() => '')))
  if (verifier === undefined) return { exit: 2, detail: 'no verifier key' }
  const note = await newestNote(dir)
  if (note === undefined) return { exit: 2, detail: 'the log has no checkpoint' }
  const signature = signatureVerdict(note, verifier)
  if (signature === 'unknown') return { exit: 2, detail: 'the checkpoint is not signed by this key' }
  if (signature === 'bad') return { exit: 1, detail: 'the signature of the checkpoint does not hold' }
  const state = await readFile(stateFile, 'utf8').catch(() => undefined)
  const old = state === undefined ? undefined : parseCheckpoint(state)
  if (state !== undefined && old === undefined) return { exit: 2, detail: 'the state file is not a checkpoint' }
  const trouble = step(dir, old, note, true) && step(dir, old, note, false)
  const sizes = { ...(old && { from: old.size }), to: note.size }
  if (trouble !== undefined) return { exit: 1, detail: trouble, ...sizes }
  if (note.note !== state) await writeDurably(stateFile, note.note)
  return { exit: 0, detail: old ? `grew from ${old.size} to ${note.size}` : `first seen at ${note.size}`, ...sizes }
}

function step(dir: string, old: Checkpoint | undefined, note: Note, useTiles: boolean): string | undefined {
  if (old && old.origin !== note.origin) return 'another log'
  if (old && old.size > note.size) return `the log was at ${old.size} records and is at ${note.size}`
  try {
    const node = logNodes(dir, note.size, useTiles)
    if (!rootAt(note.size, node).equals(note.root)) return 'the records do not give the signed root'
    if (old === undefined || old.size === 0) return undefined
    const grew = consistencyHolds({ old, new: note }, consistencyProof(old.size, note.size, node))
    return grew ? undefined : `the log at ${note.size} does not begin with what was signed at ${old.size}`
  } catch (error) {
    if (error instanceof MissingRecords) return error.message
    throw error
  }
}
