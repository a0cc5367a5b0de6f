import type { AgentId } from '../../ground/ids.ts'
import type { RelyingId, ReportId, ReportState } from './contract.ts'
import type { RelyingDirectory } from './relying-directory.ts'
import type { ReportRow } from './store.ts'
import {
  AGREEMENT_REPORTS,
  agreementOf,
  byTime,
  type CountedReport,
  groupWeightOf,
  type TrustScore,
  trustScore,
} from './trust-score.ts'

const DAY_MS = 86_400_000

/** A report as it is remembered: all but its reason, which nobody needs to weigh it. */
export interface RememberedReport extends CountedReport {
  readonly id: ReportId
  readonly service: RelyingId
  readonly agent: AgentId
  readonly scoreBefore: number
  readonly state: ReportState
  /** When it was made, disputed or decided on, whichever was last. */
  readonly changedAt: number
}

export interface Trust extends TrustScore {
  /** When a report on the agent was last made, disputed or decided on; undefined if there is none. */
  readonly updatedAt: number | undefined
}

/**
 * The read-model of reports: found by agent, to weigh them, and by owner of the reporting services, to know how each owner's
 * reports weigh. Both lists are in the order of time.
 */
export class TrustLedger {
  readonly #directory: RelyingDirectory
  readonly #byId = new Map<string, RememberedReport>()
  readonly #byAgent = new Map<string, RememberedReport[]>()
  readonly #byGroup = new Map<string, RememberedReport[]>()
  readonly #agreements = new Map<string, number>()

  constructor(directory: RelyingDirectory) {
    this.#directory = directory
  }

  clear(): void {
    for (const map of [this.#byId, this.#byAgent, this.#byGroup, this.#agreements]) map.clear()
  }

  /** Puts a report in, or in the place of what it was. */
  put(row: ReportRow): void {
    const group = this.#directory.service(row.service)?.owner
    if (group === undefined) return
    this.#leave(row.id)
    const report = remembered(row, group)
    this.#byId.set(report.id, report)
    insert(this.#byAgent, report.agent, report)
    insert(this.#byGroup, group, report)
    this.#agreements.delete(group)
  }

  forgetAgent(agent: string): void {
    for (const { id } of [...this.reports(agent)]) this.#leave(id)
  }

  /** After a service came or went: its reports weigh, or do not. */
  servicesChanged(): void {
    this.#agreements.clear()
  }

  get(id: string): RememberedReport | undefined {
    return this.#byId.get(id)
  }

  /** All on this agent, oldest first. */
  reports(agent: string): readonly RememberedReport[] {
    return this.#byAgent.get(agent) ?? []
  }

  /** What is thought of the agent at `now`; without one report, if it is about to be replaced. */
  trustOf(agent: string, now: number, without?: string): Trust {
    const reports = this.reports(agent)
    const counted = reports.filter((report) => report.id !== without && this.#counts(report))
    const score = trustScore(counted, (group) => this.#weightOf(group, now, without), now)
    return { ...score, updatedAt: reports.length === 0 ? undefined : lastChange(reports) }
  }

  #weightOf(group: string, now: number, without: string | undefined): number {
    const since = this.#directory.since(group)
    const ageDays = since === undefined ? 0 : (now - since) / DAY_MS
    return groupWeightOf(ageDays, this.#agreementOf(group, without))
  }

  #agreementOf(group: string, without: string | undefined): number {
    if (without !== undefined) return agreementOf(this.#newest(group, without))
    const known = this.#agreements.get(group)
    if (known !== undefined) return known
    const agreement = agreementOf(this.#newest(group))
    this.#agreements.set(group, agreement)
    return agreement
  }

  /** The group's newest counted reports, oldest first. */
  #newest(group: string, without?: string): RememberedReport[] {
    const newest: RememberedReport[] = []
    const all = this.#byGroup.get(group) ?? []
    for (let at = all.length - 1; at >= 0 && newest.length < AGREEMENT_REPORTS; at -= 1) {
      const report = all[at]!
      if (report.id !== without && this.#counts(report)) newest.push(report)
    }
    return newest.reverse()
  }

  #counts({ state, service }: RememberedReport): boolean {
    return state === 'counted' && this.#directory.service(service)?.status === 'active'
  }

  #leave(id: string): void {
    const report = this.#byId.get(id)
    if (report === undefined) return
    this.#byId.delete(id)
    take(this.#byAgent, report.agent, report)
    take(this.#byGroup, report.group, report)
    this.#agreements.delete(report.group)
  }
}

function remembered(row: ReportRow, group: string): RememberedReport {
  const { id, service, agent, at, state } = row
  const changedAt = row.decided_at ?? row.disputed_at ?? at
  return {
    id,
    service,
    agent,
    group,
    at,
    state,
    score: Number(row.score),
    scoreBefore: row.score_before / 10,
    changedAt,
  }
}

function lastChange(reports: readonly RememberedReport[]): number {
  return reports.reduce((last, { changedAt }) => Math.max(last, changedAt), 0)
}

function insert(lists: Map<string, RememberedReport[]>, key: string, report: RememberedReport): void {
  const list = lists.get(key)
  if (list === undefined) {
    lists.set(key, [report])
    return
  }
  let at = list.length
  while (at > 0 && byTime(list[at - 1]!, report) > 0) at -= 1
  list.splice(at, 0, report)
}

function take(lists: Map<string, RememberedReport[]>, key: string, report: RememberedReport): void {
  const list = lists.get(key)
  const at = list?.lastIndexOf(report) ?? -1
  if (at >= 0) list?.splice(at, 1)
  if (list?.length === 0) lists.delete(key)
}
