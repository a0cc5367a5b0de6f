// What a verification of the log says, for a person.
import type { VerifyReport } from '../audit/verify-report.ts'
import { facts, table } from './render.ts'

/** Findings that are printed for a person. */
const MAX_SHOWN = 12

const keyWords = {
  given: 'the one given',
  vault: 'that of the open vault',
  directory: 'the one beside the log',
  none: 'none',
} as const

/** `outside`: how many notes from outside were given. */
export function verdict(report: VerifyReport, outside: number): string {
  const { exit, records, root, firstBadSeq, findings, undecided, notes, macs, openIntents, tornBytes } = report
  const words = ['the log is good', 'DAMAGE OR TAMPERING IS PROVEN', 'this cannot be decided'][exit]
  const checked = macs.checked > 0 ? `${macs.checked} checked` : 'not checked'
  const key = keyWords[report.keySource]
  const summary = { verdict: words, records, root, firstBadSeq, openIntents, tornBytes, key, macs: checked }
  const parts = [facts(summary)]
  if (notes.length > 0)
    parts.push(table(notes as unknown as Record<string, unknown>[], ['name', 'size', 'signature', 'consistent']))
  if (findings.length > 0) parts.push(firstOf(findings))
  if (undecided.length > 0) parts.push(undecided.join('\n'))
  if (exit === 0 && outside === 0) {
    parts.push('No note from outside was given: a log rewritten or cut together with its key would look the same.')
  }
  return parts.join('\n\n')
}

/** After one broken record every later one tells the same: a person wants the first ones. `--json` has them all. */
function firstOf(findings: VerifyReport['findings']): string {
  const lines = findings.slice(0, MAX_SHOWN).map(({ seq, detail }) => `${seq ?? '-'}: ${detail}`)
  if (findings.length > MAX_SHOWN) lines.push(`and ${findings.length - MAX_SHOWN} more`)
  return lines.join('\n')
}
