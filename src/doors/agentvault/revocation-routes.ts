// What only operators do: look at what was revoked at the door, bring revocations over, and give
// back (§1.4: nobody can at the door itself).
import { z } from 'zod'
import type { Grants } from '../../grants/grants.ts'
import type { Clock } from '../../ground/clock.ts'
import { problemsOf } from '../../ground/problem.ts'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, listOf } from '../../http/shapes.ts'
import { identityProblems } from '../../identity/contract.ts'
import type { Identity } from '../../identity/identity.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import { revokeOnce } from './revoke.ts'
import { removeRevocation } from './store.ts'
import type { VaultBook } from './vault-book.ts'

const problems = {
  vault_revocation_unknown: { status: 404, title: 'There is no such revocation' },
} as const
const problem = problemsOf(problems)

const View = z.object({
  id: z.string(),
  kind: z.enum(['session', 'task', 'agent']),
  /** Name of the session or task, or id of the agent. */
  value: z.string(),
  /** Id of the agent for which alone it holds. */
  agent: z.string().optional(),
  reason: z.string(),
  at: z.int(),
})

export const listVaultRevocations = endpoint({
  method: 'GET',
  path: '/claviger/v1/agentvault/revocations',
  caller: 'operator',
  summary: 'What was revoked at the door for agentic-credential-vault: sessions, tasks, agents',
  reply: listOf(View),
})

export const addVaultRevocation = endpoint({
  method: 'POST',
  path: '/claviger/v1/agentvault/revocations',
  caller: 'operator',
  summary: 'Revoke a session, task or agent at the door, for everybody; what runs by it ends',
  /** `value`: name of the session or task; name or id of the agent. */
  body: z.strictObject({
    kind: z.enum(['session', 'task', 'agent']),
    value: z.string().min(1).max(256),
    reason: z.string().max(256).default('manual'),
  }),
  reply: z.object({ revoked: z.boolean() }),
  problems: identityProblems,
})

export const endVaultRevocation = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/agentvault/revocations/{id}',
  caller: 'operator',
  summary: 'Give it back: tokens may be issued for it again, and those that live count again',
  params: z.strictObject({ id: z.string().regex(/^[\w-]{43}$/) }),
  reply: Done,
  problems,
})

export interface RevocationRouteNeeds<Who> {
  readonly book: VaultBook
  readonly storage: Storage
  readonly clock: Clock
  readonly identity: Identity
  readonly grants: Grants
  readonly actorOf: (who: Who) => Actor
}

export function revocationRoutes<Who>(needs: RevocationRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { book, storage, actorOf } = needs
  return [
    bind(listVaultRevocations, () => ({ items: [...book.revocations()].sort((one, other) => one.at - other.at) })),
    bind(addVaultRevocation, async ({ body, caller }) => ({
      revoked: await revokeOnce(needs, actorOf(caller as Who), body),
    })),
    bind(endVaultRevocation, async ({ params: { id }, caller }) => {
      const revocation = book.revocations().find((one) => one.id === id)
      if (revocation === undefined) throw problem('vault_revocation_unknown', { facts: { id } })
      await storage.write(async (tx) => {
        await removeRevocation(tx, id)
        const ev = { what: 'agentvault.unrevoked', id, kind: revocation.kind, agent: revocation.agent }
        const record = { type: 'config', actor: actorOf(caller as Who), ev }
        await tx.change({ kind: 'agentvault_unrevoked', ref: id, record })
      })
      return done
    }),
  ]
}
