/**
 * Which services want to know which agent calls them, what each agent is at each of them, and what they think of it.
 *
 * Owns: the tables of schema.ts and their read-models. Invariant: a service is recognised only by a key that was made here,
 * and sees and changes only its own roles and reports; no owner's services have more than a quarter of the weight in a score.
 * Refuses: to show a key twice; to say what an agent may do at services of others; to let a service judge its owner's agents.
 */
import type { Clock } from '../../ground/clock.ts'
import type { AgentId } from '../../ground/ids.ts'
import type { Actor, Change, Storage } from '../../storage/storage.ts'
import type { Pepper } from '../room.ts'
import type {
  AssignmentView,
  KeyView,
  KnownAgent,
  LastSeen,
  Limit,
  RelyingClaims,
  RelyingEntry,
  RelyingPrincipal,
  RelyingView,
  ReportView,
  RoleView,
  TrustView,
  VerifyToken,
} from './contract.ts'
import { followRelying } from './follow.ts'
import * as keys from './keys.ts'
import { RelyingDirectory } from './relying-directory.ts'
import { type RelyingRoom, requireAgent, requireService } from './relying-room.ts'
import * as reports from './reports.ts'
import * as roles from './roles.ts'
import { type DeskNeeds, ServiceDesk } from './service-desk.ts'
import * as services from './services.ts'
import { loadInto, type ReportRow } from './store.ts'
import { type Trust, TrustLedger } from './trust-ledger.ts'
import type { TrustBand } from './trust-score.ts'
import { trustView } from './trust-view.ts'

export interface BandChange {
  readonly agent: AgentId
  readonly from: TrustBand
  readonly to: TrustBand
  readonly score: number
  /** The report that was made, disputed or decided on. */
  readonly report: string
}

export interface RelyingOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly pepper: Pepper
  /** By id or name. */
  readonly agentOf: (idOrName: string) => KnownAgent | undefined
  readonly verify: VerifyToken
  readonly limit: Limit
  readonly lastSeen: LastSeen
  /** Told of each row that load() refuses because its MAC does not hold. */
  readonly onBadRow?: (table: string, id: string) => void
  /** Told, after the commit, when a report moves its agent into another band. Must not throw. */
  readonly onBandChange?: (change: BandChange) => void
}

export class Relying {
  readonly #room: RelyingRoom
  readonly #desk: DeskNeeds
  readonly #onBadRow: (table: string, id: string) => void
  readonly #onBandChange: (change: BandChange) => void

  constructor(options: RelyingOptions) {
    const { storage, clock, pepper, agentOf } = options
    const directory = new RelyingDirectory()
    this.#room = { storage, clock, pepper, directory, ledger: new TrustLedger(directory), agentOf }
    this.#desk = { verify: options.verify, limit: options.limit, lastSeen: options.lastSeen }
    this.#onBadRow = options.onBadRow ?? (() => {})
    this.#onBandChange = options.onBandChange ?? (() => {})
    storage.follow((change) => this.#follow(change))
  }

  /** Fills the read-models, after the vault was unsealed. Rows whose MAC does not hold are reported and left out. */
  async load(): Promise<void> {
    const { storage, directory, ledger } = this.#room
    this.clear()
    const bad = await loadInto(storage, {
      relying_services: (row) => directory.putService(row),
      relying_keys: (row) => directory.putKey(row),
      relying_roles: (row) => directory.putRole(row),
      role_assignments: (row) => directory.putAssignment(row),
      trust_reports: (row) => ledger.put(row),
    })
    for (const [table, ids] of bad) for (const id of ids) this.#onBadRow(table, id)
  }

  /** Forgets everything, when the vault is sealed. */
  clear(): void {
    this.#room.directory.clear()
    this.#room.ledger.clear()
  }

  /** The service that presents this key; undefined for anything else. One hash, no SQL. Throws Problem `vault_sealed`. */
  authenticateService(presented: string): RelyingPrincipal | undefined {
    return keys.authenticateKey(this.#room, presented)
  }

  /** What a service that was recognised may ask and do. */
  desk(principal: RelyingPrincipal): ServiceDesk {
    return new ServiceDesk(this.#room, this.#desk, principal)
  }

  /** One that is there, by id or name. */
  find(idOrName: string): RelyingEntry | undefined {
    const service = this.#room.directory.service(idOrName)
    return service?.status === 'active' ? service : undefined
  }

  /** The audience of tokens that name none. */
  get defaultService(): RelyingEntry | undefined {
    return this.#room.directory.defaultService
  }

  /** Throws Problem `relying_unknown`. */
  show(idOrName: string): RelyingView & { readonly keys: KeyView[]; readonly roles: RoleView[] } {
    const service = requireService(this.#room, idOrName)
    return { ...services.viewService(service), keys: keys.viewKeys(service), roles: roles.listRoles(service) }
  }

  list(): RelyingView[] {
    return [...this.#room.directory.services()].filter(({ status }) => status === 'active').map(services.viewService)
  }

  async add(asked: services.NewRelying, by: Actor): Promise<RelyingView> {
    return services.viewService(await services.addService(this.#room, asked, by))
  }

  /** No service at all is the default when `idOrName` is left out. */
  setDefault(idOrName: string | undefined, by: Actor): Promise<void> {
    return services.setDefault(this.#room, idOrName, by)
  }

  /** Resolves to how many of what hung on it went with it. */
  remove(idOrName: string, by: Actor): Promise<services.WentWithService> {
    return services.removeService(this.#room, idOrName, by)
  }

  issueKey(
    asked: { readonly service: string; readonly label?: string | undefined },
    by: Actor,
  ): Promise<keys.IssuedServiceKey> {
    return keys.issueKey(this.#room, asked, by)
  }

  revokeKey(service: string, id: string, by: Actor): Promise<void> {
    return keys.revokeKey(this.#room, service, id, by)
  }

  /** A key that somebody found and shows. False if it is none of ours. */
  revokeLeaked(presented: string): Promise<boolean> {
    return keys.revokeLeakedKey(this.#room, presented)
  }

  /** After an older database was accepted. Gives how many keys there were. */
  revokeAllKeys(by: Actor): Promise<number> {
    return keys.revokeAllKeys(this.#room, by)
  }

  setRole(
    asked: { readonly service: string; readonly role: string; readonly permissions: readonly string[] },
    by: Actor,
  ): Promise<RoleView> {
    return roles.setRole(this.#room, asked, by)
  }

  listRoles(service: string): RoleView[] {
    return roles.listRoles(requireService(this.#room, service))
  }

  removeRole(service: string, role: string, by: Actor): Promise<number> {
    return roles.removeRole(this.#room, service, role, by)
  }

  assignRole(
    asked: roles.NewAssignment,
    by: Actor,
  ): Promise<{ readonly assignment: AssignmentView; readonly created: boolean }> {
    return roles.assignRole(this.#room, asked, by)
  }

  revokeRole(asked: Omit<roles.NewAssignment, 'expiresAt'>, by: Actor): Promise<void> {
    return roles.revokeRole(this.#room, asked, by)
  }

  /** Of one agent (id or name), or of everybody who has a role of the service. */
  listAssignments(service: string, agent?: string): AssignmentView[] {
    const id = agent === undefined ? undefined : requireAgent(this.#room, agent).id
    return roles.listAssignments(this.#room, requireService(this.#room, service), id)
  }

  /** For a token at its issue: what the agent has at the service (ids) at `now`. From memory. */
  rolesOf(agent: string, service: string, now: number): roles.RolesOf {
    return roles.rolesOf(this.#room, agent, service, now)
  }

  /**
   * What a token of the agent (its id) for that audience is to say; undefined for an audience that is no service's id. The
   * agent is not asked for: whoever opens a sign-in knows it.
   */
  claimsFor(agent: string, audience: string): RelyingClaims | undefined {
    if (this.find(audience)?.id !== audience) return undefined
    const now = this.#room.clock.now()
    return { ...this.rolesOf(agent, audience, now), trustScore: this.#room.ledger.trustOf(agent, now).score }
  }

  /** What is thought of the agent (its id) now. From memory. */
  trustOf(agent: string): Trust {
    return this.#room.ledger.trustOf(agent, this.#room.clock.now())
  }

  /** Throws Problem `agent_unknown`. */
  showTrust(agent: string): TrustView {
    return trustView(this.#room, requireAgent(this.#room, agent))
  }

  /** Every report on the agent with its reason, oldest first. Throws Problems `agent_unknown`, `row_tampered`. */
  async trustHistory(agent: string): Promise<ReportView[]> {
    return reports.reportsOn(this.#room, requireAgent(this.#room, agent).id)
  }

  dispute(report: string, by: Actor): Promise<ReportView> {
    return reports.disputeReport(this.#room, report, by)
  }

  decide(report: string, keep: boolean, by: Actor): Promise<ReportView> {
    return reports.decideReport(this.#room, report, keep, by)
  }

  /** Everything kept about the agent here, for who may ask what is kept. */
  async exportAgent(agent: AgentId): Promise<{ readonly roles: AssignmentView[]; readonly reports: ReportView[] }> {
    const all = [...this.#room.directory.services()]
    const held = all.flatMap((service) => roles.listAssignments(this.#room, service, agent))
    return { roles: held, reports: await reports.reportsOn(this.#room, agent) }
  }

  /** Removes what was said of the agent and what it was given. */
  forgetAgent(agent: AgentId, by: Actor): Promise<{ readonly reports: number; readonly assignments: number }> {
    return reports.forgetAgent(this.#room, agent, by)
  }

  #follow(change: Change): void {
    const { kind, after } = change
    if (kind !== 'trust_report') {
      followRelying(this.#room, change)
      return
    }
    const { agent, id } = after as ReportRow
    const from = this.trustOf(agent).band
    followRelying(this.#room, change)
    const { band, score } = this.trustOf(agent)
    if (band !== from) this.#onBandChange({ agent, from, to: band, score, report: id })
  }
}

export function createRelying(options: RelyingOptions): Relying {
  return new Relying(options)
}
