import { auditProblem } from './contract.ts'
import { lineAt } from './find-line.ts'
import { findIntent } from './find-record.ts'
import { logNodes, MissingRecords } from './log-nodes.ts'
import { type Note, newestNote } from './notes-on-disk.ts'
import { formatProof } from './tlog-proof.ts'
import { inclusionProof, leafHash, rootFromInclusion } from './tree.ts'

export interface ProveOptions {
  /** Directory of one node's log. */
  readonly dir: string
  /** Which record: its position, or the request id of its intent. */
  readonly record: { readonly seq: number } | { readonly rid: string }
}

export interface RecordProof {
  readonly seq: number
  /** The record as it stands in the log. */
  readonly line: string
  /** Size of the checkpoint it is proved against. */
  readonly size: number
  /** C2SP tlog-proof, self-contained: check it with `verifyProof` and the verifier key. */
  readonly proof: string
}

/**
 * Proves that a record is in the log, against the newest checkpoint. Throws Problem `audit_record_unknown`,
 * `audit_not_signed_yet` where no checkpoint covers it, `audit_unverifiable` if the files contradict the checkpoint.
 */
export async function proveRecord({ dir, record }: ProveOptions): Promise<RecordProof> {
  const seq = 'seq' in record ? record.seq : await findIntent(dir, record.rid)
  const line = seq === undefined ? undefined : lineAt(dir, seq)
  if (seq === undefined || line === undefined) throw auditProblem('audit_record_unknown')
  const note = await newestNote(dir)
  if (note === undefined || seq >= note.size) throw auditProblem('audit_not_signed_yet', { facts: { seq } })
  const hashes = pathOf(dir, seq, line, note, true) ?? pathOf(dir, seq, line, note, false)
  if (hashes === undefined) throw auditProblem('audit_unverifiable', { facts: { seq, size: note.size } })
  return { seq, line, size: note.size, proof: formatProof({ index: seq, hashes, note: note.note, line }) }
}

/** The path, if it leads to the signed root; tiles may be wrong, segments are tried then. */
function pathOf(dir: string, seq: number, line: string, note: Note, useTiles: boolean): Buffer[] | undefined {
  try {
    const hashes = inclusionProof(seq, note.size, logNodes(dir, note.size, useTiles))
    const root = rootFromInclusion(seq, note.size, Buffer.from(leafHash(line), 'base64url'), hashes)
    return root?.equals(note.root) ? hashes : undefined
  } catch (error) {
    if (error instanceof MissingRecords) return undefined
    throw error
  }
}
