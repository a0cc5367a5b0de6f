/** What a verifier says. Data only: printing is for whoever asks. */
export interface Finding {
  /** First record concerned; absent where no record is. */
  readonly seq?: number
  readonly detail: string
}

export interface CheckedNote {
  /** Where the note came from: a file's name, or `checkpoint`. */
  readonly name: string
  readonly size: number
  readonly signature: 'good' | 'bad' | 'unknown'
  readonly consistent: boolean
}

export interface VerifyReport {
  /** 0 good · 1 damage or tampering proven · 2 cannot decide (missing file, unknown key). */
  readonly exit: 0 | 1 | 2
  readonly records: number
  /** Root over the records read, hex. */
  readonly root: string
  readonly firstBadSeq?: number
  /** At most 100. */
  readonly findings: readonly Finding[]
  /** Why it cannot be decided. */
  readonly undecided: readonly string[]
  readonly notes: readonly CheckedNote[]
  /** Groups whose mac was checked, and those that were written while sealed. */
  readonly macs: { readonly checked: number; readonly none: number }
  /** Intents without outcome: running calls when the log is in use, else to be closed by the next start. */
  readonly openIntents: number
  /** Bytes after the last complete group, as a crash or a copy in mid-write leaves them: not in the log. */
  readonly tornBytes: number
  readonly vkey?: string
  /** 'given' by whoever asks; of the open 'vault'; 'directory': read beside the log, so worth as much as its disk. */
  readonly keySource: 'given' | 'vault' | 'directory' | 'none'
}

const MOST_FINDINGS = 100

/** Collects findings; keeps the first and the lowest `seq`. */
export class Findings {
  readonly list: Finding[] = []
  count = 0
  first: number | undefined

  add(detail: string, seq?: number): void {
    this.count += 1
    if (this.list.length < MOST_FINDINGS) this.list.push(seq === undefined ? { detail } : { seq, detail })
    if (seq !== undefined) this.first = this.first === undefined ? seq : Math.min(this.first, seq)
  }
}
