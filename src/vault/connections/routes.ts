import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { CredentialView, Handle, Metadata, vaultProblems } from '../contract.ts'
import type { VaultRouteNeeds } from '../routes.ts'
import { ConnectionInput } from './contract.ts'

export const addConnection = endpoint({
  method: 'POST',
  path: '/claviger/v1/connections',
  caller: 'operator',
  summary: 'Register a credential that the gateway renews itself: a token set, or what tokens are minted with',
  body: z.strictObject({
    handle: Handle,
    /** Id or name of the service that the access tokens are for. */
    service: z.string().min(1).max(128),
    meta: Metadata.optional(),
    /** Take the place of the connection of that handle, as its next version; grants on it go on to hold. */
    replace: z.boolean().optional(),
    connection: ConnectionInput,
  }),
  reply: CredentialView,
  status: 201,
  problems: vaultProblems,
})

export const renewConnection = endpoint({
  method: 'POST',
  path: '/claviger/v1/connections/{handle}/renew',
  caller: 'operator',
  summary: 'Have the next access token fetched now, to see whether it can be had',
  params: z.strictObject({ handle: z.string().min(1).max(128) }),
  reply: CredentialView,
  problems: vaultProblems,
})

export function connectionRoutes<Who>({
  vault,
  actorOf,
  serviceOf,
}: Pick<VaultRouteNeeds<Who>, 'vault' | 'actorOf' | 'serviceOf'>): BoundEndpoint<Who>[] {
  return [
    bind(addConnection, ({ body: { service, ...rest }, caller }) => {
      const { id, originHrefs } = serviceOf(service)
      return vault.connect({ ...rest, service: id, origins: originHrefs }, actorOf(caller as Who))
    }),
    bind(renewConnection, ({ params }) => vault.renew(params.handle)),
  ]
}
