/**
 * What this door remembers: services in the vault's form, revocations of sessions, tasks and agents, which grants it made.
 *
 * Owns: the tables of schema.ts and their read-model. Invariant: what is in memory is what was committed and believed; a
 * service that the house does not have any more is not there.
 * Refuses: to hold a secret, to decide whether a call is made.
 */
import { hash } from 'node:crypto'
import type { OpenCalls } from '../../gate/open-calls.ts'
import type { AgentId, CredentialId, ServiceId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { SessionRow } from '../../identity/sessions/store.ts'
import type { Change, Storage } from '../../storage/storage.ts'
import type { CredentialView } from '../../vault/contract.ts'
import { CompiledService } from './compiled-service.ts'
import { type DoorCredential, type DoorGrant, REF_META, type Revocation, type ServiceRecord } from './contract.ts'
import { loadAll } from './store.ts'
import { TokenBook } from './token-book.ts'

export interface VaultBookOptions {
  readonly storage: Storage
  readonly services: { byId(id: ServiceId): object | undefined }
  readonly vault: { list(): readonly CredentialView[] }
  readonly sessions: { all(): Iterable<{ readonly row: SessionRow }> }
  readonly openCalls: OpenCalls
}

export class VaultBook {
  readonly tokens = new TokenBook()
  readonly #options: VaultBookOptions
  readonly #services = new Map<string, CompiledService>()
  readonly #revocations = new Map<string, Revocation>()
  /** Those of one agent alone, the oldest first. */
  readonly #ofAgents = new Map<AgentId, Map<string, Revocation>>()
  /** Rows of services that the house did not have when they were read. */
  #homeless: readonly ServiceRecord[] = []
  readonly #grants = new Map<string, DoorGrant>()
  /** Somebody edited a revocation: nobody is believed to stand until an operator looked. */
  #doubt = false

  constructor(options: VaultBookOptions) {
    this.#options = options
    options.storage.follow((change) => this.#follow(change))
  }

  /** After unsealing, when services, credentials and sign-ins are there. `bad`: ids of rows that are not believed. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { services, revocations, grants, bad, revocationsBad } = await loadAll(this.#options.storage)
    this.clear()
    this.#doubt = revocationsBad
    for (const record of services) this.#enter(record)
    this.#homeless = services.filter(({ id }) => this.#options.services.byId(id) === undefined)
    for (const one of [...revocations].sort((one, other) => one.at - other.at)) this.#keep(one)
    for (const one of grants) this.#grants.set(grantKey(one.agent, one.service), one)
    for (const { row } of this.#options.sessions.all()) this.tokens.put(row)
    return { bad }
  }

  clear(): void {
    for (const map of [this.#services, this.#revocations, this.#ofAgents, this.#grants]) map.clear()
    this.#homeless = []
    this.tokens.clear()
    this.#doubt = false
  }

  service(name: string): CompiledService | undefined {
    return this.#services.get(name)
  }

  /** By name. */
  services(): readonly CompiledService[] {
    return [...this.#services.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  /** Whether a service stands open to whoever is called that. */
  names(agent: string): boolean {
    const named = ({ allowedAgents, definition: { agentScopes = {} } }: CompiledService) =>
      allowedAgents.has(agent) || Object.hasOwn(agentScopes, agent)
    return [...this.#services.values()].some(named)
  }

  grantOf(agent: AgentId, service: ServiceId): DoorGrant | undefined {
    return this.#grants.get(grantKey(agent, service))
  }

  grantsOf(service: ServiceId): readonly DoorGrant[] {
    return [...this.#grants.values()].filter((grant) => grant.service === service)
  }

  grants(): readonly DoorGrant[] {
    return [...this.#grants.values()]
  }

  grantsTo(agent: AgentId): readonly DoorGrant[] {
    return [...this.#grants.values()].filter((grant) => grant.agent === agent)
  }

  revocations(): readonly Revocation[] {
    return [...this.#revocations.values()]
  }

  /** Those that hold for one agent alone, the oldest first. */
  revocationsOf(agent: AgentId): readonly Revocation[] {
    return [...(this.#ofAgents.get(agent)?.values() ?? [])]
  }

  /** Rows of services that the house did not have when the vault opened. */
  homeless(): readonly ServiceRecord[] {
    return this.#homeless
  }

  /** Whether it was revoked, for everybody or by this agent. `agent` for kind `agent` is the agent itself. */
  isRevoked(kind: Revocation['kind'], value: string, agent: AgentId): boolean {
    if (this.#doubt) return true
    if (this.#revocations.size === 0) return false
    return this.#revocations.has(revocationId(kind, value)) || this.#revocations.has(revocationId(kind, value, agent))
  }

  /** Credentials of this door, of one reference or of all. */
  credentials(ref?: string): readonly DoorCredential[] {
    return this.#options.vault.list().flatMap(({ id, handle, service, meta }) => {
      const own = meta[REF_META]
      return own === undefined || (ref !== undefined && own !== ref) ? [] : [{ id, handle, service, ref: own }]
    })
  }

  #follow(change: Change): void {
    const { kind, ref, after } = change
    this.tokens.follow(change)
    if (kind === 'credential') this.#recompile()
    else if (kind === 'service') this.#serviceGone(ref as ServiceId)
    else if (kind === 'agentvault_service') this.#followService(ref as ServiceId, after as ServiceRecord | undefined)
    else if (kind === 'agentvault_grant') this.#followGrant(after as { put?: DoorGrant; removed?: DoorGrant })
    else if (kind === 'agentvault_revoked') this.#followRevocation(after as Revocation)
    else if (kind === 'agentvault_unrevoked') this.#drop(ref)
  }

  #followService(id: ServiceId, record: ServiceRecord | undefined): void {
    this.#leave(id)
    if (record !== undefined) this.#enter(record)
  }

  #followGrant({ put, removed }: { put?: DoorGrant; removed?: DoorGrant }): void {
    if (removed !== undefined) {
      const key = grantKey(removed.agent, removed.service)
      if (this.#grants.get(key)?.id === removed.id) this.#grants.delete(key)
    }
    if (put !== undefined) this.#grants.set(grantKey(put.agent, put.service), put)
  }

  /** In the turn of the commit, so that a revocation that is acknowledged has ended what ran. */
  #followRevocation(one: Revocation): void {
    this.#keep(one)
    this.#options.openCalls.kill((footing) => {
      const token = this.tokens.get(footing.token)
      if (token === undefined || (one.agent !== undefined && one.agent !== token.agent)) return false
      if (one.kind === 'agent') return token.agent === one.value
      return (one.kind === 'session' ? token.sessionId : token.taskId) === one.value
    }, `vault_${one.kind}_revoked`)
  }

  #keep(one: Revocation): void {
    this.#revocations.set(one.id, one)
    if (one.agent === undefined) return
    const own = this.#ofAgents.get(one.agent)
    // Deleted and set again, so that the map goes from the oldest to the newest.
    own?.delete(one.id)
    if (own === undefined) this.#ofAgents.set(one.agent, new Map([[one.id, one]]))
    else own.set(one.id, one)
  }

  #drop(id: string): void {
    const agent = this.#revocations.get(id)?.agent
    this.#revocations.delete(id)
    const own = agent === undefined ? undefined : this.#ofAgents.get(agent)
    own?.delete(id)
    if (agent !== undefined && own?.size === 0) this.#ofAgents.delete(agent)
  }

  /** The house does not have it any more, whoever took it away. */
  #serviceGone(id: ServiceId): void {
    if (this.#options.services.byId(id) === undefined) this.#leave(id)
  }

  #recompile(): void {
    for (const { record, credential } of this.services()) {
      if (this.#credentialOf(record) !== credential) this.#enter(record)
    }
  }

  #enter(record: ServiceRecord): void {
    if (this.#options.services.byId(record.id) === undefined) return
    const compiled = compiledOf(record, this.#credentialOf(record))
    if (compiled === undefined) this.#leave(record.id)
    else this.#services.set(record.name, compiled)
  }

  #leave(id: ServiceId): void {
    for (const [name, service] of this.#services) if (service.id === id) this.#services.delete(name)
  }

  #credentialOf({ id, definition: { secretRef } }: ServiceRecord): CredentialId | undefined {
    if (secretRef === undefined) return undefined
    return this.credentials(secretRef).find(({ service }) => service === id)?.id
  }
}

/** Undefined for one that an earlier release took and whose paths the house cannot say exactly: it is not called here. */
function compiledOf(record: ServiceRecord, credential: CredentialId | undefined): CompiledService | undefined {
  try {
    return new CompiledService(record, credential)
  } catch (error) {
    if (error instanceof Problem && error.code === 'template_invalid') return undefined
    throw error
  }
}

function grantKey(agent: string, service: string): string {
  return `${agent} ${service}`
}

/** Of one length, whatever a session is called. */
export function revocationId(kind: Revocation['kind'], value: string, agent?: string): string {
  return hash('sha256', JSON.stringify([kind, value, agent ?? null]), 'base64url')
}
