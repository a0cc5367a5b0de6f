// The endpoints of the house itself: what runs, sealing, stopping everything, explaining. Data only.
import { z } from 'zod'
import { AlertsStanding } from './alerts/contract.ts'
import { ChannelsStanding } from './approvals/channels/contract.ts'
import { type DocsPage, docsFiles } from './docs-pages.ts'
import { denialProblems } from './gate/denials.ts'
import { UnionHealth } from './health.ts'
import { endpoint } from './http/endpoint.ts'
import { Done } from './http/shapes.ts'
import { Unseal, VaultStatus, vaultProblems } from './vault/contract.ts'

const Health = z.object({
  ok: z.literal(true),
  status: z.literal('ok'),
  service: z.literal('claviger'),
  version: z.string(),
  state: VaultStatus.shape.state,
  timestamp: z.string(),
})

export const health = endpoint({
  method: 'GET',
  path: '/health',
  caller: 'anyone',
  summary: 'The same in the words of the systems whose dialects are spoken here',
  reply: UnionHealth,
  whileSealed: true,
})

export const nativeHealth = endpoint({
  method: 'GET',
  path: '/claviger/v1/health',
  caller: 'anyone',
  summary: 'Whether it runs and whether the vault is open',
  reply: Health,
  whileSealed: true,
})

export const home = endpoint({
  method: 'GET',
  path: '/',
  caller: 'anyone',
  summary: 'One static page: what runs here',
  text: 'html',
  reply: z.string(),
  whileSealed: true,
})

export const docsPage = endpoint({
  method: 'GET',
  path: '/docs/{page}',
  caller: 'anyone',
  summary: 'The documentation that came with this version, as plain text',
  params: z.strictObject({ page: z.enum(Object.keys(docsFiles) as [DocsPage, ...DocsPage[]]) }),
  text: 'plain',
  reply: z.string(),
  whileSealed: true,
})

export const Status = z.object({
  version: z.string(),
  url: z.string(),
  /** Where the operators' pages are. */
  operators: z.string().optional(),
  /** The port that a proxy in front hands their requests to. */
  operatorPort: z.int().optional(),
  home: z.string(),
  startedAt: z.int(),
  vault: VaultStatus,
  epoch: z.int(),
  audit: z.object({ size: z.int(), witness: z.string().optional() }),
  signIns: z.object({
    addresses: z.enum(['whole', 'network', 'none']),
    /** Without a database, travel is not noticed. */
    geoip: z.object({
      state: z.enum(['off', 'reading', 'ready', 'missing', 'damaged']),
      type: z.string().optional(),
      builtAt: z.int().optional(),
    }),
  }),
  webhooks: AlertsStanding,
  channels: ChannelsStanding,
  /** Credentials that renew themselves, and the handles of those that cannot any more. */
  connections: z.object({ count: z.int(), needReauth: z.array(z.string()) }),
  counts: z.object({ agents: z.int(), services: z.int(), credentials: z.int(), grants: z.int(), openCalls: z.int() }),
})

export const status = endpoint({
  method: 'GET',
  path: '/claviger/v1/status',
  caller: 'operator',
  summary: 'State of the gateway, its vault and its log',
  reply: Status,
})

export const config = endpoint({
  method: 'GET',
  path: '/claviger/v1/config',
  caller: 'operator',
  summary: 'Settings in force, by their environment names',
  reply: z.object({
    settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
  }),
})

export const seal = endpoint({
  method: 'POST',
  path: '/claviger/v1/seal',
  caller: 'operator',
  summary: 'Seal the vault: running calls end, nothing is forwarded until it is unsealed',
  reply: VaultStatus,
})

/** Go on although the database or the log looks rolled back or edited: a human looked at it. Recorded as `restore.accepted`. */
const accept = z.boolean().optional()

export const unseal = endpoint({
  method: 'POST',
  path: '/claviger/v1/unseal',
  caller: 'operator',
  summary: 'Open the vault with the passphrase, or with the key file that the gateway was started with',
  body: z.union([Unseal.extend({ accept }), z.strictObject({ keyFile: z.literal(true), accept })]),
  reply: VaultStatus,
  whileSealed: true,
  problems: vaultProblems,
})

export const emergencyRevoke = endpoint({
  method: 'POST',
  path: '/claviger/v1/emergency-revoke',
  caller: 'operator',
  summary: 'Stop every agent at once: all agent tokens die, running calls and streams end',
  reply: z.object({ epoch: z.int(), stoppedCalls: z.int() }),
})

export const revokeLeaked = endpoint({
  method: 'POST',
  path: '/claviger/v1/tokens/revoke-leaked',
  caller: 'anyone',
  summary: 'Revoke a token, key or invite on possession: whoever finds one can make it harmless',
  body: z.strictObject({ token: z.string().min(1).max(8_192) }),
  reply: Done,
})

const explained = {
  method: 'POST',
  path: '/claviger/v1/explain',
  reply: z.object({
    outcome: z.enum(['allow', 'ask', 'deny']),
    check: z.string(),
    why: z.string().optional(),
    /** The action of the service that the call is; without it, what its method and the actions that claim it require is required. */
    action: z.string().optional(),
    /** The actions that claim it, where no one of them alone does. */
    among: z.array(z.string()).optional(),
    risk: z.enum(['low', 'medium', 'high']).optional(),
    requiredScopes: z.array(z.string()),
    /** Enough by itself. */
    sufficientScope: z.string().optional(),
    grant: z.string().optional(),
    /** What the operator's rules say; `needs_body` where that depends on a body that was not described. */
    rules: z.object({ effect: z.string(), names: z.array(z.string()) }),
    checks: z.array(z.object({ check: z.string(), say: z.enum(['pass', 'ask', 'deny']), why: z.string().optional() })),
  }),
  problems: denialProblems,
} as const

export const Query = z.record(z.string(), z.union([z.string(), z.array(z.string())]))
const question = {
  service: z.string().min(1).max(128),
  method: z.string().min(1).max(32),
  path: z.string().min(1).max(8_192),
  query: Query.optional(),
  /** JSON, where rules look into the body. */
  body: z.json().optional(),
}

export const explainOwn = endpoint({
  ...explained,
  caller: 'agent',
  summary: 'Say which check would answer what for a call of this agent, without making it',
  body: z.strictObject(question),
})

export const explainFor = endpoint({
  ...explained,
  caller: 'operator',
  role: 'auditor',
  summary: 'The same for any agent, by name or id',
  body: z.strictObject({ agent: z.string().min(1).max(128), ...question }),
})
