/** The dialect's shapes (agentic-credential-vault.md §1 to §3), data only. */
import type { AgentId, CredentialId, GrantId, ServiceId } from '../../ground/ids.ts'
import type { JsonValue } from '../../ground/strict-json.ts'

export type JsonObject = { [name: string]: JsonValue }

/** One named action. */
export interface Endpoint {
  readonly method: string
  /** `{name}` stands for a parameter; a query may follow. */
  readonly path: string
  readonly requiredScope: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  /** Parameters whose value may hold `/`. */
  readonly multiSegment: readonly string[]
}

/** A service in the vault's form (§3). What is left out is undefined, not null. */
export interface VaultService {
  readonly baseUrl: string
  readonly secretRef?: string | undefined
  readonly authHeader?: string | undefined
  readonly authScheme?: string | undefined
  readonly allowedAgents: readonly string[]
  readonly allowedActions: readonly string[]
  readonly allowedScopes: readonly string[]
  readonly agentScopes?: Readonly<Record<string, readonly string[]>> | undefined
  readonly endpoints: Readonly<Record<string, Endpoint>>
}

/** For whom a token is: fixed when it is issued. */
export interface Context {
  readonly agentId: string
  readonly sessionId: string
  readonly taskId: string
  readonly skillId: string
  readonly tool: string
}

/** Marks the grants that the door makes: they count for its own calls. */
export const DOOR = 'agentvault'

export const DEFAULT_TTL_SECONDS = 600
export const MAX_TTL_SECONDS = 900
export const MAX_BODY = 1024 * 1024
/** The literal by which `allowedActions` allows tokens to be issued. */
export const ISSUE = 'issue'

export interface ServiceRecord {
  readonly id: ServiceId
  readonly name: string
  readonly definition: VaultService
  readonly createdAt: number
  readonly updatedAt: number
}

/** What somebody revoked; without `agent` it holds for everybody. */
export interface Revocation {
  readonly id: string
  readonly kind: 'session' | 'task' | 'agent'
  readonly value: string
  readonly agent: AgentId | undefined
  readonly reason: string
  readonly at: number
}

/** The native grant by which the gate lets an agent use a service of this door. */
export interface DoorGrant {
  readonly id: GrantId
  readonly agent: string
  readonly service: ServiceId
  /** What it was made for: another stamp wants another grant. */
  readonly stamp: string
}

/** Where a credential that no service names yet is kept: it opens for nobody. */
export const PARKED = 'srv_agentvault' as ServiceId
/** The metadata by which credentials of this door are known. */
export const REF_META = 'agentvault'

export interface DoorCredential {
  readonly id: CredentialId
  readonly handle: string
  readonly ref: string
  readonly service: ServiceId
}
