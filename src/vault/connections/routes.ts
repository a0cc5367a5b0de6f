import { z } from 'zod'
import type { ServiceId } from '../../ground/ids.ts'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { CredentialView, Handle, Metadata, vaultProblems } from '../contract.ts'
import type { VaultRouteNeeds } from '../routes.ts'
import type { OAuthPlaces } from './authorization-server.ts'
import { ConnectionInput } from './contract.ts'

/** With the name of its service, which people know it by. */
const NamedCredential = CredentialView.extend({ serviceName: z.string().optional() })

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
  reply: NamedCredential,
  status: 201,
  problems: vaultProblems,
})

export const renewConnection = endpoint({
  method: 'POST',
  path: '/claviger/v1/connections/{handle}/renew',
  caller: 'operator',
  summary: 'Have the next access token fetched now, to see whether it can be had',
  params: z.strictObject({ handle: z.string().min(1).max(128) }),
  reply: NamedCredential,
  problems: vaultProblems,
})

const Ends = z.int().nonnegative()

export const beginConnect = endpoint({
  method: 'POST',
  path: '/claviger/v1/connect',
  caller: 'operator',
  summary:
    'Begin to connect an account: gives the URL, or the code and URL of the device flow, for a human to say yes at',
  body: z.strictObject({
    /** Id or name. */
    service: z.string().min(1).max(128),
    /** Of the credential to make, or of the connection to put new tokens in. */
    handle: Handle,
    flow: z.enum(['code', 'device']),
    clientId: z.string().min(1).max(512),
    clientSecret: z.string().min(8).max(16_384).optional(),
    scopes: z.array(z.string().min(1).max(256)).max(128).optional(),
    /** For `code`: http, 127.0.0.1 or [::1], a port and a path. */
    redirectUri: z.string().max(256).optional(),
  }),
  reply: z.union([
    z.object({ id: z.string(), flow: z.literal('code'), authorizationUrl: z.string(), expiresAt: Ends }),
    z.object({
      id: z.string(),
      flow: z.literal('device'),
      userCode: z.string(),
      verificationUri: z.string(),
      verificationUriComplete: z.string().optional(),
      intervalSeconds: z.int(),
      expiresAt: Ends,
    }),
  ]),
  status: 201,
  problems: vaultProblems,
})

const Id = z.strictObject({ id: z.string().min(1).max(64) })

export const finishConnect = endpoint({
  method: 'POST',
  path: '/claviger/v1/connect/{id}/finish',
  caller: 'operator',
  summary: 'Finish with what the provider sent the browser back with; good once',
  params: Id,
  /** The query of the redirect: `code=…&state=…&iss=…`. */
  body: z.strictObject({ answer: z.string().min(1).max(8_192) }),
  reply: NamedCredential,
  problems: vaultProblems,
})

export const pollConnect = endpoint({
  method: 'POST',
  path: '/claviger/v1/connect/{id}/poll',
  caller: 'operator',
  summary: 'Ask whether the human of a device flow has said yes',
  params: Id,
  reply: z.union([
    z.object({ status: z.literal('pending'), retryAfterSeconds: z.int() }),
    z.object({ status: z.literal('connected'), credential: NamedCredential }),
  ]),
  problems: vaultProblems,
})

/** What connections need of the services room. */
export interface ConnectionRouteNeeds<Who> extends Pick<VaultRouteNeeds<Who>, 'vault' | 'actorOf' | 'serviceName'> {
  readonly serviceOf: (nameOrId: string) => {
    readonly id: ServiceId
    readonly originHrefs: readonly string[]
    readonly view: { readonly oauth?: OAuthPlaces | undefined }
  }
}

export function connectionRoutes<Who>({
  vault,
  actorOf,
  serviceOf,
  serviceName,
}: ConnectionRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const named = (view: CredentialView) => ({ ...view, serviceName: serviceName(view.service) })
  return [
    bind(addConnection, async ({ body: { service, ...rest }, caller }) => {
      const { id, originHrefs } = serviceOf(service)
      return named(await vault.connect({ ...rest, service: id, origins: originHrefs }, actorOf(caller as Who)))
    }),
    bind(renewConnection, async ({ params }) => named(await vault.renew(params.handle))),
    bind(beginConnect, ({ body: { service, ...rest }, caller }) => {
      const { id, originHrefs, view } = serviceOf(service)
      const input = { ...rest, service: id, origins: originHrefs, oauth: view.oauth }
      return vault.connecting.begin(input, actorOf(caller as Who))
    }),
    bind(finishConnect, async ({ params, body, caller }) =>
      named(await vault.connecting.finish(params.id, body.answer, actorOf(caller as Who))),
    ),
    bind(pollConnect, async ({ params, caller }) => {
      const polled = await vault.connecting.poll(params.id, actorOf(caller as Who))
      return polled.status === 'connected' ? { ...polled, credential: named(polled.credential) } : polled
    }),
  ]
}
