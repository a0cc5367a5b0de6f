import { parseCheckpoint, parseVkey, signatureVerdict } from './checkpoint.ts'
import { HASH_BYTES, leafHash, rootFromInclusion } from './tree.ts'

const HEADER = 'c2sp.org/tlog-proof@v1'

export interface TlogProof {
  readonly index: number
  readonly hashes: readonly Buffer[]
  /** The signed note, as the log wrote it. */
  readonly note: string
  /** The record's line: what the proof is about travels with it. Worth nothing until its hash is found in the tree. */
  readonly line: string
}

/** c2sp.org/tlog-proof: header, `extra` (the record's line), index, hashes from the leaf's sibling up, the checkpoint. */
export function formatProof({ index, hashes, note, line }: TlogProof): string {
  const extra = Buffer.from(line).toString('base64')
  const proof = hashes.map((hash) => `${hash.toString('base64')}\n`).join('')
  return `${HEADER}\nextra ${extra}\nindex ${index}\n${proof}\n${note}`
}

/** Reads a proof; undefined if it is malformed or carries no record. */
export function parseProof(text: string): TlogProof | undefined {
  const at = text.indexOf('\n\n')
  const [header, extra = '', index = '', ...lines] = text.slice(0, Math.max(0, at)).split('\n')
  const line = /^extra ([A-Za-z0-9+/=]+)$/.exec(extra)?.[1]
  const digits = /^index (0|[1-9]\d{0,15})$/.exec(index)?.[1]
  if (header !== HEADER || line === undefined || digits === undefined) return undefined
  const hashes = lines.map((encoded) => Buffer.from(encoded, 'base64'))
  if (hashes.some((hash, i) => hash.length !== HASH_BYTES || hash.toString('base64') !== lines[i])) return undefined
  return { index: Number(digits), hashes, note: text.slice(at + 2), line: Buffer.from(line, 'base64').toString('utf8') }
}

export interface ProofVerdict {
  /** 0 the record is in the signed log · 1 it is not · 2 cannot decide (malformed, unknown key). */
  readonly exit: 0 | 1 | 2
  readonly detail: string
  readonly seq?: number
  readonly line?: string
}

/** Checks a proof with nothing but the log's verifier key. */
export function verifyProof(text: string, vkey: string): ProofVerdict {
  const proof = parseProof(text)
  const checkpoint = proof && parseCheckpoint(proof.note)
  const verifier = parseVkey(vkey)
  if (proof === undefined || checkpoint === undefined) return { exit: 2, detail: 'not a proof with a record' }
  if (verifier === undefined) return { exit: 2, detail: 'the verifier key is malformed' }
  const signature = signatureVerdict(checkpoint, verifier)
  if (signature === 'unknown') return { exit: 2, detail: 'the checkpoint is not signed by this key' }
  if (signature === 'bad') return { exit: 1, detail: 'the signature of the checkpoint does not hold' }
  const leaf = Buffer.from(leafHash(proof.line), 'base64url')
  const root = rootFromInclusion(proof.index, checkpoint.size, leaf, proof.hashes)
  if (!root?.equals(checkpoint.root)) return { exit: 1, detail: 'the record is not in the signed tree' }
  const detail = `record ${proof.index} is in the log of ${checkpoint.size} records signed by ${checkpoint.origin}`
  return { exit: 0, detail, seq: proof.index, line: proof.line }
}
