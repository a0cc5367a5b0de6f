// Placeholders between the rooms: who is given which, what one stands for at a call, and what is told of them.
import { denialProblem } from '../gate/denials.ts'
import { Refusals } from '../gate/refusals.ts'
import type { AgentPrincipal } from '../gate/rooms.ts'
import type { CredentialId } from '../ground/ids.ts'
import { type PlaceholderShape, placeholderShape } from '../ground/placeholder-shape.ts'
import type { BoundEndpoint } from '../http/endpoint.ts'
import type { IssuedPlaceholder, NewPlaceholder, PlaceholderEntry, PlaceholderView } from '../placeholders/contract.ts'
import { placeholderRoutes } from '../placeholders/routes.ts'
import type { Placeholding } from '../proxy/carry-out.ts'
import type { PlaceholderBook } from '../proxy/placeholders/book.ts'
import type { Rooms } from '../rooms.ts'
import type { Service } from '../services/contract.ts'
import { findTemplate } from '../services/templates/catalogue.ts'
import type { Actor } from '../storage/storage.ts'

/** Of a service that says nothing of its keys. */
const USUAL = placeholderShape('{40}') as PlaceholderShape

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

/** One for each credential of each service that the agent was given something on. Throws Problem `service_not_granted`. */
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
    credentials.map((credential, at) => wantedOf(rooms, service, credential, at, taken)),
  )
  const owner = { agent: agent.id, token: token.id, expiresAt: token.expiresAt }
  const made = await rooms.placeholders.issue(owner, wanted, by)
  return made.flatMap(({ entry, text }) => {
    const view = viewOf(rooms, entry)
    return view === undefined ? [] : [{ ...view, placeholder: text }]
  })
}

/** Those that its grants name or imply; none where the client itself computes with the secret. */
function credentialsOf({ grants, clock }: Rooms, agent: AgentPrincipal['agent']['id'], { id, injection }: Service) {
  if (injection === undefined || injection.kind === 'sigv4' || injection.kind === 'hmac') return []
  const now = clock.now()
  const standing = grants
    .of(agent, id)
    .filter(({ door, status, expiresAt }) => door === undefined && status === 'active' && now < (expiresAt ?? now + 1))
  return [
    ...new Set(standing.flatMap(({ credential, credentials }) => (credential ? [credential, ...credentials] : []))),
  ]
}

/** The provider's variables go to the first service and credential that wants them; the others have names of their own. */
function wantedOf(
  { vault }: Rooms,
  service: Service,
  credential: CredentialId,
  at: number,
  taken: Set<string>,
): NewPlaceholder {
  const { shape, variables } = saidOf(service)
  const handle = vault.aboutOf(credential)?.handle ?? credential
  const usual = at === 0 ? (variables ?? [`${variableOf(service.name)}_API_KEY`]) : []
  const free = usual.filter((name) => !taken.has(name))
  const names = free.length > 0 ? free : [variableOf(handle), `${variableOf(service.name)}_${variableOf(handle)}`]
  const own = free.length > 0 ? free : names.filter((name) => !taken.has(name)).slice(0, 1)
  for (const name of own) taken.add(name)
  return { service: service.id, credential, shape: placeholderShape(shape ?? '') ?? USUAL, variables: own }
}

/** What the service says of its keys, or the template that it was made of: that may have learned of it since. */
function saidOf({ view: { placeholder, template } }: Service): {
  shape?: string | undefined
  variables?: readonly string[] | undefined
} {
  const byTemplate = template === undefined ? undefined : bundled(template)?.placeholder
  return { ...byTemplate, ...placeholder }
}

function bundled(name: string) {
  try {
    return findTemplate(name)
  } catch {
    return undefined
  }
}

function variableOf(name: string): string {
  const upper = name.toUpperCase().replace(/[^A-Z0-9]+/g, '_')
  return /^[A-Z]/.test(upper) ? upper : `KEY_${upper}`
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
