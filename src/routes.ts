// Every endpoint of the control plane, bound. What two rooms need of each other is brought together here.
import { actorOf, type Who } from './callers.ts'
import { forgetFaults } from './fault-history.ts'
import type { AgentPrincipal } from './gate/rooms.ts'
import { grantRoutes } from './grants/routes.ts'
import { houseRoutes } from './house-routes.ts'
import type { BoundEndpoint } from './http/endpoint.ts'
import { httpProblem } from './http/problems.ts'
import { identityRoutes } from './identity/routes.ts'
import type { Rooms } from './rooms.ts'
import type { Service } from './services/contract.ts'
import { serviceRoutes } from './services/routes.ts'
import type { Settings } from './settings.ts'
import { settingsShown } from './settings-shown.ts'
import type { Actor } from './storage/storage.ts'
import { vaultRoutes } from './vault/routes.ts'
import { VERSION } from './version.ts'
import { wake } from './wake.ts'

export function routesOf(rooms: Rooms, settings: Settings): BoundEndpoint<Who>[] {
  const { identity, vault, services, grants, clock } = rooms
  return [
    ...houseRoutes<Who>(houseActions(rooms, settings)),
    ...identityRoutes<Who>({
      identity,
      actorOf,
      tokenOf: (who) => {
        if (who === undefined) throw httpProblem('unauthenticated')
        return who.token.id
      },
    }),
    ...serviceRoutes<Who>({
      actorOf,
      list: () => services.list(),
      find: (name) => services.find(name),
      add: (input, by) => services.add(input, by),
      replace: (name, input, by) => replaceService(rooms, name, input, by),
      remove: (name, by) => removeService(rooms, name, by),
    }),
    ...vaultRoutes<Who>({
      vault,
      clock,
      actorOf,
      serviceOf: (name) => {
        const service = services.find(name)
        return { id: service.id, originHrefs: service.originHrefs, inHeader: inHeader(service) }
      },
      inHeader: (id) => inHeader(services.byId(id)),
    }),
    ...grantRoutes<Who>({
      grants,
      clock,
      actorOf,
      agentOf: (name) => identity.requireAgent(name).id,
      agentName: (id) => identity.findAgent(id)?.name,
      serviceOf: (name) => services.find(name),
      serviceName: (id) => services.byId(id)?.name,
      credentialsOf: (service) => vault.list().filter((credential) => credential.service === service),
      credentialHandle: (id) => vault.find(id)?.handle,
    }),
  ]
}

function houseActions(rooms: Rooms, settings: Settings): Parameters<typeof houseRoutes<Who>>[0] {
  const { vault, identity, storage, audit, services, grants, openCalls } = rooms
  return {
    version: VERSION,
    clock: rooms.clock,
    gate: rooms.gate,
    vaultStatus: () => vault.state(),
    status: () => ({
      version: VERSION,
      url: rooms.url,
      home: settings.home,
      startedAt: rooms.startedAt,
      vault: vault.state(),
      epoch: storage.epoch(),
      audit: { size: audit.size(), ...(settings.witnessFile !== undefined && { witness: settings.witnessFile }) },
      counts: {
        agents: identity.agentCount,
        services: services.list().length,
        credentials: vault.list().length,
        grants: grants.count,
        openCalls: openCalls.total,
      },
    }),
    settings: () => settingsShown(settings),
    seal: async (reason) => rooms.seal(reason),
    unseal: async (opener, accept) => {
      await vault.unseal(opener === 'key file' ? { keyFile: settings.keyFile } : opener)
      forgetFaults(settings.home)
      await wake(rooms, accept)
    },
    emergencyRevoke: async (who) => {
      const running = openCalls.total
      const epoch = await identity.emergencyRevoke(actorOf(who))
      return { epoch, stoppedCalls: running }
    },
    revokeLeaked: async (token) => void (await identity.revokeLeaked(token)),
    agentOf: (who) => {
      if (who?.kind !== 'agent') throw httpProblem('unauthenticated')
      return who
    },
    agentNamed: (name): AgentPrincipal => {
      const agent = identity.requireAgent(name)
      return {
        kind: 'agent',
        agent,
        token: { id: 'tok_none' as never, status: 'active', expiresAt: Number.POSITIVE_INFINITY },
      }
    },
  }
}

/** New origins need new seals: until that is done the credentials do not open, and no call goes out with them. */
async function replaceService(
  { services, vault }: Rooms,
  name: string,
  input: Parameters<typeof services.replace>[1],
  by: Actor,
): Promise<Service> {
  const { service, newOrigins } = await services.replace(name, input, by)
  // Always, so that trying again mends what a crash left in between; what is bound already is left alone.
  await vault.rebind(service.id, newOrigins, by)
  return service
}

async function removeService({ services, vault, grants }: Rooms, name: string, by: Actor): Promise<void> {
  const { id } = await services.remove(name, by)
  await grants.revokeOfService(id, by)
  for (const credential of vault.list()) if (credential.service === id) await vault.remove(credential.id, by)
}

/** Whether the service's credential stands in a header as it is, so that it must be fit for one. */
function inHeader(service: Service | undefined): boolean {
  const kind = service?.injection?.kind
  return kind !== 'basic' && kind !== 'query'
}
