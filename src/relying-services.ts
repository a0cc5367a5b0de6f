// The services that want to know which agent calls them, with what they need of the agents, their tokens, and the limits.
import type { Alarms } from './alarms.ts'
import type { Clock } from './ground/clock.ts'
import type { Identity } from './identity/identity.ts'
import { type BandChange, createRelying, type Relying } from './identity/relying/relying.ts'
import type { Pepper } from './identity/room.ts'
import { refuseUnlessOk } from './identity/sign-ins/limits.ts'
import type { SignIns } from './identity/sign-ins/sign-ins.ts'
import type { Storage } from './storage/storage.ts'

export interface RelyingNeeds {
  readonly storage: Storage
  readonly clock: Clock
  readonly pepper: Pepper
  readonly identity: Identity
  readonly signIns: SignIns
  readonly alarms: Alarms
  /** Somebody besides the log's readers should hear of it. Must not throw. */
  readonly onBandChange: (change: BandChange) => void
}

export function knowRelyingServices(needs: RelyingNeeds): Relying {
  const { storage, clock, pepper, identity, signIns, alarms, onBandChange } = needs
  return createRelying({
    storage,
    clock,
    pepper,
    agentOf: (name) => identity.findAgent(name),
    verify: async (token, { audience }) => {
      const verified = identity.accessTokens.verify(token, audience)
      return verified.ok ? { ok: true, claims: verified.token.claims } : verified
    },
    limit: (what, service) => refuseUnlessOk(signIns.limits[what](service)),
    lastSeen: async (agent) => (await signIns.places(agent))[0]?.lastAt,
    onBadRow: (table, id) => alarms.editedRow(table, id),
    onBandChange,
  })
}
