// The toolbox of somebody who can write the files: he edits records and makes chain, marks and tree fit again.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Canonical, canonicalJson } from '../ground/canonical-json.ts'
import { installId, keys, origin, type TestLog } from './audit.support.ts'
import { signCheckpoint, verifierOf } from './checkpoint.ts'
import { genesisPrev } from './genesis.ts'
import { sealGroup, type TailKey } from './group-mark.ts'
import { GrowingTree } from './growing-tree.ts'
import { leafHash } from './tree.ts'

// biome-ignore lint/suspicious/noExplicitAny: whatever the attacker makes of it
export type Loose = Record<string, any>

/** Writes a log of these records: seq, prev and marks are made to fit. Without the tail key the old macs stay. */
export function rewrite(log: TestLog, records: readonly Loose[], tailKey?: TailKey): GrowingTree {
  const tree = new GrowingTree()
  let prev = genesisPrev(installId, 'n1')
  let pending = 0
  const lines = records.map((record, seq) => {
    const { '~g': mark, ...members } = record
    pending += 1
    const body = canonicalJson({ ...members, seq, prev } as Canonical).slice(0, -1)
    const closes = mark !== undefined || seq === records.length - 1 || pending === 128
    const fresh = closes ? sealGroup(pending, body, tailKey) : ''
    const [, , version, mac] = String(mark ?? '').split('.')
    const kept = closes && tailKey === undefined && mac !== undefined ? `${fresh}.${version}.${mac}` : fresh
    if (closes) pending = 0
    const line = closes ? `${body},"~g":"${kept}"}` : `${body}}`
    prev = leafHash(line)
    tree.add(prev)
    return line
  })
  writeFileSync(log.segment(), `${lines.join('\n')}\n`)
  return tree
}

/** Removes every checkpoint from the log's directory, and its tiles: what he cannot sign he takes away. */
export function removeNotes(log: TestLog): void {
  for (const name of ['checkpoint', 'checkpoints', 'tile'])
    rmSync(join(log.dir, name), { recursive: true, force: true })
}

/** With the log key in his hands he signs what he made. */
export function signAgain(log: TestLog, tree: GrowingTree): void {
  removeNotes(log)
  const head = { size: tree.size, root: tree.root() }
  writeFileSync(
    join(log.dir, 'checkpoint'),
    signCheckpoint(verifierOf(origin, keys.logKey.publicKey), keys.logKey.privateKey, head),
  )
}

export interface Attacked {
  readonly log: TestLog
  /** The log as it was some time ago, notes and all. */
  readonly earlier: TestLog
  /** A number below `n`. */
  pick(n: number): number
}

/** A record that somebody can be blamed or thanked for. */
function change(record: Loose): Loose {
  if (record.req) return { ...record, req: { ...record.req, path: '/never/asked/for' } }
  if (record.outcome) return { ...record, outcome: { ...record.outcome, status: 404 } }
  return { ...record, ts: record.ts + 1 }
}

export const attacks: Readonly<Record<string, (on: Attacked) => void>> = {
  truncate({ log, pick }) {
    // At the end of a group, where nothing of what is left has to be made to fit.
    const ends = log.lines().flatMap((line, seq) => (line.includes(',"~g":') ? seq + 1 : []))
    const kept = log.lines().slice(0, ends[pick(ends.length - 1)])
    writeFileSync(log.segment(), `${kept.join('\n')}\n`)
    removeNotes(log)
  },
  edit({ log, pick }) {
    rewriteAs(log, (records) => {
      const at = pick(records.length)
      return records.with(at, change(records[at]!))
    })
  },
  reorder({ log, pick }) {
    rewriteAs(log, (records) => {
      const at = 2 + pick(records.length - 3)
      const [a, b] = [records[at]!, records[at + 1]!]
      return records.with(at, { ...b, '~g': a['~g'] }).with(at + 1, { ...a, '~g': b['~g'] })
    })
  },
  insert({ log, pick }) {
    rewriteAs(log, (records) => {
      const at = 1 + pick(records.length - 1)
      const like = records[at]!
      return records.toSpliced(at, 0, { ...like, rid: 'call_forged', '~g': undefined })
    })
  },
  fork({ log, pick }) {
    rewriteAs(log, (records) => {
      const at = 2 + pick(records.length - 3)
      return [...records.slice(0, at), ...records.slice(at).map(change)]
    })
  },
  'full rewrite with the keys': ({ log, pick }) => {
    const records: Loose[] = log.records()
    const at = pick(records.length)
    signAgain(log, rewrite(log, records.with(at, change(records[at]!)), keys.auditTail))
  },
  rollback({ log, earlier }) {
    rmSync(log.dir, { recursive: true })
    cpSync(earlier.dir, log.dir, { recursive: true })
  },
  deletion({ log, pick }) {
    if (pick(2) === 0) rmSync(log.segment())
    else rmSync(log.dir, { recursive: true })
    mkdirSync(log.dir, { recursive: true })
  },
}

function rewriteAs(log: TestLog, edit: (records: Loose[]) => Loose[]): void {
  rewrite(log, edit(log.records()))
  removeNotes(log)
}

export function newestNoteText(log: TestLog): string {
  return readFileSync(join(log.dir, 'checkpoint'), 'utf8')
}
