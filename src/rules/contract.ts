/** The promise of the rules room: what a rule is, as data. See rules.ts for what the room does with it. */
import { z } from 'zod'
import type { AgentId, Id, ServiceId } from '../ground/ids.ts'
import { problemsOf } from '../ground/problem.ts'
import type { Target } from '../ground/target.ts'
import { ASSURANCES, type Assurance } from '../policy/assurance.ts'

export type RuleId = Id<'rul'>

export const RuleName = z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/, {
  error: 'lower-case letters, digits and . _ - between them, at most 64',
})
export const RuleEffect = z.enum(['allow', 'ask', 'deny'])
export type RuleEffect = z.output<typeof RuleEffect>

const Named = z.string().min(1).max(128)
const Scalar = z.union([z.string().max(512), z.number(), z.boolean(), z.null()])
const QueryName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
/** RFC 6901. */
const Pointer = z
  .string()
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, { error: 'a JSON Pointer: /amount, /items/0/sku' })
  .max(200)
const TimeOfDay = z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/, { error: 'a time of day: 08:30' })
const Risk = z.enum(['low', 'medium', 'high'])
const TrustScore = z.number().min(0).max(10)
const oneOrMore = <S extends z.ZodType>(one: S) => z.union([one, z.array(one).min(1).max(64)])
const map = <K extends z.ZodString, V extends z.ZodType>(key: K, value: V) =>
  z
    .record(key, value)
    .refine((members) => Object.keys(members).length <= 16, { error: 'at most 16 members' })
    .refine((members) => Object.keys(members).length > 0, { error: 'at least one member' })

export const TimeWindow = z.strictObject({
  /** Of the local day on which the window begins; every day if left out. */
  days: z
    .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
    .min(1)
    .max(7)
    .optional(),
  /** Local times of day; `to` is not inside. A window whose end is before its begin goes over midnight. */
  from: TimeOfDay.optional(),
  to: TimeOfDay.optional(),
  /** Name of the IANA time zone: Europe/Berlin. */
  zone: z.string().min(1).max(64),
})
export type TimeWindow = z.output<typeof TimeWindow>

/** What a call must be for the rule to be about it. All that is said must hold; of a list, one member. */
export const RuleMatch = z.strictObject({
  /** Names or ids. */
  agents: z.array(Named).min(1).max(256).optional(),
  services: z.array(Named).min(1).max(256).optional(),
  /** Hosts of no service: the rule is about tunnels to them that are passed through untouched. `host`, `host:port`, `*.host`. */
  hosts: z.array(z.string().min(1).max(300)).min(1).max(256).optional(),
  /** Names of the services' actions; `repo.*` means all that begin with `repo.`. */
  actions: z
    .array(
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9]?(?:(?<=[._-])\*)?$/, {
        error: 'name of an action, or its beginning and *: repo.get, repo.*',
      }),
    )
    .min(1)
    .max(64)
    .optional(),
  methods: z
    .array(z.enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']))
    .min(1)
    .max(7)
    .optional(),
  /** Path templates, as services have them. */
  paths: z.array(z.string().min(1).max(1_024)).min(1).max(64).optional(),
  query: map(QueryName, oneOrMore(z.string().max(512))).optional(),
  /** JSON Pointer into the body → value. */
  body: map(Pointer, oneOrMore(Scalar)).optional(),
  risk: oneOrMore(Risk).optional(),
  time: TimeWindow.optional(),
  trust: z.strictObject({ below: TrustScore.optional(), atLeast: TrustScore.optional() }).optional(),
  /** The call has a finding of one of these effects. */
  findings: z
    .array(z.enum(['note', 'ask', 'deny']))
    .min(1)
    .max(3)
    .optional(),
})
export type RuleMatch = z.output<typeof RuleMatch>

export const MAX_WINDOW_SECONDS = 30 * 86_400

/** How a human is asked. */
export const Ask = z.strictObject({
  assurance: z.enum(ASSURANCES).default('passkey'),
  /** How long a yes is good for. */
  lifeSeconds: z.int().min(30).max(86_400).default(900),
  uses: z.int().min(1).max(100).default(1),
  /** The human may allow more of the same at once, within these bounds. */
  window: z
    .strictObject({
      maxSeconds: z.int().min(60).max(MAX_WINDOW_SECONDS),
      maxUses: z.int().min(1).max(10_000),
    })
    .optional(),
})
export type Ask = z.output<typeof Ask>

export const MAX_CONDITION = 2_048

export const RuleInput = z.strictObject({
  name: RuleName,
  effect: RuleEffect,
  match: RuleMatch.default({}),
  /** A condition in CEL that must hold besides. */
  when: z.string().min(1).max(MAX_CONDITION).optional(),
  /** Of a rule that asks. */
  ask: Ask.optional(),
  /** Of a rule that allows tunnels: addresses or CIDR ranges that they may lead to although they are not public. */
  addresses: z.array(z.string().max(64)).min(1).max(64).optional(),
  note: z.string().max(500).optional(),
})
export type RuleInput = z.input<typeof RuleInput>
/** As it is kept: agents and services by id. */
export type RuleDefinition = z.output<typeof RuleInput>

export const RuleView = z.object({
  id: z.string(),
  /** Raised by every change. */
  version: z.int(),
  ...RuleInput.shape,
  /** Milliseconds since 1970. */
  createdAt: z.int(),
  updatedAt: z.int(),
})
export type RuleView = z.output<typeof RuleView>

/** A rule as a record, an approval or an answer names it. */
export interface RuleRef {
  readonly id: string
  readonly name: string
  readonly version: number
}

/** What a human's yes must be, where several rules ask: the strongest assurance, the least of everything else. */
export interface AskTerms {
  readonly assurance: Assurance
  readonly lifeSeconds: number
  readonly uses: number
  readonly window?: { readonly maxSeconds: number; readonly maxUses: number } | undefined
}

export interface RuleVerdict {
  /** `none`: no rule is about the call, and then it is allowed. */
  readonly effect: 'none' | 'allow' | 'ask' | 'deny'
  /** Those that decided, by id; none where the default did. */
  readonly rules: readonly RuleRef[]
  /** Of `ask`. */
  readonly terms?: AskTerms
}

export type Tri = 'yes' | 'no' | 'unknown'

/** What a body says, as far as rules go. */
export type JudgedBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly value: unknown; readonly values: number }
  /** Too large, or not JSON that everybody reads alike. */
  | { readonly kind: 'unreadable' }

/** One call, as rules see it. What is `undefined` is not known. */
export interface CallFacts {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly agent: AgentId
  readonly agentName: string | undefined
  readonly service: ServiceId | undefined
  readonly serviceName: string
  /** Every action that the call is or may be taken for; none where no action speaks of it. */
  readonly actions: readonly string[] | undefined
  readonly risk: 'low' | 'medium' | 'high' | undefined
  readonly method: string
  readonly target: Target
  /** Of a call that is read back from the log: what was not kept. */
  readonly hidden?: { readonly path: boolean; readonly query: ReadonlySet<string> } | undefined
  readonly trust: number | undefined
  readonly findings: readonly { readonly id: string; readonly effect: 'note' | 'ask' | 'deny' }[] | undefined
  /** Undefined: not read yet. */
  readonly body: JudgedBody | undefined
}

export const ruleProblems = {
  rule_exists: { status: 409, title: 'There is a rule of that name', hint: 'Replace it (--replace).' },
  rule_unknown: { status: 404, title: 'There is no such rule', hint: 'See `claviger rule list`.' },
  rule_invalid: { status: 422, title: 'The rule cannot be written like that' },
  rule_condition_invalid: {
    status: 422,
    title: 'The condition of the rule is not one',
    hint: 'It is CEL over agent, service, method, path, query, body …: docs/guides/rules.md.',
  },
  rules_full: { status: 422, title: 'There are as many rules as there may be' },
} as const

export const ruleProblem = problemsOf(ruleProblems)
