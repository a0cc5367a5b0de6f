import type { AgentId, CredentialId, GrantId, ServiceId } from '../ground/ids.ts'
import type { Label } from '../policy/label.ts'
import { Coverage, type Scoped } from '../policy/scope.ts'
import type { Grant, Reach } from './contract.ts'
import { NamedCredentials } from './named-credentials.ts'

/** A grant's row, read. */
export interface GrantRecord {
  readonly id: GrantId
  readonly agent: AgentId
  readonly service: ServiceId
  readonly scopes: readonly string[]
  readonly credentials: readonly CredentialId[]
  readonly reach: Reach
  readonly label: Label | undefined
  readonly door: string | undefined
  readonly rpm: number | undefined
  readonly uses: number | undefined
  readonly expiresAt: number | undefined
  readonly createdAt: number
  readonly revokedAt: number | undefined
  readonly used: number
}

/** Scopes and what they cover, one of each kind however many grants have them. */
class Coverages {
  readonly #known = new Map<string, { scopes: readonly string[]; coverage: Coverage }>()

  of(scopes: readonly string[]): { readonly scopes: readonly string[]; readonly coverage: Coverage } {
    const key = scopes.join(' ')
    let known = this.#known.get(key)
    if (known === undefined) {
      const service = scopes[0]?.split(':', 1)[0] ?? ''
      known = { scopes: Object.freeze([...scopes]), coverage: new Coverage(service, scopes) }
      this.#known.set(key, known)
    }
    return known
  }
}

export class GrantEntry implements Grant {
  readonly id: GrantId
  readonly agent: AgentId
  readonly service: ServiceId
  readonly scopes: readonly string[]
  readonly credentials: readonly CredentialId[]
  readonly reach: Reach
  readonly label: Label | undefined
  readonly door: string | undefined
  readonly rpm: number | undefined
  readonly uses: number | undefined
  readonly expiresAt: number | undefined
  readonly createdAt: number
  readonly revokedAt: number | undefined
  used: number
  readonly coverage: Coverage

  constructor(record: GrantRecord, shared: { scopes: readonly string[]; coverage: Coverage }) {
    this.id = record.id
    this.agent = record.agent
    this.service = record.service
    this.scopes = shared.scopes
    this.credentials = record.credentials
    this.reach = record.reach
    this.label = record.label
    this.door = record.door
    this.rpm = record.rpm
    this.uses = record.uses
    this.expiresAt = record.expiresAt
    this.createdAt = record.createdAt
    this.revokedAt = record.revokedAt
    this.used = record.used
    this.coverage = shared.coverage
  }

  toRecord(): GrantRecord {
    const { id, agent, service, credentials, reach, label, door, rpm, uses, expiresAt, createdAt, revokedAt, used } =
      this
    return {
      ...{ id, agent, service, credentials, reach, label, door, rpm, uses, expiresAt, createdAt, revokedAt, used },
      scopes: this.scopes,
    }
  }

  get status(): 'active' | 'revoked' {
    return this.revokedAt === undefined ? 'active' : 'revoked'
  }

  get credential(): CredentialId | undefined {
    return this.credentials[0]
  }

  covers(resolution: Scoped, wordAllows?: (word: string) => boolean): boolean {
    if (this.label !== undefined) return wordAllows?.(this.label.word) === true
    return this.coverage.covers(resolution)
  }
}

interface OnService {
  readonly service: ServiceId
  readonly grants: GrantEntry[]
}

const none: readonly GrantEntry[] = Object.freeze([])

/** All grants in memory, found by id, and by agent and service in the order in which they were given. */
export class GrantEntries {
  readonly #byId = new Map<GrantId, GrantEntry>()
  readonly #byAgent = new Map<AgentId, OnService[]>()
  #coverages = new Coverages()
  readonly #named = new NamedCredentials()
  /** One string for each service, one list for each set of credentials, one label of each kind: rows bring a copy each. */
  readonly #ids = new Map<string, string>()
  readonly #lists = new Map<string, readonly CredentialId[]>()
  readonly #labels = new Map<string, Label>()

  get size(): number {
    return this.#byId.size
  }

  get(id: GrantId): GrantEntry | undefined {
    return this.#byId.get(id)
  }

  /** Live or not, but none that is revoked. */
  of(agent: AgentId, service: ServiceId): readonly GrantEntry[] {
    const lists = this.#byAgent.get(agent)
    if (lists === undefined) return none
    for (const list of lists) if (list.service === service) return list.grants
    return none
  }

  all(): IterableIterator<GrantEntry> {
    return this.#byId.values()
  }

  /** Puts a grant in, or in the place of what it was. */
  put(record: GrantRecord): void {
    this.#leave(record.id)
    const lists = this.#byAgent.get(record.agent)
    const entry = new GrantEntry(
      {
        ...record,
        agent: lists?.[0]?.grants[0]?.agent ?? record.agent,
        service: this.#one(record.service),
        credentials: this.#list(record.credentials),
        label: record.label && this.#label(record.label),
      },
      this.#coverages.of(record.scopes),
    )
    this.#byId.set(entry.id, entry)
    this.#named.note(entry)
    if (entry.revokedAt !== undefined) return
    const list = lists?.find(({ service }) => service === entry.service)
    // Literals, not push() onto an empty list, which would reserve places for 17: nearly every list has one member.
    if (lists === undefined) this.#byAgent.set(entry.agent, [{ service: entry.service, grants: [entry] }])
    else if (list === undefined) lists.push({ service: entry.service, grants: [entry] })
    else list.grants.push(entry)
  }

  /** Whether the grant gives this credential of its service; `restricted` is what its metadata says of that. */
  gives(grant: Pick<GrantEntry, 'credentials' | 'reach'>, credential: CredentialId, restricted?: string): boolean {
    if (grant.credentials.includes(credential)) return true
    return grant.reach === 'unnamed' && !this.#named.keeps(credential, restricted)
  }

  #leave(id: GrantId): void {
    const old = this.#byId.get(id)
    if (old !== undefined) this.#named.forget(old)
    const lists = old === undefined ? undefined : this.#byAgent.get(old.agent)
    if (old === undefined || lists === undefined) return
    const at = lists.findIndex(({ service }) => service === old.service)
    const grants = lists[at]?.grants ?? []
    if (grants.includes(old)) grants.splice(grants.indexOf(old), 1)
    if (at >= 0 && grants.length === 0) lists.splice(at, 1)
    if (lists.length === 0) this.#byAgent.delete(old.agent)
  }

  clear(): void {
    this.#byId.clear()
    this.#byAgent.clear()
    for (const shared of [this.#ids, this.#lists, this.#labels]) shared.clear()
    this.#named.clear()
    this.#coverages = new Coverages()
  }

  #list(ids: readonly CredentialId[]): readonly CredentialId[] {
    const key = ids.join(' ')
    const known = this.#lists.get(key) ?? Object.freeze([...ids])
    this.#lists.set(key, known)
    return known
  }

  #label(label: Label): Label {
    const known = this.#labels.get(label.text) ?? label
    this.#labels.set(label.text, known)
    return known
  }

  #one<T extends string>(id: T): T {
    const known = this.#ids.get(id)
    if (known !== undefined) return known as T
    this.#ids.set(id, id)
    return id
  }
}
