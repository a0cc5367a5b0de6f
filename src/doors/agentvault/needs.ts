import type { IncomingMessage } from 'node:http'
import type { OpenedAudit } from '../../audit/audit.ts'
import type { Grants } from '../../grants/grants.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Client } from '../../http/client-address.ts'
import type { AgentPrincipal } from '../../identity/contract.ts'
import type { Identity } from '../../identity/identity.ts'
import type { RateTable } from '../../identity/sign-ins/rate-table.ts'
import type { Collect } from '../../proxy/collect.ts'
import type { Services } from '../../services/services.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import type { Vault } from '../../vault/vault.ts'
import type { AdminToken } from './admin-token.ts'
import type { OwnRevocations } from './own-revocations.ts'
import type { VaultBook } from './vault-book.ts'

/** What the door translates to. */
export interface VaultNeeds {
  readonly clock: Clock
  readonly storage: Storage
  readonly identity: Identity
  readonly services: Services
  readonly grants: Grants
  readonly vault: Vault
  readonly audit: OpenedAudit
  readonly book: VaultBook
  readonly adminToken: AdminToken
  /** `aud` of tokens. */
  readonly audience: string
  /** Ranges beyond the public network that services of this door may have. */
  readonly addresses: readonly string[]
  /** Calls of one agent on one service in any 60 seconds; undefined: as many as there are. */
  readonly rpm: number | undefined
  readonly issues: RateTable
  readonly revocations: OwnRevocations
  readonly collect: Collect
  /** The agent that a request comes from. Throws Problems. */
  readonly agentOf: (request: IncomingMessage) => AgentPrincipal
  readonly clientOf: (request: IncomingMessage) => Client
}

/** What changes of services and secrets need. */
export type AdminNeeds = Pick<
  VaultNeeds,
  'clock' | 'storage' | 'identity' | 'services' | 'grants' | 'vault' | 'book' | 'addresses' | 'rpm'
>

/** Who changes it where that is not the door's admin, and what is noted of a secret besides. */
export interface Made {
  readonly by: Actor
  readonly meta: Readonly<Record<string, string>>
}

/** Whoever holds the admin token, as records name them. */
export const VAULT_ADMIN: Actor = { kind: 'system', id: 'vault-admin' }
