import type { AgentId, TokenId } from '../../ground/ids.ts'
import { hashKey } from '../directory.ts'
import type { RelyingEntry, RelyingId, RelyingPrincipal } from './contract.ts'
import type { AssignmentRow, KeyRow, RoleRow, ServiceRow } from './store.ts'

class RelyingService implements RelyingEntry {
  readonly id: RelyingId
  readonly name: string
  readonly owner: string
  readonly createdAt: number
  status: 'active' | 'removed'
  isDefault: boolean
  readonly keys = new Map<string, ServiceKey>()
  readonly roles = new Map<string, Role>()

  constructor(row: ServiceRow) {
    this.id = row.id
    this.name = row.name
    this.owner = row.owner
    this.createdAt = row.created_at
    this.status = row.status
    this.isDefault = row.is_default === 1
  }

  toRow(): ServiceRow {
    const { id, name, owner, status, createdAt } = this
    return { id, name, owner, status, is_default: this.isDefault ? 1 : 0, created_at: createdAt }
  }
}

class ServiceKey {
  readonly id: TokenId
  readonly row: KeyRow
  /** Made once, so that recognising a caller allocates nothing but the hash. */
  readonly principal: RelyingPrincipal
  status: 'active' | 'revoked'
  revokedAt: number | undefined

  constructor(row: KeyRow, service: RelyingService) {
    this.id = row.id
    this.row = row
    this.principal = { kind: 'service', service, token: { id: row.id } }
    this.status = row.status
    this.revokedAt = row.revoked_at ?? undefined
  }
}

export interface Role {
  readonly id: string
  readonly permissions: readonly string[]
  readonly createdAt: number
  /** Whom it was given, ended or not, by agent. */
  readonly given: Map<string, Assignment>
}

export interface Assignment {
  readonly agent: AgentId
  readonly service: RelyingId
  readonly role: string
  readonly expiresAt: number | undefined
  readonly createdAt: number
}

export type { RelyingService, ServiceKey }

const none: readonly Assignment[] = Object.freeze([])

/**
 * The read-model of relying services, their keys, roles, and who was given them. Filled after unsealing, then kept up to
 * date by following the commits. What belongs to a service that it does not know is nowhere.
 */
export class RelyingDirectory {
  readonly #services = new Map<string, RelyingService>()
  readonly #byName = new Map<string, RelyingService>()
  readonly #keys = new Map<string, ServiceKey>()
  readonly #keysByHash = new Map<string, ServiceKey>()
  readonly #given = new Map<string, Assignment[]>()
  readonly #since = new Map<string, number>()

  clear(): void {
    for (const map of [this.#services, this.#byName, this.#keys, this.#keysByHash, this.#given, this.#since])
      map.clear()
  }

  putService(row: ServiceRow): void {
    const service = this.#services.get(row.id) ?? new RelyingService(row)
    this.#services.set(service.id, service)
    service.status = row.status
    service.isDefault = row.is_default === 1
    if (service.status === 'active') this.#byName.set(service.name, service)
    else this.#forgetService(service)
    this.#since.clear()
  }

  putKey(row: KeyRow): void {
    const known = this.#keys.get(row.id)
    const service = this.#services.get(row.service)
    if (known !== undefined) {
      known.status = row.status
      known.revokedAt = row.revoked_at ?? undefined
    } else if (service?.status === 'active') {
      const key = new ServiceKey(row, service)
      this.#keys.set(key.id, key)
      this.#keysByHash.set(hashKey(row.hash), key)
      service.keys.set(key.id, key)
    }
  }

  putRole(row: RoleRow): void {
    const service = this.#services.get(row.service)
    const permissions: readonly string[] = Object.freeze(JSON.parse(row.permissions))
    const given = service?.roles.get(row.role)?.given ?? new Map()
    service?.roles.set(row.role, { id: row.role, permissions, createdAt: row.created_at, given })
  }

  /** And everybody's having it. */
  removeRole(serviceId: string, roleId: string): void {
    const service = this.#services.get(serviceId)
    for (const assignment of service?.roles.get(roleId)?.given.values() ?? []) this.#takeFromAgent(assignment)
    service?.roles.delete(roleId)
  }

  putAssignment({ agent, service, role, expires_at, created_at }: AssignmentRow): void {
    const given = this.#services.get(service)?.roles.get(role)?.given
    if (given === undefined) return
    this.removeAssignment(agent, service, role)
    const assignment = { agent, service, role, expiresAt: expires_at ?? undefined, createdAt: created_at }
    given.set(agent, assignment)
    this.#given.set(agent, [...this.assignments(agent), assignment])
  }

  removeAssignment(agent: string, service: string, role: string): void {
    const given = this.#services.get(service)?.roles.get(role)?.given
    const assignment = given?.get(agent)
    given?.delete(agent)
    if (assignment !== undefined) this.#takeFromAgent(assignment)
  }

  forgetAgent(agent: string): void {
    for (const { service, role } of [...this.assignments(agent)]) this.removeAssignment(agent, service, role)
  }

  /** By id, removed ones too, or by name. */
  service(idOrName: string): RelyingService | undefined {
    return this.#services.get(idOrName) ?? this.#byName.get(idOrName)
  }

  services(): Iterable<RelyingService> {
    return this.#services.values()
  }

  get defaultService(): RelyingService | undefined {
    for (const service of this.#byName.values()) if (service.isDefault) return service
    return undefined
  }

  key(id: string): ServiceKey | undefined {
    return this.#keys.get(id)
  }

  keyByHash(hash: Uint8Array): ServiceKey | undefined {
    return this.#keysByHash.get(hashKey(hash))
  }

  keys(): Iterable<ServiceKey> {
    return this.#keys.values()
  }

  /** Everything that the agent was given, ended or not. */
  assignments(agent: string): readonly Assignment[] {
    return this.#given.get(agent) ?? none
  }

  /** When the oldest service of the owner that is still there was added; undefined if there is none. */
  since(owner: string): number | undefined {
    if (this.#since.size === 0) {
      for (const service of this.#byName.values()) {
        const known = this.#since.get(service.owner) ?? service.createdAt
        this.#since.set(service.owner, Math.min(known, service.createdAt))
      }
    }
    return this.#since.get(owner)
  }

  #takeFromAgent(assignment: Assignment): void {
    const rest = this.assignments(assignment.agent).filter((one) => one !== assignment)
    if (rest.length > 0) this.#given.set(assignment.agent, rest)
    else this.#given.delete(assignment.agent)
  }

  #forgetService(service: RelyingService): void {
    if (this.#byName.get(service.name) === service) this.#byName.delete(service.name)
    for (const key of service.keys.values()) {
      this.#keys.delete(key.id)
      this.#keysByHash.delete(hashKey(key.row.hash))
    }
    service.keys.clear()
    for (const role of [...service.roles.keys()]) this.removeRole(service.id, role)
  }
}
