/** What an agent states that it is about to do itself, as it says it: data only. */
import { z } from 'zod'
import { ASSURANCES } from '../../policy/assurance.ts'
import { ApprovalView } from '../contract.ts'

/** Of a statement's body. */
export const MAX_STATEMENT_BYTES = 256 * 1_024
/** How long a yes is good for, unless the agent says. */
export const GOOD_SECONDS = 300
export const RISKS = ['low', 'medium', 'high', 'critical'] as const

/** Text of an agent that goes into a digest: half of a surrogate pair has no bytes. */
export const statedText = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((text) => text.isWellFormed(), 'well-formed text is wanted')

export const Statement = z
  .strictObject({
    /** What the agent calls it, e.g. `shell.exec`. */
    action: statedText(200),
    /** Tool, parameters, working directory …: shown whole. */
    context: z.record(z.string(), z.unknown()).default({}),
    /** What the doer compares, shown whole; the hash of it is taken here. */
    payload: z.unknown().optional(),
    /** The hash alone, where what is hashed is not to be shown, or too large. */
    payloadHash: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'hex SHA-256 is wanted')
      .optional(),
    /** The agent's own words, shown as such. */
    description: statedText(4_000).optional(),
    risk: z.enum(RISKS).default('high'),
    /** More than the gateway wants; less counts for nothing. */
    assurance: z.enum(ASSURANCES).optional(),
    /** How long the answer is waited for. */
    lifeSeconds: z.int().min(30).max(86_400).default(900),
    /** How long a yes is good for. */
    goodSeconds: z.int().min(30).max(3_600).default(GOOD_SECONDS),
    /** The agent's own name for it: what has the same name and content is one. */
    requestId: z
      .string()
      .regex(/^[\x21-\x7e]{1,128}$/, '1 to 128 printable ASCII characters are wanted')
      .optional(),
  })
  .refine(({ payload, payloadHash }) => payload === undefined || payloadHash === undefined, {
    message: 'payload or payloadHash, not both',
    path: ['payloadHash'],
  })
export type Statement = z.output<typeof Statement>

export const StatementView = ApprovalView.extend({
  /** What the doer compares with what is about to be done. */
  payloadHash: z.string(),
  /** All that the digest covers. */
  action: z.record(z.string(), z.unknown()),
})
export type StatementView = z.output<typeof StatementView>
