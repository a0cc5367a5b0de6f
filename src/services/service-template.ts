/** What a file says that describes a provider: the promise of `docs/service-template.schema.json`. Data only. */
import { z } from 'zod'
import {
  ActionInput,
  ActionName,
  BodyField,
  Injection,
  OAuthPlaces,
  Path,
  Placeholder,
  Probe,
  QueryName,
  ServiceName,
  Timeouts,
} from './service-parts.ts'

const Page = z
  .string()
  .regex(/^https:\/\/[^\s/]+\/[^\s]*$/, { error: 'an https address' })
  .max(300)
const Line = z
  .string()
  .regex(/^[^\r\n]*\S[^\r\n]*$/, { error: 'one line of text' })
  .max(200)

/** True where nobody compared what is said here with the provider's own reference. Left out where somebody did. */
const unverified = z.literal(true).optional()

const TemplateAction = z.strictObject({
  ...ActionInput.omit({ ask: true }).shape,
  /** In full, beginning with the template's name; a service of another name gets its own in that place. */
  scopes: z.array(z.string().max(200)).min(1).max(8),
  /** Where the provider describes it. */
  page: Page.optional(),
  unverified,
})

/** What an LLM vendor is called by clients that choose between vendors, and what they show of it. */
const Llm = z.strictObject({
  vendor: z.string().regex(/^[a-z0-9-]{1,32}$/),
  /** What stands before the path that such clients send; empty where they send all of it. */
  basePath: z.string().regex(/^(?:\/[A-Za-z0-9._-]+)*$/),
  api: z.enum(['openai-responses', 'openai-completions', 'anthropic-messages', 'google-gemini']),
  group: z.enum(['major', 'fast', 'aggregator', 'specialized', 'regional', 'local']),
  keyHint: Line.optional(),
  defaultModel: Line.optional(),
  embeddings: Line.optional(),
  /** Where the provider has addresses that do not know each other's keys: each of them by its region. One is the template's first. */
  regions: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,15}$/), z.string().max(300)).optional(),
})

export const ServiceTemplate = z.strictObject({
  /** For editors; nothing reads it here. */
  $schema: z.string().max(300).optional(),
  name: ServiceName,
  /** Other names by which it is found. */
  aliases: z.array(ServiceName).max(8).optional(),
  title: Line,
  /** Where the provider describes the API. */
  docs: Page,
  /** What to know before using it; one line. */
  note: z.string().max(500).optional(),
  /** What stands in braces in an origin: which shop, which region. Asked for when the template is loaded. */
  variables: z
    .record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), z.strictObject({ about: Line, example: Line }))
    .optional(),
  origins: z.array(z.string().max(300)).min(1).max(32),
  injection: z.union([Injection, z.strictObject({ kind: z.literal('none') })]),
  /** What the secret is. */
  credential: z.strictObject({ about: Line, handle: z.string().max(64).optional(), page: Page.optional() }).optional(),
  paths: z.array(Path).min(1).max(256).optional(),
  addresses: z.array(z.string().max(64)).min(1).max(64).optional(),
  timeouts: Timeouts.optional(),
  /** Where tokens come from, for `claviger connect`. */
  oauth: z.strictObject({ ...OAuthPlaces.shape, page: Page.optional(), unverified }).optional(),
  plainQuery: z.array(QueryName).max(64).optional(),
  probe: z.strictObject({ ...Probe.shape, page: Page.optional(), unverified }).optional(),
  placeholder: Placeholder.optional(),
  bodyFields: z.array(BodyField).min(1).max(16).optional(),
  llm: Llm.optional(),
  /** Every scope that an action wants, and what it gives. */
  scopes: z.record(z.string().max(200), Line),
  actions: z.record(ActionName, TemplateAction),
})

export type ServiceTemplate = z.output<typeof ServiceTemplate>
