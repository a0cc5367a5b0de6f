// Ties the Clauth door to the rooms.
import { CLAUTH_ADMIN_TOKEN } from '../clauth-settings.ts'
import { clauthDoor, isClauthPath } from '../doors/clauth/clauth.ts'
import { deskRoutes } from '../doors/clauth/desk-routes.ts'
import type { ClauthNeeds } from '../doors/clauth/needs.ts'
import type { ClauthDesk } from '../doors/clauth/skill-tokens.ts'
import { unionHealth } from '../health.ts'
import { ownPage } from '../house-routes.ts'
import type { BoundEndpoint } from '../http/endpoint.ts'
import { DoorSessions } from '../identity/doors/door-sessions.ts'
import { DoorTokens } from '../identity/doors/door-tokens.ts'
import { placeText } from '../listen-places.ts'
import type { Rooms } from '../rooms.ts'
import type { Settings } from '../settings.ts'
import type { Actor } from '../storage/storage.ts'
import type { CarryingDoor, DoorParts } from './carrying-doors.ts'
import { ClauthAdmin } from './clauth-admin.ts'
import { giveClauthGrant, listClauthGrants, revokeClauthGrants } from './clauth-grants.ts'
import { knownSkill, skillAgent } from './clauth-skills.ts'
import { clauthStanding } from './clauth-standing.ts'
import { logIntegrity } from './log-integrity.ts'

/** Whoever holds the admin token, as records name them. */
const ADMIN: Actor = { kind: 'system', id: 'clauth-admin' }

export function clauth(parts: DoorParts): CarryingDoor[] {
  const { rooms, settings, log } = parts
  const admin = ClauthAdmin.fromEnvironment(process.env, CLAUTH_ADMIN_TOKEN, rooms.clock)
  if (!settings.clauthDoor) return []
  const handle = clauthDoor(needsOf(parts, admin), (error, rid) =>
    log.error({ rid, err: error as Error }, 'a request failed that should not have'),
  )
  return [{ name: 'clauth', owns: isClauthPath, handle, place: settings.clauthListen }]
}

/** The operators' endpoints beside it. */
export function clauthRoutes<Who>(
  rooms: Rooms,
  settings: Settings,
  actorOf: (who: Who) => Actor,
): BoundEndpoint<Who>[] {
  if (!settings.clauthDoor) return []
  return deskRoutes<Who>({
    desk: clauthDesk(rooms),
    actorOf,
    give: (asked, by) => giveClauthGrant(rooms, asked, by),
    grants: (skillId) => listClauthGrants(rooms, skillId),
    revoke: (which, by) => revokeClauthGrants(rooms, which, by),
    emergencyRevoke: (by) => emergencyRevoke(rooms, by),
  })
}

/** What it takes to care for skills and their tokens, at the door and beside it. */
function clauthDesk(rooms: Rooms): ClauthDesk {
  const { identity, clock } = rooms
  return {
    tokens: new DoorTokens(identity.room, 'clauth'),
    sessions: new DoorSessions(identity.room, 'clauth'),
    agentOf: (skillId, by) => skillAgent(rooms, skillId, by),
    knownAgent: (skillId) => knownSkill(rooms, skillId),
    now: () => clock.now(),
  }
}

function needsOf({ rooms, dataPlane, settings }: DoorParts, admin: ClauthAdmin): ClauthNeeds {
  const { vault, grants, clock } = rooms
  const desk = clauthDesk(rooms)
  return {
    ...desk,
    collect: dataPlane.collect,
    clientOf: rooms.clientOf,
    standingOf: (call) => clauthStanding(rooms, call),
    credentialOf: (credential) => vault.idOf(credential) ?? 'crd_none',
    checkAdmin: (presented, { address }) => admin.check(presented, address),
    admin: ADMIN,
    noteUnknown: () =>
      rooms.audit.deny({ rid: rooms.nextRid(), reason: 'unauthenticated', policy: rooms.storage.epoch() }),
    emergencyRevoke: (by) => emergencyRevoke(rooms, by),
    postOnce: (url, body) => rooms.alerts.postOnce(url, body),
    counts: keptCount(rooms, () => ({
      activeSkillTokens: desk.tokens.list().filter(({ active }) => active).length,
      activeGrants: grants.list().filter(({ status, label }) => status === 'active' && label !== undefined).length,
    })),
    unlocked: () => vault.state().state === 'unsealed',
    auditIntegrity: logIntegrity(rooms.audit, clock, vault),
    healthOf: () => unionHealth(vault.state().state, settings.publicUrl, clock.now()),
    page: () => ownPage(vault.state().state),
    daemon: (unixSocket) => daemonOf(rooms, settings, unixSocket),
    allowRemote: settings.clauthAllowRemote,
    allowPlainHttp: settings.clauthAllowInsecureHttp,
  }
}

/** Counted again when something changed, and once a second for what ends by itself: anybody may ask, and often. */
function keptCount<T>({ clock, storage }: Pick<Rooms, 'clock' | 'storage'>, count: () => T): () => T {
  let last: { readonly at: number; readonly epoch: number; readonly value: T } | undefined
  return () => {
    const [at, epoch] = [clock.mono(), storage.epoch()]
    if (last === undefined || last.epoch !== epoch || at - last.at >= 1_000) last = { at, epoch, value: count() }
    return last.value
  }
}

function daemonOf(rooms: Rooms, { clauthListen }: Settings, unixSocket: boolean): string {
  if (unixSocket && clauthListen !== undefined && 'path' in clauthListen) return `unix://${clauthListen.path}`
  return clauthListen !== undefined && 'port' in clauthListen ? `http://${placeText(clauthListen)}` : rooms.url
}

/** Grants, and everything that the gateway's own emergency revocation ends: tokens, sessions, running calls. */
async function emergencyRevoke({ identity, grants, approvals }: Rooms, by: Actor): Promise<number> {
  // In one turn: all stand in one transaction.
  const [, revoked] = await Promise.all([identity.emergencyRevoke(by), grants.revokeAll(by), approvals.withdrawAll(by)])
  return revoked
}
