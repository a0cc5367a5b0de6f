import type { OpenedAudit } from '../audit/audit.ts'
import type { AuditIntegrity } from '../doors/clauth/needs.ts'
import type { Clock } from '../ground/clock.ts'
import type { SealReason, VaultStatus } from '../vault/contract.ts'

/** How long the answer of a whole check is good, before somebody who asks has it made anew. */
const GOOD_MS = 10 * 60_000

/**
 * Whether the log is whole, for anybody who asks: by what the start found, and by the newest check of all of it, which runs
 * in a thread of its own and at most once in ten minutes, however often it is asked.
 */
export function logIntegrity(audit: OpenedAudit, clock: Clock, vault: { state(): VaultStatus }): () => AuditIntegrity {
  let askedAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock.mono()
    if (now - askedAt >= GOOD_MS && audit.verification !== undefined && audit.recovery.verdict.ok) {
      askedAt = now
      begin(audit)
    }
    return { entries: audit.size(), ...verdictOf(audit, vault.state().reason) }
  }
}

function begin({ verification }: OpenedAudit): void {
  try {
    if (verification?.view?.state !== 'running') verification?.start({})
  } catch {
    // Sealed: there are no keys to check with, and the start's own verdict is what there is.
  }
}

/** Why a start sealed the vault again, where that was the log. */
const inDoubt: Partial<Record<SealReason, string>> = { rollback_suspected: 'truncated', integrity: 'hash mismatch' }

function verdictOf({ recovery: { verdict }, verification }: OpenedAudit, sealed: SealReason | undefined) {
  const doubt = verdict.ok ? inDoubt[sealed ?? 'boot'] : inDoubt[verdict.reason]
  if (doubt !== undefined) return { valid: false, reason: doubt }
  const report = verification?.view?.report
  if (report === undefined || report.exit === 0) return { valid: true }
  const { firstBadSeq } = report
  // Lines are counted from 1. What lacks its end, and nothing else, has no first bad record.
  if (firstBadSeq === undefined) return { valid: false, reason: 'truncated' }
  return { valid: false, brokenAtLine: firstBadSeq + 1, reason: 'hash mismatch' }
}
