/** The promise of receipts, data only (docs/protocol/receipt.md). */
import { z } from 'zod'
import { problemsOf } from '../../ground/problem.ts'
import { ASSURANCES } from '../../policy/assurance.ts'

/** `typ` of the header: no other kind of token passes for a receipt. */
export const RECEIPT_TYPE = 'clv-receipt+jwt'
/** For how long anybody may keep the key set. */
export const KEYS_MAX_AGE_SECONDS = 60

const Hash = z.string().regex(/^[0-9a-f]{64}$/)
const Seconds = z.int().nonnegative()

/** What a receipt says. Times are seconds since 1970. */
export const ReceiptClaims = z.looseObject({
  /** The gateway, as its agents reach it. */
  iss: z.string(),
  jti: z.string(),
  /** When the verdict was given. */
  iat: Seconds,
  /** When the yes ends; a no has none. */
  exp: Seconds.optional(),
  /** Id of the approval. */
  approval: z.string(),
  /** Of the whole action, terms included. */
  digest: Hash,
  kind: z.enum(['call', 'stated', 'window']),
  agent: z.object({ id: z.string(), name: z.string() }),
  /** What a stated action was called. */
  action: z.string().optional(),
  /** Of a stated action: what its doer compares. */
  payloadHash: z.string().optional(),
  /** Id of the trust window that the same yes opened: the passkey signed the window's digest, which covers the call's. */
  window: z.string().optional(),
  verdict: z.enum(['approved', 'denied']),
  /** What the answer had to be given with. */
  assurance: z.enum(ASSURANCES),
  /** How often the yes may be used; a no has none. */
  uses: z.int().positive().optional(),
  approvers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      /** What this answer was given with. */
      assurance: z.enum(['tap', 'push', 'passkey']),
      at: Seconds,
      channel: z.string(),
    }),
  ),
  /** Passkeys that signed it: the gateway keeps the assertions, whose hash this is. */
  assertions: z.array(z.object({ credentialId: z.string(), sha256: z.string() })),
})
export type ReceiptClaims = z.output<typeof ReceiptClaims>

/** Why a receipt does not stand for a yes that may be used. */
export const RECEIPT_ERRORS = [
  'expired',
  'revoked',
  'consumed',
  'denied',
  'wrong_action',
  'wrong_agent',
  'bad_signature',
  'key_compromised',
  'caller_wanted',
  'malformed',
] as const
export type ReceiptError = (typeof RECEIPT_ERRORS)[number]

export const UseReceipt = z.strictObject({
  receipt: z.string().min(1).max(8_192),
  digest: Hash.optional(),
  payloadHash: Hash.optional(),
  /** Id or name of the agent that shows it. */
  agent: z.string().min(1).max(128).optional(),
})
export type UseReceipt = z.output<typeof UseReceipt>

export const VerifyReceipt = UseReceipt.extend({
  /** Take one use; of a stated action alone, because calls take theirs themselves. */
  consume: z.boolean().default(false),
})
export type VerifyReceipt = z.output<typeof VerifyReceipt>

export const ReceiptVerdict = z.object({
  valid: z.boolean(),
  claims: ReceiptClaims.optional(),
  error: z.enum(RECEIPT_ERRORS).optional(),
})
export type ReceiptVerdict = z.output<typeof ReceiptVerdict>

/** One key of the set (RFC 7517). */
export const ReceiptJwk = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  /** RFC 7638 thumbprint. */
  kid: z.string(),
  alg: z.literal('ES256'),
  use: z.literal('sig'),
  /** Seconds since 1970: what it signed from then on counts for nothing. */
  compromisedSince: Seconds.optional(),
})
export type ReceiptJwk = z.output<typeof ReceiptJwk>

export const ReceiptKeyView = z.object({
  kid: z.string(),
  status: z.enum(['active', 'retired', 'compromised']),
  /** Milliseconds since 1970. */
  createdAt: z.int(),
  retiredAt: z.int().optional(),
  compromisedSince: z.int().optional(),
})
export type ReceiptKeyView = z.output<typeof ReceiptKeyView>

export const MarkCompromised = z.strictObject({
  /** When the key was no longer the gateway's alone; if left out, never. */
  since: z.iso.datetime({ offset: true }).optional(),
})

export const receiptProblems = {
  receipt_missing: {
    status: 404,
    title: 'There is no receipt of this approval',
    hint: 'A receipt is made when somebody says yes or no; `claviger approval show <id>` says how it stands.',
  },
  receipt_key_unknown: {
    status: 404,
    title: 'There is no such receipt key',
    hint: '`claviger receipt key list` shows them.',
  },
  receipt_key_since_invalid: {
    status: 422,
    title: 'A key is not marked as compromised from that time on',
    hint: 'Give a time that is past; a mark that stands can be moved back, not forward.',
  },
} as const

export const receiptProblem = problemsOf(receiptProblems)
