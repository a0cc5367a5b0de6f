import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import type { Actor } from '../storage/storage.ts'
import { LocalCaView } from './contract.ts'
import type { LocalCa } from './local-ca.ts'

export const localCa = endpoint({
  method: 'GET',
  path: '/claviger/v1/local-ca',
  caller: 'operator',
  summary: 'A certificate to trust inside tunnels, for the hosts of all services',
  reply: LocalCaView,
})

export const ownLocalCa = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/self/local-ca',
  caller: 'agent',
  summary: 'The certificate to trust inside tunnels, for the hosts that the agent was given',
  reply: LocalCaView,
})

export const rotateLocalCa = endpoint({
  method: 'POST',
  path: '/claviger/v1/local-ca/rotate',
  caller: 'operator',
  summary: 'Make another key for the local authority: clients must be given the new certificate',
  reply: LocalCaView,
})

export interface LocalCaRouteNeeds<Who> {
  readonly localCa: LocalCa
  readonly actorOf: (who: Who) => Actor
  /** Of all services; of those that the agent was given something on. */
  readonly hosts: () => readonly string[]
  readonly hostsOf: (who: Who) => readonly string[]
}

export function localCaRoutes<Who>(needs: LocalCaRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { localCa: room, actorOf, hosts, hostsOf } = needs
  return [
    bind(localCa, () => room.view(hosts())),
    bind(ownLocalCa, ({ caller }) => room.view(hostsOf(caller))),
    bind(rotateLocalCa, async ({ caller }) => {
      await room.rotate(actorOf(caller))
      return room.view(hosts())
    }),
  ]
}
