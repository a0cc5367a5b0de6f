import { z } from 'zod'
import type { Clock } from '../ground/clock.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import { Secret } from '../ground/secret.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, listOf, TtlSeconds } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import {
  CredentialView,
  KekRotation,
  RotateCredential,
  SetPassphrase,
  SlotView,
  StoreCredential,
  vaultProblems,
} from './contract.ts'
import type { Vault } from './vault.ts'

const HandleParam = z.strictObject({ handle: z.string().min(1).max(128) })

const NamedCredential = CredentialView.extend({ serviceName: z.string().optional() })

export const listCredentials = endpoint({
  method: 'GET',
  path: '/claviger/v1/credentials',
  caller: 'operator',
  summary: 'List credentials, never their secrets',
  reply: listOf(NamedCredential),
})

export const storeCredential = endpoint({
  method: 'POST',
  path: '/claviger/v1/credentials',
  caller: 'operator',
  summary: 'Seal a secret under a handle, bound to the origins of one service',
  body: StoreCredential.omit({ expiresAt: true }).extend({ ttlSeconds: TtlSeconds.optional() }),
  reply: NamedCredential,
  status: 201,
  problems: vaultProblems,
})

export const rotateCredential = endpoint({
  method: 'POST',
  path: '/claviger/v1/credentials/{handle}/rotate',
  caller: 'operator',
  summary: 'Give a credential a new secret, as a new version',
  params: HandleParam,
  body: RotateCredential.omit({ expiresAt: true }).extend({ ttlSeconds: TtlSeconds.optional() }),
  reply: NamedCredential,
  problems: vaultProblems,
})

export const removeCredential = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/credentials/{handle}',
  caller: 'operator',
  summary: 'Remove a credential and every version of it',
  params: HandleParam,
  reply: Done,
  problems: vaultProblems,
})

export const setPassphrase = endpoint({
  method: 'POST',
  path: '/claviger/v1/passphrase',
  caller: 'operator',
  summary: 'Set or replace the passphrase; with `only`, take every other keyslot away',
  body: SetPassphrase,
  reply: listOf(SlotView),
  problems: vaultProblems,
})

export const listSlots = endpoint({
  method: 'GET',
  path: '/claviger/v1/slots',
  caller: 'operator',
  summary: 'List the keyslots that open the vault',
  reply: listOf(SlotView),
})

export const rotateKek = endpoint({
  method: 'POST',
  path: '/claviger/v1/kek/rotate',
  caller: 'operator',
  summary: 'Make a new key-encryption key and rewrap every credential under it',
  reply: KekRotation,
  problems: vaultProblems,
})

/** What the vault's endpoints need from other rooms. */
export interface VaultRouteNeeds<Who> {
  readonly vault: Vault
  readonly clock: Clock
  readonly actorOf: (who: Who) => Actor
  /** The service by id or name; throws its Problem when there is none. */
  readonly serviceOf: (nameOrId: string) => { readonly id: ServiceId; readonly originHrefs: readonly string[] }
  readonly serviceName: (service: ServiceId) => string | undefined
  /** What is done when a credential is gone: the grants that name it end. */
  readonly removed: (credential: CredentialId, by: Actor) => Promise<unknown>
}

export function vaultRoutes<Who>(needs: VaultRouteNeeds<Who>): BoundEndpoint<Who>[] {
  return [...credentialRoutes(needs), ...keyRoutes(needs)]
}

function credentialRoutes<Who>({
  vault,
  clock,
  actorOf,
  serviceOf,
  removed,
  serviceName,
}: VaultRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const until = (ttlSeconds: number | undefined) =>
    ttlSeconds === undefined ? undefined : clock.now() + ttlSeconds * 1_000
  const by = (caller: unknown) => actorOf(caller as Who)
  const named = (view: CredentialView) => ({ ...view, serviceName: serviceName(view.service) })
  return [
    bind(listCredentials, () => ({ items: vault.list().map(named) })),
    bind(storeCredential, async ({ body: { secret: text, ttlSeconds, service: name, ...rest }, caller }) => {
      const { id, originHrefs } = serviceOf(name)
      const given = { ...rest, service: id, origins: originHrefs, expiresAt: until(ttlSeconds) }
      return named(await withSecret(text, (secret) => vault.store({ ...given, secret }, by(caller))))
    }),
    bind(rotateCredential, async ({ params, body, caller }) => {
      const given = { expiresAt: until(body.ttlSeconds) }
      return named(
        await withSecret(body.secret, (secret) => vault.rotate(params.handle, { ...given, secret }, by(caller))),
      )
    }),
    bind(removeCredential, async ({ params, caller }) => {
      const view = vault.find(params.handle)
      await vault.remove(params.handle, by(caller))
      if (view !== undefined) await removed(view.id, by(caller))
      return done
    }),
  ]
}

function keyRoutes<Who>({ vault, actorOf }: VaultRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  return [
    bind(setPassphrase, ({ body, caller }) =>
      withSecret(body.passphrase, async (secret) => {
        await vault.setPassphrase(secret, { only: body.only }, by(caller))
        return { items: vault.slots() }
      }),
    ),
    bind(listSlots, () => ({ items: vault.slots() })),
    bind(rotateKek, ({ caller }) => vault.rotateKek(by(caller))),
  ]
}

/** Secrets arrive as JSON strings, which Node cannot erase; the copy that is handed on is wiped whatever happens. */
async function withSecret<T>(text: string, use: (secret: Secret) => Promise<T>): Promise<T> {
  const secret = Secret.fromText(text)
  try {
    return await use(secret)
  } finally {
    secret.wipe()
  }
}
