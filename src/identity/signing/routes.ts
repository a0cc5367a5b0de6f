import { type BoundEndpoint, bind, bindReadyMade, endpoint } from '../../http/endpoint.ts'
import { IdParam, listOf } from '../../http/shapes.ts'
import type { Actor } from '../../storage/storage.ts'
import { JWKS_MAX_AGE_SECONDS, Jwks, RotateSigningKey, SigningKeyView, signingProblems } from './contract.ts'
import type { SigningKeys } from './signing-keys.ts'

export const jwks = endpoint({
  method: 'GET',
  path: '/.well-known/jwks.json',
  caller: 'anyone',
  summary: 'The public keys that access tokens are signed with (RFC 7517)',
  reply: Jwks,
  readyMade: true,
  cacheSeconds: JWKS_MAX_AGE_SECONDS,
})

export const listSigningKeys = endpoint({
  method: 'GET',
  path: '/claviger/v1/signing-keys',
  caller: 'operator',
  summary: 'List signing keys, past ones too',
  reply: listOf(SigningKeyView),
})

export const rotateSigningKey = endpoint({
  method: 'POST',
  path: '/claviger/v1/signing-keys/rotate',
  caller: 'operator',
  summary: 'Sign with the next key from now on; in an emergency revoke every key with all that it signed',
  body: RotateSigningKey,
  reply: listOf(SigningKeyView),
  problems: signingProblems,
})

export const revokeSigningKey = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/signing-keys/{id}',
  caller: 'operator',
  summary: 'Revoke one signing key, by its kid: every token that it signed is refused at once',
  params: IdParam,
  reply: listOf(SigningKeyView),
  problems: signingProblems,
})

export interface SigningRouteNeeds<Who> {
  readonly signingKeys: SigningKeys
  readonly actorOf: (who: Who) => Actor
}

export function signingRoutes<Who>({ signingKeys, actorOf }: SigningRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const list = () => ({ items: signingKeys.list() })
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bindReadyMade(jwks, () => signingKeys.jwksBytes()),
    bind(listSigningKeys, list),
    bind(rotateSigningKey, async ({ body, caller }) => {
      await signingKeys.rotate(by(caller), body)
      return list()
    }),
    bind(revokeSigningKey, async ({ params, caller }) => {
      await signingKeys.revoke(params.id, by(caller))
      return list()
    }),
  ]
}
