/** The shapes of the ClawGate dialect (clawgate.md §1 to §4). Members that it does not know are passed over. */
import { z } from 'zod'
import { GOOD_SECONDS, RISKS, statedText } from '../../approvals/stated/contract.ts'
import { problemsOf } from '../../ground/problem.ts'

/** Of a request's body (§1). */
export const MAX_BODY_BYTES = 256 * 1024
export const AUDIENCE = 'clawgate-approval'
/** Header `typ` of approval tokens: no other token passes for one. */
export const TOKEN_TYPE = 'approval+jwt'
/** How long a token, and so the yes, is good. Seconds (§4). */
export const TOKEN_LIFE_SECONDS = GOOD_SECONDS

export const RequestBody = z.object({
  action: statedText(200),
  description: statedText(4_000).optional(),
  agentId: statedText(128).optional(),
  context: z.record(z.string(), z.unknown()).default({}),
  /** Accepted here too (§3). */
  toolName: z.string().optional(),
  params: z.unknown().optional(),
  riskLevel: z.enum(RISKS).default('high'),
  expiresInSeconds: z.int().min(30).max(3_600).default(300),
  idempotencyKey: z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/, '1 to 200 printable ASCII characters are wanted')
    .optional(),
})
export type RequestBody = z.output<typeof RequestBody>

export const VerifyBody = z.object({
  token: z.string(),
  actionHash: z.string().optional(),
  agentId: z.string().optional(),
  consume: z.boolean().default(false),
})

export const doorProblems = {
  clawgate_invalid: { status: 422, title: 'The request does not have the promised shape' },
  clawgate_registration_closed: {
    status: 403,
    title: 'Nobody registers here without an invite',
    hint: 'CLAVIGER_CLAWGATE_REGISTRATION says who may; an operator makes an invite: claviger clawgate person invite ADDRESS',
  },
  clawgate_agents_crowded: { status: 409, title: 'So many agents are all that one person may have' },
  clawgate_forbidden: { status: 403, title: 'The key is another agent’s' },
} as const
export const doorProblem = problemsOf(doorProblems)
