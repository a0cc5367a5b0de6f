// Ties the ClawGate door to the rooms.
import type { IncomingMessage } from 'node:http'
import { clawGateRoutes, isClawGatePath } from '../doors/clawgate/clawgate.ts'
import { keyRoutes } from '../doors/clawgate/key-routes.ts'
import type { ClawGateNeeds } from '../doors/clawgate/needs.ts'
import type { PeopleNeeds } from '../doors/clawgate/people-needs.ts'
import { wording } from '../doors/clawgate/wording.ts'
import { unionHealth } from '../health.ts'
import { type Origins, originKind } from '../http/cross-origin.ts'
import type { BoundEndpoint } from '../http/endpoint.ts'
import { headerOf } from '../http/header-of.ts'
import { type PlainAsked, plainRoutes } from '../http/plain-routes.ts'
import { httpProblem } from '../http/problems.ts'
import type { AgentPrincipal, OperatorPrincipal } from '../identity/contract.ts'
import { ApiKeys } from '../identity/doors/api-keys.ts'
import { partyOf } from '../identity/people/party.ts'
import { RateTable } from '../identity/sign-ins/rate-table.ts'
import type { Rooms } from '../rooms.ts'
import type { Settings } from '../settings.ts'
import type { Actor } from '../storage/storage.ts'
import type { CarryingDoor, DoorParts } from './carrying-doors.ts'
import { agentFor, clawGatePeopleRoutes, personLimits, pushOf, takeOrRefuse } from './clawgate-people.ts'
import { mailCode } from './mail-code.ts'
import { whoMayApprove } from './who-may-approve.ts'

const known = new WeakMap<Rooms, ApiKeys>()

/** One for the door and for what stands beside it: it knows which keys were used. */
function keysOf(rooms: Rooms): ApiKeys {
  const keys = known.get(rooms) ?? new ApiKeys(rooms.identity.room)
  known.set(rooms, keys)
  return keys
}

export function clawGate({ rooms, settings, log, streams }: DoorParts): CarryingDoor[] {
  if (!settings.clawgateDoor) return []
  const origins = originsOf(rooms, settings)
  const handle = plainRoutes({
    routes: clawGateRoutes(needsOf(rooms, settings, streams), peopleNeedsOf(rooms, settings)),
    wording,
    clientOf: rooms.clientOf,
    origins,
    onBug: (error, rid) => log.error({ rid, err: error as Error }, 'a request failed that should not have'),
  })
  const mayCross = (request: IncomingMessage) => originKind(request, origins) === 'listed'
  return [{ name: 'clawgate', owns: isClawGatePath, handle, mayCross, place: settings.clawgateListen }]
}

/** Pages where passkeys are used are listed by that: they would be of no use otherwise. */
function originsOf({ people }: Rooms, { clawgateOrigins, clawgatePasskeyOrigins }: Settings): Origins {
  const listed = new Set([...clawgateOrigins, ...clawgatePasskeyOrigins.map(({ origin }) => origin)])
  return { listed, own: (origin) => partyOf(people.room.parties(), origin) !== undefined }
}

/** The operators' endpoints beside it. */
export function clawGateEndpoints<Who>(
  rooms: Rooms,
  settings: Settings,
  actorOf: (who: Who) => Actor,
): BoundEndpoint<Who>[] {
  if (!settings.clawgateDoor) return []
  const { identity } = rooms
  const keys = keyRoutes<Who>({ keys: keysOf(rooms), actorOf, agentOf: (name) => identity.requireAgent(name) })
  return [...keys, ...clawGatePeopleRoutes<Who>(rooms, settings, actorOf)]
}

function needsOf(rooms: Rooms, settings: Settings, streams: DoorParts['streams']): ClawGateNeeds {
  const { approvals, clock, identity, storage, vault } = rooms
  const rate = new RateTable(clock, { most: settings.clawgateVerifyPerMinute, windowMs: 60_000 })
  return {
    ...{ approvals, clock, signing: identity.room.signing, install: storage.instanceId },
    issuer: () => identity.room.issuer(),
    termsFor: (agent) => whoMayApprove(settings, settings.clawgateApprovers === 2 ? 'two-people' : 'passkey', agent),
    agentOf: (asked) => agentOf(rooms, asked),
    stands: (agent, token) => identity.isLive(agent, token),
    epochOf: (token) => identity.room.directory.token(token)?.issuedEpoch ?? 0,
    limitVerify: (who) => takeOrRefuse(rate, who),
    stream: ({ response, rid }, who, stream) => streams.open(who, kindOf(who), response, rid, stream),
    health: () => unionHealth(vault.state().state, settings.publicUrl, clock.now()),
  }
}

const kindOf = (who: AgentPrincipal | OperatorPrincipal) =>
  who.kind === 'operator' && who.operator.role === 'member' ? 'member' : who.kind

function peopleNeedsOf(rooms: Rooms, settings: Settings): PeopleNeeds {
  const { approvals, clock, identity, people } = rooms
  return {
    ...{ approvals, clock, people, keys: keysOf(rooms), signing: identity.room.signing },
    parties: settings.clawgatePasskeyOrigins,
    issuer: () => identity.room.issuer(),
    agentFor: (name, person, by) => agentFor(rooms, name, person, by),
    registration: settings.clawgateRegistration,
    codeMade: ({ id, email }) => mailCode(rooms, id, email),
    ...personLimits(clock, settings),
    push: pushOf(rooms),
    refuseUnknown: (presented) => rooms.refuseUnknown(presented),
  }
}

/** Keys of this door alone; two that differ say nothing. Throws Problem `unauthenticated`. */
function agentOf(rooms: Rooms, { request }: PlainAsked) {
  const { rawHeaders } = request
  const [header, bearer] = [headerOf(rawHeaders, 'x-api-key'), bearerIn(headerOf(rawHeaders, 'authorization'))]
  if (header !== undefined && bearer !== undefined && header !== bearer) throw httpProblem('unauthenticated')
  const presented = header ?? bearer ?? ''
  const principal = keysOf(rooms).recognise(presented)
  if (principal === undefined) return rooms.refuseUnknown(presented)
  if (!rooms.identity.mayAct(principal)) throw httpProblem('unauthenticated')
  return principal
}

function bearerIn(value: string | undefined): string | undefined {
  return value === undefined ? undefined : (/^Bearer +(\S+)$/i.exec(value)?.[1] ?? '')
}
