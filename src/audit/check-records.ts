/**
 * The checks of a verifier over the records of a log, fed line by line in order. It keeps going after the first thing
 * wrong, so that a report says where damage begins and where it ends.
 */
import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { parseCanonicalLine } from './canonical-line.ts'
import { type GroupMark, markHolds, splitMark, type TailKey } from './group-mark.ts'
import { GrowingTree } from './growing-tree.ts'
import { SEGMENT_RECORDS } from './log-paths.ts'
import { MacRule } from './mac-rule.ts'
import { shapeTrouble } from './record-shape.ts'
import type { Findings } from './verify-report.ts'

interface LogRecord {
  readonly seq: number
  readonly prev: string
  readonly node: string
  readonly boot: string
  readonly mono: number
  readonly type: string
  readonly rid?: string
}

const LONGEST_LEAF = 8_192

export class RecordChecks {
  readonly #findings: Findings
  readonly #wanted: ReadonlySet<number>
  readonly #macs: MacRule | undefined
  readonly tree = new GrowingTree()
  /** Roots at the wanted sizes. */
  readonly roots = new Map<number, Buffer>()
  readonly macCounts = { checked: 0, none: 0 }
  /** Request ids of intents without outcome, with seq. */
  readonly #open = new Map<string, number>()
  readonly #boots = new Set<string>()
  #pending: { readonly leaf: string; readonly type: string }[] = []
  #next = 0
  #prev: string | undefined
  #node: string | undefined
  #boot = ''
  #mono = 0

  constructor(
    findings: Findings,
    wanted: ReadonlySet<number>,
    tailKey: TailKey | undefined,
    genesis: string | undefined,
  ) {
    this.#findings = findings
    this.#wanted = wanted
    this.#macs = tailKey && new MacRule(tailKey, true)
    this.#prev = genesis
    this.#want()
  }

  get openIntents(): number {
    return this.#open.size
  }

  /** Records since the last complete group. */
  get pending(): number {
    return this.#pending.length
  }

  get next(): number {
    return this.#next
  }

  /** One line; the byte before `start` is overwritten. */
  line(chunk: Buffer, start: number, end: number): void {
    const at = this.#next
    const record = this.#parse(chunk.subarray(start, end), at)
    const split = splitMark(chunk.subarray(start, end))
    chunk[start - 1] = 0
    const leaf = hash('sha256', chunk.subarray(start - 1, end), 'base64url')
    if (record) this.#inOrder(record, at)
    this.#pending.push({ leaf, type: record?.type ?? '' })
    this.#next = (record?.seq ?? at) + 1
    this.#prev = leaf
    if (split) this.#endGroup(split, this.#next - 1)
    else if (this.#next % SEGMENT_RECORDS === 0) this.#findings.add('a group that spans two segments', this.#next - 1)
  }

  /** Says what a torn tail leaves out: those records are not in the log. */
  dropPending(): number {
    const dropped = this.#pending.length
    this.#pending = []
    return dropped
  }

  #parse(line: Buffer, at: number): LogRecord | undefined {
    if (line.length > LONGEST_LEAF) this.#findings.add('a line longer than 8 KiB', at)
    if (!isUtf8(line)) return this.#bad('not valid UTF-8', at)
    const text = line.toString('utf8')
    const value = parseCanonicalLine(text)
    if (value === undefined) return this.#bad('not canonical JSON', at)
    if (typeof value !== 'object' || Array.isArray(value)) return this.#bad('not an object', at)
    const trouble = shapeTrouble(value as Readonly<Record<string, unknown>>)
    return trouble === undefined ? (value as unknown as LogRecord) : this.#bad(trouble, at)
  }

  #bad(detail: string, seq: number): undefined {
    this.#findings.add(detail, seq)
    return undefined
  }

  #inOrder(record: LogRecord, at: number): void {
    const { seq, prev, node } = record
    this.#node ??= node
    if (seq !== at) this.#findings.add(`seq ${seq} stands where ${at} should`, at)
    if (this.#prev !== undefined && prev !== this.#prev)
      this.#findings.add('does not hold the hash of the record before', at)
    if (node !== this.#node) this.#findings.add('another node', at)
    this.#inBoot(record)
    this.#inCall(record)
  }

  #inBoot({ boot, mono, type, seq }: LogRecord): void {
    if (boot !== this.#boot) {
      if (type !== 'boot') this.#findings.add('a boot that does not begin with a boot record', seq)
      if (this.#boots.has(boot)) this.#findings.add('a boot id that was used before', seq)
      this.#boots.add(boot)
    } else if (mono < this.#mono) {
      this.#findings.add('time since boot goes back', seq)
    }
    this.#boot = boot
    this.#mono = mono
  }

  /** Intent and outcome are a bijection; intents of an earlier boot are closed before a new one takes intents. */
  #inCall({ type, rid = '', seq }: LogRecord): void {
    if (type === 'outcome' && !this.#open.delete(rid)) this.#findings.add('an outcome without open intent', seq)
    if (type !== 'intent') return
    if (this.#open.has(rid)) this.#findings.add('an intent whose id is open already', seq)
    this.#open.set(rid, seq)
  }

  #endGroup(split: { body: Uint8Array; mark: GroupMark }, seq: number): void {
    const { mark, body } = split
    if (mark.count !== this.#pending.length)
      this.#findings.add(`a group of ${this.#pending.length} marked as ${mark.count}`, seq)
    if (!markHolds(body, mark)) this.#findings.add('the group mark does not hold', seq)
    if (this.#macs) this.#checkMac(this.#macs, mark, seq)
    for (const { leaf } of this.#pending) {
      this.tree.add(leaf)
      this.#want()
    }
    this.#pending = []
  }

  #checkMac(macs: MacRule, mark: GroupMark, seq: number): void {
    const types = this.#pending.map(({ type }) => type)
    const trouble = macs.group(mark, types)
    if (trouble !== undefined) this.#findings.add(trouble, seq)
    this.macCounts[mark.mac === undefined ? 'none' : 'checked'] += 1
  }

  #want(): void {
    if (this.#wanted.has(this.tree.size)) this.roots.set(this.tree.size, this.tree.root())
  }
}
