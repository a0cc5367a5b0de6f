/** The promise of the approvals room: data only. */
import { z } from 'zod'
import type { AgentId, Id, OperatorId } from '../ground/ids.ts'
import { problemsOf } from '../ground/problem.ts'
import { ASSURANCES } from '../policy/assurance.ts'
import type { Action, WindowAction } from './action.ts'
import { type Later, LaterView } from './later/contract.ts'
import { Shown } from './shown/shown.ts'

export type ApprovalId = Id<'apr'>

export const STATUSES = ['pending', 'approved', 'denied', 'expired', 'cancelled', 'consumed'] as const
export type Status = (typeof STATUSES)[number]

/** The passkey's signature over the challenge that was made of the digest and the nonce, all base64url. */
export const Assertion = z.strictObject({
  credentialId: z.string(),
  sha256: z.string(),
  nonce: z.string().optional(),
  clientDataJSON: z.string(),
  authenticatorData: z.string(),
  signature: z.string(),
})
export type Assertion = z.output<typeof Assertion>

/** Whose answer it is, and what it was given with. */
export interface VerdictBy {
  readonly operator: OperatorId
  readonly name: string
  readonly assurance: 'tap' | 'push' | 'passkey'
  readonly channel: 'console' | 'cli' | 'telegram' | 'push' | 'door'
  readonly assertion?: Assertion | undefined
  readonly comment?: string | undefined
  /** Digest of the window that the approval offers, where that was answered and not the call alone. */
  readonly window?: string | undefined
}

export interface Verdict extends VerdictBy {
  readonly verdict: 'approved' | 'denied'
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface Approval {
  readonly id: ApprovalId
  readonly agent: AgentId
  readonly action: Action
  /** Hex, of the action. */
  readonly digest: string
  readonly status: Status
  readonly openedAt: number
  /** While pending: when nobody's answer counts any more. Once approved: when the yes ends. */
  readonly expiresAt: number
  /** Every answer that was given, the first first. */
  readonly verdicts: readonly Verdict[]
  readonly used: number
  /** Token that asked, never shown. */
  readonly token: string
  /** Call that used it last. */
  readonly rid?: string | undefined
  /** What the caller said its body is. */
  readonly contentType?: string | undefined
  /** Opens the file in which the body waits; sealed by the vault. */
  readonly bodyKey?: Uint8Array | undefined
  /** What the agent gave to be able to ask again for the same. */
  readonly idempotencyKey?: string | undefined
  /** Of the verdict: the same text for ever. */
  readonly receipt?: string | undefined
  /** The window that a yes may open at once, where the rules that ask give one. */
  readonly offer?: WindowAction | undefined
  /** Where the gateway sends it for an agent that left. */
  readonly later?: Later | undefined
  /** Opens the file in which the service's answer is kept; sealed by the vault. */
  readonly answerKey?: Uint8Array | undefined
}

export const ApprovalView = z.object({
  id: z.string(),
  status: z.enum(STATUSES),
  agent: z.object({ id: z.string(), name: z.string() }),
  kind: z.enum(['call', 'stated', 'window']),
  /** The action in one line. */
  says: z.string(),
  digest: z.string(),
  assurance: z.enum(ASSURANCES),
  openedAt: z.string(),
  expiresAt: z.string(),
  decidedAt: z.string().optional(),
  decidedBy: z.string().optional(),
  reason: z.string().optional(),
  uses: z.object({ used: z.int(), of: z.int() }),
  /** Where the gateway sends the call for an agent that left: what became of it. */
  sending: LaterView.optional(),
})
export type ApprovalView = z.output<typeof ApprovalView>

export const WindowOffer = z.object({
  digest: z.string(),
  seconds: z.int(),
  /** That in words. */
  lasts: z.string(),
  calls: z.int(),
  shown: Shown,
  text: z.string(),
})
export type WindowOffer = z.output<typeof WindowOffer>

export const ApprovalDetail = ApprovalView.extend({
  /** All that the digest covers. */
  action: z.record(z.string(), z.unknown()),
  /** The same and the body for a person, safe to draw as text. */
  shown: Shown,
  /** That in lines of plain text, shortened where it is very long. */
  text: z.string(),
  /** The trust window that a yes to its digest opens besides, while it is offered. */
  window: WindowOffer.optional(),
  answers: z.array(
    z.object({
      name: z.string(),
      verdict: z.enum(['approved', 'denied']),
      assurance: z.enum(ASSURANCES),
      channel: z.string(),
      at: z.string(),
      comment: z.string().optional(),
    }),
  ),
})
export type ApprovalDetail = z.output<typeof ApprovalDetail>

export const ApprovalBody = z.object({
  bytes: z.int(),
  /** What the caller said it is. */
  contentType: z.string().optional(),
  base64: z.string(),
})

/** What streams of events tell. */
export const EVENTS = [
  'opened',
  'answered',
  'approved',
  'denied',
  'expired',
  'cancelled',
  'consumed',
  'send_asked',
  'sent',
  'not_sent',
  'failed',
] as const
export type Event = (typeof EVENTS)[number]

const End = z.object({ reason: z.enum(['caller_over', 'vault_sealed', 'shutting_down']) })
const newsOf = <T extends z.ZodType>(item: T) =>
  z.union([
    z.object({ event: z.literal('state'), data: z.object({ items: z.array(item), more: z.int() }) }),
    z.object({ event: z.enum(EVENTS), data: item }),
    z.object({ event: z.literal('end'), data: End }),
  ])
export const ApprovalNews = newsOf(ApprovalView)
export const OwnApprovalNews = newsOf(z.object({ id: z.string(), status: z.enum(STATUSES) }))

export const approvalProblems = {
  approval_unknown: {
    status: 404,
    title: 'There is no such approval',
    hint: '`claviger pending` lists those that wait.',
  },
  approval_already_decided: { status: 409, title: 'The approval was answered already' },
  approval_expired: { status: 410, title: 'The approval expired before it was answered' },
  approval_too_weak: {
    status: 403,
    title: 'This approval wants a stronger answer than this way of answering gives',
    hint: 'Answer with a passkey on the operators’ page; any way may deny.',
  },
  approval_same_person: {
    status: 403,
    title: 'Two people must answer, and this one has already',
    hint: 'Another operator must answer.',
  },
  approval_own_agent: {
    status: 403,
    title: 'Whoever answers for the agent may not approve this',
    hint: 'Another operator must answer; you may deny it.',
  },
  approval_other_action: {
    status: 409,
    title: 'The digest is not of the action that this approval is about',
    hint: 'Look at it again: `claviger approval show <id>`.',
  },
  window_not_offered: {
    status: 409,
    title: 'This approval offers no trust window, or not to this answer',
    hint: 'Answer the call alone. A rule gives windows by `ask.window`; operators open them at their pages or by the command line, and where two must answer both do.',
  },
  window_unknown: {
    status: 404,
    title: 'There is no such trust window',
    hint: '`claviger window list` lists those that are open.',
  },
  approval_no_body: {
    status: 404,
    title: 'This approval has no body, or none any more',
    hint: 'Bodies are kept until the answer.',
  },
  approval_not_standing: {
    status: 409,
    title: 'There is no yes that could be withdrawn',
    hint: 'It was used, ran out, or was never given: `claviger approval show <id>`. What waits can be denied.',
  },
  approval_body_lost: {
    status: 409,
    title: 'The body that was to be sent cannot be read any more',
    hint: 'Deny it; the agent must ask again.',
  },
  approvals_crowded: {
    status: 429,
    title: 'This agent waits for as many approvals as it may',
    hint: 'Wait until one is answered, or cancel one.',
  },
  approvals_cooling_down: {
    status: 429,
    title: 'This agent was denied, and must wait before it asks again',
  },
  polls_crowded: {
    status: 429,
    title: 'This agent waits for answers on as many connections as it may',
    hint: 'Wait on one connection for each approval, or listen to the stream of events.',
  },
  idempotency_key_invalid: {
    status: 400,
    title: 'The idempotency key is not one',
    hint: 'Send 1 to 255 printable ASCII characters, another for each new request: a UUID is one.',
  },
  idempotency_conflict: {
    status: 409,
    title: 'The idempotency key was used for another request',
    hint: 'Use a new key for a new request.',
  },
} as const

export const approvalProblem = problemsOf(approvalProblems)
export type { Action }
