/** The promise of the alerts room: webhook endpoints and what is sent to them, as data. See alerts.ts for what it does. */
import { z } from 'zod'
import type { AddressSet } from '../ground/addresses.ts'
import type { Id } from '../ground/ids.ts'
import { originProblems } from '../ground/origin.ts'
import { problemsOf } from '../ground/problem.ts'
import type { Secret } from '../ground/secret.ts'
import type { EventType } from './event-catalogue.ts'

export type WebhookId = Id<'whk'>
export type DeliveryId = Id<'dlv'>

/** From the least. */
export const severities = ['info', 'warning', 'critical'] as const
export const Severity = z.enum(severities)
export type Severity = z.output<typeof Severity>

/** Owner of the endpoints that operators made; any other owner is the id of a relying service. */
export const OPERATOR = 'operator'

/** `standard`: Standard Webhooks headers. `clawauth`: those and the signature header of that dialect. */
export const WebhookKind = z.enum(['standard', 'clawauth'])
export type WebhookKind = z.output<typeof WebhookKind>

/** Milliseconds since 1970. */
const Time = z.int().nonnegative()

/** `*`, `agent.*` or the name of an event. */
const EventFilter = z.string().min(1).max(64)

export const WebhookInput = z.strictObject({
  url: z.string().min(1).max(2_048),
  events: z.array(EventFilter).min(1).max(32),
  minSeverity: Severity.optional(),
  kind: WebhookKind.optional(),
  /** Private addresses or ranges that may be dialled for it; an operator's word alone. */
  addresses: z.array(z.string().max(64)).min(1).max(16).optional(),
})
export type WebhookInput = z.output<typeof WebhookInput>

export const MAX_OVERLAP_SECONDS = 7 * 24 * 3_600

export const RotateWebhook = z.strictObject({
  /** How long the old secret signs beside the new one; a day if left out, 0 ends it at once. */
  overlapSeconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).optional(),
})

export const WebhookView = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  minSeverity: Severity,
  kind: WebhookKind,
  owner: z.string(),
  addresses: z.array(z.string()).optional(),
  status: z.enum(['active', 'disabled']),
  createdAt: Time,
  rotatedAt: Time.optional(),
  /** Until when deliveries are signed with the secret of before, too. */
  previousSecretUntil: Time.optional(),
  /** Deliveries that wait or are tried again. */
  pending: z.int(),
  deadLetters: z.int(),
  /** Whether nothing has got through for 24 hours although it was tried. */
  failing: z.boolean(),
  failingSince: Time.optional(),
  lastSuccessAt: Time.optional(),
  lastFailureAt: Time.optional(),
  lastError: z.string().optional(),
})
export type WebhookView = z.output<typeof WebhookView>

export const AlertsStanding = z.object({
  count: z.int(),
  pending: z.int(),
  deadLetters: z.int(),
  /** To which the last attempt did not get through. */
  failing: z.int(),
  /** The earliest of their beginnings. */
  failingSince: Time.optional(),
})
export type AlertsStanding = z.output<typeof AlertsStanding>

/** The one time a secret is shown. */
export const WebhookWithSecret = WebhookView.extend({ secret: z.string() })

/** A delivery that was given up. `error` is a code of ours or `status_<number>`. */
export const DeadLetter = z.object({
  id: z.string(),
  webhook: z.string(),
  eventId: z.string(),
  event: z.string(),
  attempts: z.int(),
  createdAt: Time,
  deadAt: Time,
  error: z.string(),
})
export type DeadLetter = z.output<typeof DeadLetter>

/** What a test delivery came to. */
export const TestResult = z.object({
  id: z.string(),
  delivered: z.boolean(),
  status: z.int().optional(),
  error: z.string().optional(),
})
export type TestResult = z.output<typeof TestResult>

/** An endpoint as the room keeps it in memory. Its secrets stay sealed until a delivery is signed. */
export interface Webhook {
  readonly id: WebhookId
  readonly url: string
  readonly events: readonly string[]
  readonly minSeverity: Severity
  readonly kind: WebhookKind
  readonly owner: string
  /** One object for as long as the endpoint lives: the resolver remembers by it. */
  readonly allowed: AddressSet | undefined
  readonly status: 'active' | 'disabled'
  readonly sealedSecret: Buffer
  /** The secret of before a rotation, which signs too until `previousUntil`. */
  readonly sealedPrevious: Buffer | undefined
  readonly previousUntil: number | undefined
  readonly createdAt: number
  readonly rotatedAt: number | undefined
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }
/** What an event says, as JSON. */
export type EventData = { readonly [name: string]: Json | undefined }

/** Something that somebody may want to hear of. `data` holds no secret: it leaves the house. */
export interface AlertEvent {
  readonly type: EventType
  readonly data: EventData
  /** What the catalogue says if left out. */
  readonly severity?: Severity | undefined
  /** Milliseconds since 1970; now if left out. */
  readonly at?: number | undefined
  /** Id of the agent it is about: what is erased with it. */
  readonly subject?: string | undefined
  /** Whether a relying service may hear of it beside the operators; none may if left out. Asked where one wants to. */
  readonly concerns?: ((service: string) => boolean) | undefined
  /** Names the cause where it may be told twice (after a crash): the same cause gives the same event id. */
  readonly cause?: string | undefined
}

/** Vault functions that seal a small secret for one purpose. Both throw Problem `vault_sealed` while it is sealed. */
export interface SealedBox {
  readonly seal: (purpose: string, secret: Buffer) => Buffer
  /** Throws a Problem if it does not open for this purpose. */
  readonly open: (purpose: string, sealed: Buffer) => Secret
}

export const alertProblems = {
  ...originProblems,
  webhook_unknown: { status: 404, title: 'There is no such webhook', hint: 'See `claviger webhook list`.' },
  webhook_url_refused: {
    status: 422,
    title: 'The webhook cannot be sent there',
    hint: 'Use https and a public name. For a private address an operator names it with --address; plain http is for those alone.',
  },
  webhook_event_unknown: {
    status: 422,
    title: 'There is no such event',
    hint: 'Filters are `*`, a family such as `agent.*`, or the name of an event: docs/guides/webhooks.md lists them.',
  },
  webhook_limit: {
    status: 409,
    title: 'There are as many webhooks as one owner may have',
    hint: 'Remove one that is not needed any more.',
  },
  webhook_busy: {
    status: 429,
    title: 'A test of this webhook is running already',
    hint: 'It ends within 10 seconds.',
  },
  dead_letter_unknown: {
    status: 404,
    title: 'There is no such dead letter',
    hint: 'See `claviger webhook dead-letters`.',
  },
} as const

export const alertProblem = problemsOf(alertProblems)
