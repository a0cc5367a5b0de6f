// The alerts room, with what it needs of others, and who tells it what.
import { eventOfChange, type Knows } from './alert-events.ts'
import { type Alerts, createAlerts } from './alerts/alerts.ts'
import type { Clock } from './ground/clock.ts'
import type { Log } from './ground/log.ts'
import { createOutbound } from './http/outbound.ts'
import { createResolver } from './http/resolve.ts'
import type { Rooms } from './rooms.ts'
import type { Change, Storage } from './storage/storage.ts'
import type { Vault } from './vault/vault.ts'

/** What the room needs: the vault seals its secrets, and nothing of it goes out but through the guarded client. */
export interface TellNeeds {
  readonly storage: Storage
  readonly clock: Clock
  readonly vault: Vault
  readonly log: Log
}

export function buildAlerts({ storage, clock, vault, log }: TellNeeds): Alerts {
  return createAlerts({
    storage,
    clock,
    box: {
      seal: (purpose, secret) => vault.sealKey(purpose, secret),
      open: (purpose, sealed) => vault.openKey(purpose, sealed),
    },
    outbound: createOutbound({ resolver: createResolver({ clock }) }),
    onDeadLetter: (id, error) =>
      log.warn({ id, reason: error }, 'a webhook delivery was given up: see its dead letters'),
  })
}

/**
 * What is done about a change that is committed, right after it or, after a crash, at the next start: events go out, and
 * the webhooks of a relying service go with it.
 */
export function hearOf(
  change: Pick<Change, 'id' | 'record'>,
  { alerts, log }: Pick<Rooms, 'alerts' | 'log'>,
  knows: Knows,
) {
  const event = eventOfChange(change, knows)
  if (event !== undefined) alerts.emit(event)
  const { what, service } = change.record.ev
  if (what !== 'relying.removed' || typeof service !== 'string') return
  alerts
    .removeOf(service, { kind: 'system', id: 'claviger' })
    .catch((error: Error) => log.error({ err: error, service }, 'the webhooks of a removed service are still there'))
}

/** A service knows the agents that have a role of it or a sign-in for it. From memory. */
export function knowsBy({ identity, relying, clock }: Pick<Rooms, 'identity' | 'relying' | 'clock'>): Knows {
  return (service, agent) => {
    if (relying.rolesOf(agent, service, clock.now()).roles.length > 0) return true
    for (const session of identity.room.sessions.of(agent)) {
      if (session.audience === service) return true
    }
    return false
  }
}
