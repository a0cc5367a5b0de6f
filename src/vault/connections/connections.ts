import type { Clock } from '../../ground/clock.ts'
import type { ServiceId } from '../../ground/ids.ts'
import type { Outbound } from '../../http/outbound.ts'
import type { Permit } from '../../policy/permit.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import type { CredentialView, OpenedCredential } from '../contract.ts'
import { type CredentialEntries, type Entry, viewOf } from '../credential-entries.ts'
import type { Credentials } from '../credentials.ts'
import type { OpenedCache } from '../opened-cache.ts'
import type { Sealing } from '../sealing.ts'
import { Connecting } from './connecting.ts'
import type { PlacesOf } from './places.ts'
import { type NewConnection, Registrations } from './registrations.ts'
import { Renewals } from './renewals.ts'

/** What the vault does with credentials that it renews itself. */
export interface Connections {
  /**
   * Before open(): renews an access token that is about to end. Undefined, at once, for everything else. Rejects with
   * Problem `credential_needs_reauth` or `credential_refresh_failed`.
   */
  prepare(permit: Permit): Promise<void> | undefined
  /** Whether the permit's credential can be renewed once it is refused. */
  renews(permit: Permit): boolean
  /** The service refused an opened token: whether there is another by now. Never rejects. */
  renewAfterRefusal(opened: Pick<OpenedCredential, 'id' | 'generation'>, rid: string): Promise<boolean>
  /** Registers a credential that renews itself; with `replace`, in the place of one. */
  connect(input: NewConnection, by: Actor): Promise<CredentialView>
  /** Connects an account at its provider. */
  readonly connecting: Pick<Connecting, 'begin' | 'finish' | 'poll'>
  /** Renews a connection now. Rejects as prepare() does. */
  renew(handleOrId: string): Promise<CredentialView>
  /** Resolves when no request for a token is on its way: what comes back for a refresh token that was shown must be kept. */
  close(): Promise<void>
}

export interface ConnectionParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  readonly cache: OpenedCache
  readonly credentials: Credentials
  readonly outbound: Outbound | undefined
  readonly placesOf: PlacesOf | undefined
  readonly shapeOf: ((service: ServiceId) => object | undefined) | undefined
}

/** `begin`: after unsealing, when the credentials are in memory. */
export function createConnections(given: ConnectionParts): Connections & { begin(): Promise<void> } {
  const { clock, entries, credentials, placesOf = () => undefined } = given
  const parts = { ...given, placesOf }
  const renewals = new Renewals(parts)
  const registrations = new Registrations(parts)
  return {
    begin: () => renewals.begin(),
    prepare: (permit) => renewals.prepare(permit),
    renews: ({ credential }) => {
      const connection = credential === undefined ? undefined : entries.byId(credential)?.connection
      return connection !== undefined && connection.fixed !== true
    },
    renewAfterRefusal: async ({ id, generation }, rid) =>
      generation !== undefined && renewals.afterRefusal(id, generation, rid),
    connect: (input, by) => registrations.register(input, by),
    connecting: new Connecting({ ...parts, registrations }),
    renew: async (handleOrId) => {
      await renewals.now(handleOrId)
      return viewOf(entries.byId(credentials.known(handleOrId).id) as Entry, clock.now())
    },
    close: () => renewals.settled(),
  }
}
