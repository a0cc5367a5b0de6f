// What operators bring to the door from an installation of the original: services in its form, secrets, the look of its log.
import { z } from 'zod'
import type { OpenedAudit } from '../../audit/audit.ts'
import { problemsOf } from '../../ground/problem.ts'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, listOf } from '../../http/shapes.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import { Metadata } from '../../vault/contract.ts'
import type { VaultAdmin } from './admin.ts'
import type { JsonObject } from './contract.ts'
import { VaultRefusal } from './refusal.ts'
import type { VaultBook } from './vault-book.ts'

const problems = {
  vault_service_refused: {
    status: 422,
    title: 'The door for agentic-credential-vault does not take this',
    hint: 'The detail is the code of its contract.',
  },
  vault_service_exists: { status: 409, title: 'There is a service of this name already' },
} as const
const problem = problemsOf(problems)

const Name = z.string().min(1).max(64)
/** In the vault's form; its members are judged by the door's own codes. */
const Form = z.record(z.string(), z.json())
const SecretText = z.string().min(1).max(65_536)

export const listVaultServices = endpoint({
  method: 'GET',
  path: '/claviger/v1/agentvault/services',
  caller: 'operator',
  summary: 'Services of the door for agentic-credential-vault, in its form, and whether their secrets are here',
  reply: listOf(z.object({ service: z.string(), secretConfigured: z.boolean(), form: Form })),
})

export const addVaultService = endpoint({
  method: 'POST',
  path: '/claviger/v1/agentvault/services',
  caller: 'operator',
  summary:
    'A new service in the form of agentic-credential-vault, with its secret unless there is one of that reference',
  body: z.strictObject({ service: Name, form: Form, secret: SecretText.optional(), meta: Metadata.optional() }),
  reply: z.object({ service: z.string() }),
  status: 201,
  problems,
})

export const addVaultSecret = endpoint({
  method: 'POST',
  path: '/claviger/v1/agentvault/secrets',
  caller: 'operator',
  summary: 'The secret of a reference, for the services that name it; one that is here already stays',
  body: z.strictObject({ secretRef: Name, secret: SecretText, meta: Metadata.optional() }),
  reply: z.object({ stored: z.boolean() }),
  problems,
})

export const noteVaultLog = endpoint({
  method: 'POST',
  path: '/claviger/v1/agentvault/logs',
  caller: 'operator',
  summary:
    'Put on record which log of an installation of agentic-credential-vault was seen; its rows are not taken over',
  body: z.strictObject({ rows: z.int().min(0), bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  reply: Done,
})

export interface ServiceRouteNeeds<Who> {
  readonly admin: VaultAdmin
  readonly book: VaultBook
  readonly audit: OpenedAudit
  readonly storage: Storage
  readonly actorOf: (who: Who) => Actor
}

export function vaultServiceRoutes<Who>(needs: ServiceRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { admin, book, audit, storage, actorOf } = needs
  return [
    bind(listVaultServices, () => ({
      items: book.services().map(({ name, definition, credential }) => {
        const form = definition as unknown as JsonObject
        return { service: name, secretConfigured: credential !== undefined, form }
      }),
    })),
    bind(addVaultService, async ({ body: { service, form, secret, meta = {} }, caller }) => {
      refuseOwn(form as JsonObject)
      const asked = { ...(form as JsonObject), service, ...(secret !== undefined && { masterSecret: secret }) }
      await native(() => admin.addService(asked, { by: actorOf(caller as Who), meta }))
      return { service }
    }),
    bind(addVaultSecret, async ({ body: { secretRef, secret, meta = {} }, caller }) => {
      const { stored } = await native(() =>
        admin.addSecret({ secretRef, secret }, { by: actorOf(caller as Who), meta }),
      )
      return { stored: stored !== false }
    }),
    bind(noteVaultLog, async ({ body, caller }) => {
      const ev = { what: 'agentvault.log_seen', ...body }
      await audit.append({ type: 'config', actor: actorOf(caller as Who), epoch: storage.epoch(), ev })
      return done
    }),
  ]
}

/** These two stand beside the form, not in it. */
function refuseOwn(form: JsonObject): void {
  const own = ['service', 'masterSecret'].find((name) => Object.hasOwn(form, name))
  if (own !== undefined) throw problem('vault_service_refused', { detail: `FIELD_NOT_ALLOWED:${own}` })
}

/** The door's refusals as problems of the house, with its code as detail: they name no value. */
async function native<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof VaultRefusal)) throw error
    if (error.error === 'SERVICE_ALREADY_EXISTS') throw problem('vault_service_exists')
    throw problem('vault_service_refused', { detail: error.error })
  }
}
