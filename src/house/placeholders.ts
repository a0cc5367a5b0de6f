// Placeholders between the rooms: who is given which, what one stands for at a call, and what is told of them.
import { denialProblem } from '../gate/denials.ts'
import { Refusals } from '../gate/refusals.ts'
import type { AgentPrincipal } from '../gate/rooms.ts'
import type { BoundEndpoint } from '../http/endpoint.ts'
import type { IssuedPlaceholder, PlaceholderEntry, PlaceholderView } from '../placeholders/contract.ts'
import { placeholderRoutes } from '../placeholders/routes.ts'
import type { Placeholding } from '../proxy/carry-out.ts'
import type { PlaceholderBook } from '../proxy/placeholders/book.ts'
import type { Rooms } from '../rooms.ts'
import type { Service } from '../services/contract.ts'
import type { Actor } from '../storage/storage.ts'
import { placeholdersFor } from './wanted-placeholders.ts'

export function placeholderBook({ placeholders, services, vault }: Rooms): PlaceholderBook {
  return {
    get inUse() {
      return placeholders.inUse
    },
    find: (run) => placeholders.find(run),
    isLive: (entry) => placeholders.isLive(entry),
    serviceNamed: (name) => services.byName(name),
    handleOf: (credential) => vault.aboutOf(credential)?.handle,
  }
}

export function placeholding(rooms: Rooms): Placeholding {
  const { services, grants, vault, rules, audit, storage } = rooms
  const gateRooms = { services, grants, credentials: vault, rules }
  const refusals = new Refusals({ rooms: gateRooms, audit, epoch: () => storage.epoch() })
  const originOf = (name: string) => services.byName(name)?.origins[0]?.href
  return {
    book: placeholderBook(rooms),
    refused: (call, { code, facts: { placeholder } }) => {
      // Which one it is, where it is the agent's own.
      const toldOfDenial =
        placeholder === undefined ? call.toldOfDenial : () => ({ ...call.toldOfDenial?.(), placeholder })
      refusals.record({ ...call, toldOfDenial }, code, call.origin?.href ?? originOf(call.serviceName))
    },
  }
}

interface Callers<Who> {
  readonly actorOf: (who: Who) => Actor
  readonly agentOf: (who: Who) => AgentPrincipal
}

export function placeholderEndpoints<Who>(rooms: Rooms, { actorOf, agentOf }: Callers<Who>): BoundEndpoint<Who>[] {
  const { placeholders, identity } = rooms
  return placeholderRoutes<Who>({
    ...{ placeholders, actorOf },
    agentOf: (who) => agentOf(who).agent.id,
    agentNamed: (name) => identity.requireAgent(name).id,
    issue: (who, services) => issued(rooms, agentOf(who), services, actorOf(who)),
    view: (entry) => viewOf(rooms, entry),
  })
}

/** Those for each credential of each service that the agent was given something on. Throws Problem `service_not_granted`. */
async function issued(
  rooms: Rooms,
  { agent, token }: AgentPrincipal,
  named: readonly string[] | undefined,
  by: Actor,
): Promise<IssuedPlaceholder[]> {
  const given = rooms.services
    .list()
    .filter(({ name }) => named?.includes(name) !== false)
    .map((service) => ({ service, credentials: credentialsOf(rooms, agent.id, service) }))
  const missing = named?.find(
    (name) => !given.some(({ service, credentials }) => service.name === name && credentials.length),
  )
  if (missing !== undefined) throw denialProblem('service_not_granted', { facts: { service: missing } })
  const taken = new Set<string>()
  const wanted = given.flatMap(({ service, credentials }) =>
    credentials.flatMap((credential, at) => {
      const handle = rooms.vault.aboutOf(credential)?.handle ?? credential
      return placeholdersFor(service, credential, handle, at, taken)
    }),
  )
  const owner = { agent: agent.id, token: token.id, expiresAt: token.expiresAt }
  const made = await rooms.placeholders.issue(owner, wanted, by)
  return made.flatMap(({ entry, text }) => {
    const view = viewOf(rooms, entry)
    return view === undefined ? [] : [{ ...view, placeholder: text }]
  })
}

/** Those that its grants name or imply. */
function credentialsOf({ grants, clock }: Rooms, agent: AgentPrincipal['agent']['id'], service: Service) {
  if (service.injection === undefined) return []
  const now = clock.now()
  const standing = grants
    .of(agent, service.id)
    .filter(({ door, status, expiresAt }) => door === undefined && status === 'active' && now < (expiresAt ?? now + 1))
  return [
    ...new Set(standing.flatMap(({ credential, credentials }) => (credential ? [credential, ...credentials] : []))),
  ]
}

function viewOf({ services, vault, identity }: Rooms, entry: PlaceholderEntry): PlaceholderView | undefined {
  const service = services.byId(entry.service)
  const credential = vault.aboutOf(entry.credential)?.handle
  if (service === undefined || credential === undefined) return undefined
  const { id, agent, token, variables, createdAt, expiresAt } = entry
  return {
    ...{ id, agent: identity.findAgent(agent)?.name ?? agent, token, service: service.name, credential },
    origins: service.origins.map(({ href }) => href),
    ...{ variables: [...variables], createdAt, expiresAt },
  }
}
