/** The promise about sign-ins, data only: what an attempt is, what the log keeps of it, what is shown. */
import { z } from 'zod'

/**
 * How an attempt ended. `ok`: proved, and let in. The others but `rate_limited` and `inactive` count as failed proofs of
 * the agent that was named.
 */
export type SignInResult =
  | 'ok'
  | 'unknown_agent'
  | 'unknown_challenge'
  | 'bad_signature'
  | 'malformed'
  | 'expired'
  | 'replayed'
  | 'wrong_audience'
  | 'wrong_form'
  | 'key_revoked'
  | 'key_overdue'
  | 'inactive'
  | 'refused'
  | 'rate_limited'

/**
 * What was tried. Failures are counted of those that stand on a signature (`nonce`, `bound`, `jws`, `assertion`); places are
 * learnt from those and from `refresh`.
 */
export type SignInForm = 'nonce' | 'bound' | 'jws' | 'assertion' | 'exchange' | 'refresh' | 'register' | 'challenge'

export interface Attempt {
  /** The agent it was for, by id, if there is such an agent. Who came without a valid proof may be anybody. */
  readonly agent?: string | undefined
  /** RFC 7638, of the key that proved it or was said to. */
  readonly keyThumbprint?: string | undefined
  /** As `clientOf` gives it; `unix` for the house's own sockets. */
  readonly address: string
  readonly userAgent?: string | undefined
  /** Where it came in: `native`, `oauth`, `clawauth`, … */
  readonly door: string
  readonly form: SignInForm
  readonly result: SignInResult
  readonly rid: string
}

/** How much of an address is kept: all, the /24 or /48, or nothing (then networks are kept as keyed hashes). */
export type KeptAddresses = 'whole' | 'network' | 'none'

/** One line of an agent's history: an attempt, a sum of attempts, or a finding. */
export const SignInView = z.object({
  /** Position of its record in the audit log. */
  seq: z.int(),
  at: z.int(),
  what: z.enum(['attempt', 'attempts', 'finding']),
  result: z.string().optional(),
  door: z.string().optional(),
  form: z.string().optional(),
  address: z.string().optional(),
  country: z.string().optional(),
  userAgent: z.string().optional(),
  /** Thumbprint of the key. */
  key: z.string().optional(),
  /** How many attempts a sum stands for. */
  count: z.int().optional(),
  /** Of a finding. */
  type: z.string().optional(),
  riskScore: z.number().optional(),
  details: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
})
export type SignInView = z.output<typeof SignInView>
