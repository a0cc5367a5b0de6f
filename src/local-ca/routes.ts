import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import type { Actor } from '../storage/storage.ts'
import { LocalCaView, OwnLocalCaView } from './contract.ts'
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
  reply: OwnLocalCaView,
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
  readonly givenTo: (who: Who) => { readonly hosts: readonly string[]; readonly origins: readonly string[] }
}

export function localCaRoutes<Who>(needs: LocalCaRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { localCa: room, actorOf, hosts, givenTo } = needs
  return [
    bind(localCa, () => room.view(hosts())),
    bind(ownLocalCa, async ({ caller }) => {
      const { hosts: given, origins } = givenTo(caller)
      return { ...(await room.view(given)), origins: [...origins] }
    }),
    bind(rotateLocalCa, async ({ caller }) => {
      await room.rotate(actorOf(caller))
      return room.view(hosts())
    }),
  ]
}
