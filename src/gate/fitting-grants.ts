import type { CredentialId } from '../ground/ids.ts'
import { labelCovers, stars } from '../policy/label.ts'
import type { GateGrant, GateRooms, GateService, Only } from './rooms.ts'

/**
 * The grants that may allow a call, in the order in which they are asked. A call that names no credential goes with one
 * that its grant names or implies, so a grant that does neither is none of its. What a door
 * gave is no call's that comes another way: the door's own checks would not have been made.
 */
export function fittingGrants(
  all: readonly GateGrant[],
  only: Only | undefined,
  service: GateService,
  rooms: GateRooms,
): readonly GateGrant[] {
  // Nearly every call: nothing is left out, so nothing is made.
  if (only === undefined && !all.some(isKept)) return all
  const fitting = all.filter((grant) => fits(grant, only, service, rooms))
  if (only?.label === undefined || fitting.length < 2) return fitting
  return fitting.sort((one, other) => starsOf(one) - starsOf(other))
}

/** It is not for every call on its service. */
function isKept(grant: GateGrant): boolean {
  return grant.door !== undefined || isUnnamed(grant)
}

function isUnnamed({ reach }: GateGrant): boolean {
  return reach === 'unnamed'
}

function fits(grant: GateGrant, only: Only | undefined, service: GateService, rooms: GateRooms): boolean {
  if (grant.door !== undefined && grant.door !== only?.door) return false
  if (only?.grant !== undefined && grant.id !== only.grant) return false
  if (only?.label !== undefined && !(grant.label !== undefined && labelCovers(grant.label, only.label))) return false
  return only?.credential === undefined ? !isUnnamed(grant) : gives(grant, only.credential, service, rooms)
}

function gives(grant: GateGrant, credential: CredentialId, service: GateService, rooms: GateRooms): boolean {
  const about = rooms.credentials.aboutOf(credential)
  return about?.service === service.id && rooms.grants.gives(grant, credential, about.restricted)
}

function starsOf({ label }: GateGrant): number {
  return label === undefined ? 2 : stars(label)
}
