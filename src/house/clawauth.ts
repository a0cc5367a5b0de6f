// Ties the ClawAuth door to the rooms.

import { refuseUnlessRole } from '../callers.ts'
import { clawAuthDoor } from '../doors/clawauth/clawauth.ts'
import type { DoorCaller, DoorNeeds } from '../doors/clawauth/needs.ts'
import type { BoundEndpoint } from '../http/endpoint.ts'
import { callerToken } from '../proxy/caller-token.ts'
import type { Rooms } from '../rooms.ts'
import type { Settings } from '../settings.ts'

export function clawAuthRoutes<Who>(rooms: Rooms, settings: Settings): BoundEndpoint<Who>[] {
  if (!settings.clawauthDoor) return []
  const { identity, relying, signIn, signIns, alerts, possession, clock } = rooms
  const needs: DoorNeeds = {
    identity,
    relying,
    signIn,
    signIns,
    alerts,
    now: () => clock.now(),
    requireV2: settings.clawauthRequireV2,
    callerOf: (rawHeaders) => callerOf(rooms, rawHeaders),
    jktOf: possession.jktOf,
    proves: (shown) => possession.holds(shown),
  }
  // The contract refuses plain HTTP at this door (clawauth.md §1), and so do we, whatever is set for the others.
  return clawAuthDoor<Who>(needs).map(({ endpoint, handle }) => ({
    endpoint: { ...endpoint, httpsOnly: true },
    handle,
  }))
}

/** For routes that more than one kind of caller may use. Tokens that are bound to a key or a place do not do there. */
function callerOf({ identity, relying, refuseUnknown }: Rooms, rawHeaders: readonly string[]): DoorCaller | undefined {
  const presented = callerToken(rawHeaders)
  if (presented === undefined) return undefined
  const principal = identity.authenticate(presented) ?? relying.authenticateService(presented)
  if (principal === undefined) return refuseUnknown(presented)
  // What operators do at this door are changes, but for one reading.
  if (principal.kind === 'operator') refuseUnlessRole(principal, 'owner')
  if (principal.kind !== 'agent') return principal
  const { token } = principal
  const bound = token.kind === 'jwt' ? token.jkt !== undefined : 'sources' in token && token.sources !== undefined
  return bound || !identity.mayAct(principal) ? undefined : principal
}
