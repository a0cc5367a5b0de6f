import { createHash, randomBytes } from 'node:crypto'
import { domain } from '../../crypto/framing.ts'
import { type AgentId, newId } from '../../ground/ids.ts'
import type { Actor, ChangeRecord, Tx } from '../../storage/storage.ts'
import { type KnownAgent, MAX_REASON, type RelyingEntry, type ReportView, relyingProblem } from './contract.ts'
import { type RelyingRoom, requireAgent, requireService } from './relying-room.ts'
import { requireRow } from './services.ts'
import { get, newestReport, put, type ReportRow, removeWhere } from './store.ts'

const WINDOW_MS = 86_400_000
const FIELD_DOMAIN = domain('audit-field')

export interface NewReport {
  readonly service: string
  /** Id or name. */
  readonly agent: string
  /** 0 to 10. */
  readonly score: number
  readonly reason: string
}

export interface Reported {
  readonly id: string
  /** False where it changes nothing: it is older than the one that stands, or that one is disputed. */
  readonly counted: boolean
}

/**
 * What a service says of an agent. One report counts in 24 hours: a later one replaces it, and the 24 hours go on. While one
 * is disputed no other takes its place before they are over. Throws Problems `relying_unknown`, `agent_unknown`,
 * `report_invalid`, `report_on_own_agent`.
 */
export async function report(room: RelyingRoom, asked: NewReport, by: Actor): Promise<Reported> {
  const service = requireService(room, asked.service)
  const agent = requireAgent(room, asked.agent)
  refuseUnsound(asked)
  if (agent.owner === service.owner) throw relyingProblem('report_on_own_agent')
  const now = room.clock.now()
  return room.storage.write(async (tx) => {
    await requireRow(tx, service.id)
    const newest = await newestReport(tx, agent.id, service.id)
    const standing = newest !== undefined && now - newest.window_at < WINDOW_MS ? newest : undefined
    if (standing !== undefined && (now < standing.at || standing.state === 'disputed'))
      return { id: standing.id, counted: false }
    const row = reportRow(room, { service, agent, score: asked.score, reason: asked.reason, standing, now })
    await putReport(tx, row, standing === undefined ? 'trust.reported' : 'trust.replaced', by)
    return { id: row.id, counted: true }
  })
}

/** The agent's owner says that a report is wrong: it weighs nothing until an operator decides. Twice is no error. */
export async function disputeReport(room: RelyingRoom, id: string, by: Actor): Promise<ReportView> {
  return changeReport(room, id, by, 'trust.disputed', (row) => {
    if (row.decided_at !== null) throw relyingProblem('report_decided')
    return { ...row, state: 'disputed', disputed_at: row.disputed_at ?? room.clock.now() }
  })
}

/**
 * The operator decides on a disputed report: kept, it weighs again; dropped, it never does. One that was kept may be dropped
 * later; one that was dropped may have been followed by another, so it stays dropped.
 */
export async function decideReport(room: RelyingRoom, id: string, keep: boolean, by: Actor): Promise<ReportView> {
  return changeReport(room, id, by, keep ? 'trust.kept' : 'trust.dropped', (row) => {
    const kept = row.state === 'counted' && row.decided_at !== null
    if (row.state !== 'disputed' && !(kept && !keep)) throw relyingProblem('report_not_disputed')
    return { ...row, state: keep ? 'counted' : 'dropped', decided_at: room.clock.now() }
  })
}

/** Every report on the agent with its reason, oldest first. Throws Problem `row_tampered` for one that was edited. */
export async function reportsOn(room: RelyingRoom, agent: AgentId): Promise<ReportView[]> {
  const ids = room.ledger.reports(agent).map(({ id }) => id)
  const rows = await room.storage.write((tx) => Promise.all(ids.map((id) => get(tx, 'trust_reports', id))))
  return rows.filter((row) => row !== undefined).map((row) => viewReport(room, row))
}

/** Removes what was said of the agent and what it was given. Gives how many of each. */
export async function forgetAgent(
  room: RelyingRoom,
  agent: AgentId,
  by: Actor,
): Promise<{ readonly reports: number; readonly assignments: number }> {
  return room.storage.write(async (tx) => {
    const reports = await removeWhere(tx, 'trust_reports', { agent })
    const assignments = await removeWhere(tx, 'role_assignments', { agent })
    const ev = { what: 'relying.agent.forgotten', agent, reports, assignments }
    const record: ChangeRecord = { type: 'revoke', actor: by, ev }
    await tx.change({ kind: 'relying_agent_forgotten', ref: agent, after: { agent }, record })
    return { reports, assignments }
  })
}

function refuseUnsound({ score, reason }: NewReport): void {
  const sound = Number.isFinite(score) && score >= 0 && score <= 10
  const told = reason.trim() !== '' && reason.length <= MAX_REASON && reason.isWellFormed() && !reason.includes('\0')
  if (!sound || !told) throw relyingProblem('report_invalid')
}

interface Made {
  readonly service: RelyingEntry
  readonly agent: KnownAgent
  readonly score: number
  readonly reason: string
  /** The report that is replaced. */
  readonly standing: ReportRow | undefined
  readonly now: number
}

function reportRow({ ledger }: RelyingRoom, { service, agent, score, reason, standing, now }: Made): ReportRow {
  const before = ledger.trustOf(agent.id, now, standing?.id)
  return {
    id: standing?.id ?? newId('rpt'),
    service: service.id,
    agent: agent.id,
    score: JSON.stringify(score),
    score_before: Math.round(before.score * 10),
    reason,
    reason_salt: randomBytes(16),
    at: now,
    window_at: standing?.window_at ?? now,
    state: 'counted',
    disputed_at: null,
    decided_at: null,
  }
}

async function changeReport(
  room: RelyingRoom,
  id: string,
  by: Actor,
  what: string,
  next: (row: ReportRow) => ReportRow,
): Promise<ReportView> {
  if (room.ledger.get(id) === undefined) throw relyingProblem('report_unknown')
  const row = await room.storage.write(async (tx) => {
    const known = await get(tx, 'trust_reports', id)
    if (known === undefined) throw relyingProblem('report_unknown')
    const changed = next(known)
    await putReport(tx, changed, what, by)
    return changed
  })
  return viewReport(room, row)
}

/**
 * The reason may have to be erased one day, which the log cannot be: there stands `SHA-256(D("audit-field") ‖ salt ‖ reason)`,
 * which proves it and tells nothing without the salt of 16 bytes.
 */
async function putReport(tx: Tx, row: ReportRow, what: string, by: Actor): Promise<void> {
  const { id, agent, service, score, state } = row
  const reason = createHash('sha256').update(FIELD_DOMAIN).update(row.reason_salt).update(row.reason)
  const scoreBefore = (row.score_before / 10).toFixed(1)
  const ev = { what, report: id, agent, service, score, scoreBefore, state, reason: reason.digest('base64url') }
  await put(tx, 'trust_reports', row)
  await tx.change({ kind: 'trust_report', ref: id, after: row, record: { type: 'auth', actor: by, ev } })
}

function viewReport({ directory }: RelyingRoom, row: ReportRow): ReportView {
  const { id, agent, service, reason, at, state } = row
  const serviceName = directory.service(service)?.name
  return {
    id,
    agent,
    service,
    ...(serviceName !== undefined && { serviceName }),
    score: Number(row.score),
    scoreBefore: row.score_before / 10,
    reason,
    at,
    state,
    ...(row.disputed_at !== null && { disputedAt: row.disputed_at }),
    ...(row.decided_at !== null && { decidedAt: row.decided_at }),
  }
}
