import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { identityProblems } from '../identity/contract.ts'
import type { Actor } from '../storage/storage.ts'
import { vaultProblems } from '../vault/contract.ts'
import type { CredentialChecks } from './check-credential.ts'

export const checkCredential = endpoint({
  method: 'POST',
  path: '/claviger/v1/credentials/{handle}/check',
  caller: 'operator',
  summary: 'Ask the service whose the credential is: its probe, as a recorded call through the gate',
  params: z.strictObject({ handle: z.string().min(1).max(128) }),
  reply: z.object({
    /** `refused`: the service does not know the secret; `unknown`: nobody can say. */
    outcome: z.enum(['works', 'refused', 'unknown']),
    /** Whose it is, as the service says. */
    identity: z.string().optional(),
    /** What the service answered. */
    status: z.int().optional(),
    why: z.string().optional(),
    /** The call, as the log has it. */
    call: z.string().optional(),
  }),
  problems: { ...vaultProblems, ...identityProblems },
})

export function checkCredentialRoutes<Who>(
  checks: CredentialChecks,
  actorOf: (who: Who) => Actor,
): BoundEndpoint<Who>[] {
  return [bind(checkCredential, ({ params, caller }) => checks.check(params.handle, actorOf(caller as Who)))]
}
