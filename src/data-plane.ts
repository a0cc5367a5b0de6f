// Puts the proxy together with the rooms: the two short ways in, and what is recorded when a call is over.

import type { OutcomeRecord } from './audit/contract.ts'
import type { CredentialId, ServiceId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import type { Handle } from './http/listen.ts'
import { createResolver } from './http/resolve.ts'
import type { Permit } from './policy/permit.ts'
import { createBaseUrlHandler } from './proxy/base-url.ts'
import { type Breakers, createBreakers } from './proxy/breaker.ts'
import type { CarryOutOptions } from './proxy/carry-out.ts'
import { createDialer, type Dialer } from './proxy/dial.ts'
import { createExplicitCallHandler } from './proxy/explicit-call.ts'
import { createForward } from './proxy/forward.ts'
import { createMatchers } from './proxy/matchers.ts'
import type { Outcome } from './proxy/passage.ts'
import { createSilenceWatch } from './proxy/silence.ts'
import type { Rooms } from './rooms.ts'
import type { Settings } from './settings.ts'

export interface DataPlane {
  readonly baseUrl: Handle
  readonly explicitCall: Handle
  close(): void
}

export function createDataPlane(rooms: Rooms, settings: Settings, log: Log): DataPlane {
  const { clock, identity, vault, audit } = rooms
  const dialer = createDialer({ resolver: createResolver({ clock }), spend: rooms.spend, clock })
  const breakers = createBreakers({ clock, inFlight: settings.maxInFlight })
  const watch = createSilenceWatch(clock)
  const forward = createForward({ dialer, breakers, watch, matcherFor: createMatchers() })
  followChanges(rooms, dialer, breakers)
  const options: CarryOutOptions = {
    authenticate: (presented, request) => {
      const principal = identity.authenticate(presented)
      if (principal === undefined) return rooms.refuseUnknown(presented)
      return rooms.possession.proven(principal, presented, request)
    },
    admit: (call) => rooms.gate.admit(call),
    prepare: (permit) => vault.prepare(permit),
    open: (permit) => vault.open(permit),
    forward,
    nextRid: rooms.nextRid,
    settling: (permit, service) =>
      service.strictAudit ? (outcome) => audit.outcomeDurable(recordOfOutcome(permit, outcome)) : undefined,
    onOutcome: (permit, outcome) => {
      if (outcome.recorded !== true) audit.outcome(recordOfOutcome(permit, outcome))
      if (outcome.echoes > 0) rooms.alarms.echo(permit, outcome.echoes)
    },
    onBug: (error, rid) => log.error({ rid, err: error as Error }, 'a call failed that should not have'),
  }
  return {
    baseUrl: createBaseUrlHandler(options),
    explicitCall: createExplicitCallHandler(options),
    close: () => {
      watch.stop()
      dialer.close()
    },
  }
}

/** Connections and breakers end with what they were for. */
function followChanges({ storage, services, vault }: Rooms, dialer: Dialer, breakers: Breakers): void {
  storage.follow(({ kind, ref }) => {
    if (kind === 'credential') dialer.closeCredential(ref as CredentialId)
    if (kind !== 'service') return
    dialer.closeService(ref as ServiceId)
    if (services.byId(ref as ServiceId) === undefined) breakers.forget(ref as ServiceId)
  })
  vault.watch(({ state }) => {
    if (state === 'sealed') dialer.cutAll()
  })
}

function recordOfOutcome({ call }: Permit, { status, bytesIn, bytesOut, ms, error }: Outcome): OutcomeRecord {
  // Two literals, not one with a spread: this runs for every call.
  if (error === undefined) return { rid: call.rid, outcome: { status, bytesIn, bytesOut, ms } }
  return { rid: call.rid, outcome: { status, bytesIn, bytesOut, ms, error } }
}
