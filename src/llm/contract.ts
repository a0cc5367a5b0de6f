/** The promise of the LLM room, data only: vendors, bots, keys, budgets, usage, problems. See llm.ts for what the room does. */
import { z } from 'zod'
import type { AgentId, CredentialId } from '../ground/ids.ts'
import { problemsOf } from '../ground/problem.ts'

/** The door through which bots' grants count. */
export const DOOR = 'botmaker'

export const VendorId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, { error: 'lower-case letters, digits and -' })
export const RegionName = z.string().regex(/^[a-z][a-z0-9-]{0,15}$/)
export const LlmApi = z.enum(['openai-responses', 'openai-completions', 'anthropic-messages', 'google-gemini'])
export type LlmApi = z.output<typeof LlmApi>
export const BasePath = z.string().regex(/^(?:\/[A-Za-z0-9._-]+)*$/, { error: 'a path without a slash at its end' })

/** What a vendor is here: which service it means, and what stands before the path that its clients send. */
export interface Vendor {
  readonly id: string
  /** Name of the service. */
  readonly service: string
  readonly basePath: string
  readonly api: LlmApi
  readonly group: string
  readonly keyHint?: string | undefined
  readonly defaultModel?: string | undefined
  readonly embeddings?: string | undefined
  /** Where it has addresses that do not know each other's keys. */
  readonly regions?: Readonly<Record<string, Region>> | undefined
}

export interface Region {
  /** Name of the service that the vendor is there. */
  readonly service: string
  readonly origin: string
}

const Tag = z.string().regex(/^[\x21-\x7e]{1,64}$/, { error: 'printable characters without spaces, at most 64' })
export const Tags = z.array(Tag).max(32)
const Model = z.string().regex(/^[\x21-\x7e]{1,200}$/)
export const OpenedPath = z
  .string()
  .regex(/^(?:[A-Z]{3,7} )?\/[\x21-\x7e]{0,255}$/, { error: '/files, GET /files/{id} or /files/*' })

/** What a bot may, beyond who it is. Left out: as it is; null: no bound of this kind. */
export const BotLimits = z.strictObject({
  /** Keys with one of these tags, in this order, before those without a tag. */
  tags: Tags.nullable().optional(),
  vendors: z.array(VendorId).max(64).nullable().optional(),
  /** Names, or beginnings that end with `*`. */
  models: z.array(Model).max(256).nullable().optional(),
  /** Paths that are open besides those that are to everybody. */
  paths: z.array(OpenedPath).max(64).nullable().optional(),
  /** Whether a key with any tag will do where there is none of its own. */
  anyKey: z.boolean().optional(),
  /** Milliseconds since 1970. */
  expiresAt: z.int().nonnegative().nullable().optional(),
})
export type BotLimits = z.output<typeof BotLimits>

/** The read-model's entry of a bot: an agent that came by this door, or that an operator let in here. */
export interface Bot {
  readonly agent: AgentId
  /** What it is called here. */
  readonly name: string
  readonly hostname: string | undefined
  /** As they were stored. */
  readonly tagsText: string | undefined
  /** Undefined where the text cannot be read. */
  readonly tags: readonly string[] | undefined
  readonly vendors: readonly string[] | undefined
  readonly models: readonly string[] | undefined
  readonly paths: readonly string[] | undefined
  readonly anyKey: boolean
  readonly expiresAt: number | undefined
  /** Whether the agent was made for it alone. */
  readonly own: boolean
  readonly createdAt: number
}

/** A key of a vendor: a credential of its service. */
export interface Key {
  readonly id: CredentialId
  readonly handle: string
  readonly vendor: string
  /** Name of the service that it is of: in the vendor's region. */
  readonly service: string
  readonly region: string | undefined
  readonly tag: string | undefined
  readonly label: string | undefined
  readonly createdAt: number
}

/** How a key's credential says what it is; these stand in its metadata. */
export const KEY_META = 'llm-vendor'
export const TAG_META = 'llm-tag'
export const LABEL_META = 'llm-label'
export const REGION_META = 'llm-region'

export const Period = z.enum(['hour', 'day', 'month', 'ever'])
export type Period = z.output<typeof Period>
export const Unit = z.enum(['requests', 'tokens', 'money'])
export type Unit = z.output<typeof Unit>

/** So much in a time, for an agent, a vendor, or an agent at a vendor. Money in millionths of a dollar. */
export interface Budget {
  readonly id: string
  readonly agent: AgentId | undefined
  readonly vendor: string | undefined
  readonly unit: Unit
  readonly amount: number
  readonly per: Period
  /** Whether an answer ends where the budget does. */
  readonly cut: boolean
}

/** What a bot may use in all of a time, as BotMaker's administration says it. */
export const BotBudget = z.strictObject({
  requests: z.int().positive().optional(),
  tokens: z.int().positive().optional(),
  usd: z.number().positive().max(1_000_000).optional(),
  per: Period.default('day'),
  cut: z.boolean().default(false),
})
export type BotBudget = z.output<typeof BotBudget>

/** What one call took. Money in millionths of a dollar; undefined where nobody knows. */
export interface UsageRow {
  readonly rid: string
  /** When it was over, milliseconds since 1970. */
  readonly at: number
  readonly agent: AgentId
  readonly vendor: string
  readonly key: CredentialId | undefined
  readonly status: number
  readonly model: string | undefined
  readonly tokensIn: number | undefined
  readonly tokensOut: number | undefined
  readonly cost: number | undefined
  readonly ms: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** The answer did not come to its end. */
  readonly aborted: boolean
  /** The vendor did not say all of it. */
  readonly estimated: boolean
}

export const llmProblems = {
  llm_vendor_unknown: {
    status: 400,
    title: 'There is no such LLM vendor',
    hint: 'List them: claviger llm vendor list',
  },
  llm_region_unknown: {
    status: 400,
    title: 'The vendor has no such region',
    hint: 'They are listed with it: claviger llm vendor list',
  },
  llm_service_elsewhere: {
    status: 409,
    title: 'The service by the vendor’s name does not lead to the vendor',
    hint: 'Remove it, or make it of the vendor’s template: claviger service add NAME --template VENDOR',
  },
  llm_token_missing: { status: 401, title: 'No token was sent' },
  llm_token_refused: { status: 403, title: 'The token is nobody’s, or its bot may not act' },
  llm_tags_unreadable: { status: 500, title: 'The tags of the bot cannot be read' },
  llm_no_key: {
    status: 503,
    title: 'No key of the vendor may be used',
    hint: 'An operator can add one (`claviger llm key add`), or see why (`claviger llm key list`).',
  },
  llm_not_allowed: {
    status: 403,
    title: 'The vendor, path or model is not open to this bot',
    hint: 'An operator can open it: `claviger llm bot set`.',
  },
  llm_budget_exceeded: {
    status: 429,
    title: 'What the agent or the vendor may use in this time is used',
    hint: 'An operator can see it: `claviger llm budget list`.',
  },
  llm_elsewhere: {
    status: 403,
    title: 'What bounds this agent or service is counted at /v1/{vendor} alone',
    hint: 'Call the vendor there: the base URL is /v1/<vendor>.',
  },
  llm_flood: { status: 429, title: 'Too many requests came from there in this minute' },
  llm_key_unknown: { status: 404, title: 'There is no such key', hint: 'List them: claviger llm key list' },
  llm_bot_unknown: { status: 404, title: 'There is no such bot', hint: 'List them: claviger llm bot list' },
  llm_bot_exists: { status: 409, title: 'There is a bot of that name' },
  llm_hostname_taken: { status: 409, title: 'Another bot has this host name' },
} as const

export const llmProblem = problemsOf(llmProblems)
