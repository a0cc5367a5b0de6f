// What people at the ClawGate door have: agents of their own, and of members nothing besides.

import { DOOR_TOKEN } from '../approvals/channels/push/contract.ts'
import { doorProblem } from '../doors/clawgate/contract.ts'
import { type MemberNeeds, memberEndpoints } from '../doors/clawgate/member-endpoints.ts'
import type { PeopleNeeds } from '../doors/clawgate/people-needs.ts'
import type { Clock } from '../ground/clock.ts'
import type { BoundEndpoint } from '../http/endpoint.ts'
import { addAgentInto, newAgentRow } from '../identity/agents.ts'
import { type AgentEntry, identityProblem, type OperatorEntry } from '../identity/contract.ts'
import { keyProblem } from '../identity/keys/contract.ts'
import { isNameKept } from '../identity/keys/register.ts'
import { peopleLimit } from '../identity/people/people-limit.ts'
import { refuseUnlessOk } from '../identity/sign-ins/limits.ts'
import { RateTable } from '../identity/sign-ins/rate-table.ts'
import type { Rooms } from '../rooms.ts'
import type { Settings } from '../settings.ts'
import type { Actor } from '../storage/storage.ts'

/** Of a member: three of each may wait for an answer. */
const MOST_AGENTS = 10

type Limits = Pick<PeopleNeeds, 'limitPeople' | 'limitRegister' | 'limitAccount'>

/** By address, and by whoever it is about (§1): a person who is tried from everywhere is tried as often as from one place. */
export function personLimits(clock: Clock, settings: Settings): Limits {
  const accounts = new RateTable(clock, { most: settings.clawgateAccountPerMinute, windowMs: 60_000 })
  return {
    limitPeople: peopleLimit(clock, settings.limitPeople),
    limitRegister: peopleLimit(clock, settings.limitRegister),
    limitAccount: (what, account) => takeOrRefuse(accounts, `${what} ${account.toLowerCase()}`),
  }
}

/** Throws Problem `rate_limited`. */
export function takeOrRefuse(table: RateTable, key: string): void {
  const waitMs = table.waitMs(key)
  refuseUnlessOk(waitMs > 0 ? { ok: false, retryAfterS: Math.ceil(waitMs / 1_000) } : { ok: true })
  table.take(key)
}

/** An operator's are the house's; a member's are their own, and have names that nobody vouches for. */
export async function agentFor(rooms: Rooms, name: string, person: OperatorEntry, by: Actor): Promise<AgentEntry> {
  const { identity } = rooms
  const known = identity.findAgent(name)
  if (person.role === 'member') {
    if (known === undefined) return addOwn(rooms, name, person, by)
    if (known.owner !== person.id) throw identityProblem('agent_name_taken', { facts: { name } })
    return known
  }
  if (known !== undefined && isMembers(rooms, known)) throw identityProblem('agent_name_taken', { facts: { name } })
  return known ?? identity.addAgent(name, by)
}

/** Whether a member answers for it, and no operator. */
export function isMembers({ identity }: Pick<Rooms, 'identity'>, { owner }: AgentEntry): boolean {
  return owner !== undefined && identity.room.directory.operator(owner)?.role === 'member'
}

async function addOwn({ identity }: Rooms, name: string, { id }: OperatorEntry, by: Actor): Promise<AgentEntry> {
  const { room } = identity
  if (isNameKept(room, name)) throw keyProblem('agent_name_reserved', { facts: { name } })
  const row = newAgentRow(room, { name, status: 'active', origin: 'public', owner: id })
  await room.storage.write(async (tx) => {
    // Counted where one follows the other: many at once are counted like one by one.
    if (agentsOf(identity, id).length >= MOST_AGENTS) throw doorProblem('clawgate_agents_crowded')
    await addAgentInto(room, tx, row, by)
  })
  return identity.requireAgent(row.id)
}

/** Of this door's pages: no cookie of ours is there, so such a device never stands for its person. */
export function pushOf({ channels }: Rooms): PeopleNeeds['push'] {
  const known = () => channels.list().find(({ kind }) => kind === 'push')?.account
  return {
    known,
    key: async (by) => (await channels.push(by)).account,
    add: (device, person, by) => channels.devices.add(device, person, DOOR_TOKEN, by),
    remove: async (endpoint, person, by) => {
      const own = channels.devices.list().find((one) => one.endpoint === endpoint && one.operator === person)
      if (own !== undefined) await channels.devices.remove(own.id, 'removed', by)
    },
  }
}

function agentsOf({ room }: Rooms['identity'], owner: string): AgentEntry[] {
  return [...room.directory.agents()].filter((agent) => agent.owner === owner && agent.status !== 'revoked')
}

/** The operators' endpoints about them. */
export function clawGatePeopleRoutes<Who>(
  rooms: Rooms,
  settings: Settings,
  actorOf: (who: Who) => Actor,
): BoundEndpoint<Who>[] {
  const { identity, people } = rooms
  const needs: MemberNeeds<Who> = {
    ...{ members: people.members, registration: settings.clawgateRegistration, actorOf },
    agentsOf: (member) => agentsOf(identity, member).length,
    passkeysOf: (member) => people.room.book.passkeysOf(member).length,
    remove: async (name, by) => {
      // First the agents: who is removed half-way is still there to be removed.
      const { id } = people.members.demand(name)
      for (const agent of agentsOf(identity, id)) await identity.revokeAgent(agent.id, by)
      await people.members.remove(id, by)
    },
  }
  return memberEndpoints<Who>(needs)
}
