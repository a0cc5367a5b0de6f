// `POST /vault.issueToken` (§1.2): who asks was recognised; what it may have is the service's to say.
import { randomUUID } from 'node:crypto'
import type { SessionId } from '../../ground/ids.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import type { AgentPrincipal } from '../../identity/contract.ts'
import { openSession } from '../../identity/sessions/tokens.ts'
import type { CompiledService } from './compiled-service.ts'
import { type Context, DEFAULT_TTL_SECONDS, ISSUE, type JsonObject, MAX_TTL_SECONDS } from './contract.ts'
import type { DoorGrants } from './door-grants.ts'
import type { VaultNeeds } from './needs.ts'
import { rateLimited, refused } from './refusal.ts'
import type { TokenFacts } from './token-book.ts'
import { sessionIdOf } from './vault-token.ts'

const MAX_TEXT = 256

export interface Issued {
  readonly tokenId: string
  readonly token: string
  readonly expiresInSec: number
}

export async function issueToken(
  needs: VaultNeeds,
  grants: DoorGrants,
  principal: AgentPrincipal,
  body: JsonObject,
): Promise<Issued> {
  const { agent } = principal
  const service = serviceOf(needs, body)
  const context = contextOf(principal, body)
  refuseRevoked(needs, principal, context)
  const allowed = service.allowedActions.has(ISSUE) && service.allowsAgent(agent)
  if (!allowed) throw refused('POLICY_DENY')
  const scope = scopeOf(service, agent, body.scope)
  const ttl = ttlOf(body.ttl)
  const key = `${agent.id} ${service.id}`
  const waitMs = needs.issues.waitMs(key)
  if (waitMs > 0) throw rateLimited(waitMs)
  needs.issues.take(key)
  await grants.ensure(agent, service)
  return sign(needs, principal, { service, scope, ttl, context })
}

interface Fit {
  readonly service: CompiledService
  readonly scope: readonly string[]
  readonly ttl: number
  readonly context: Context
}

async function sign(needs: VaultNeeds, { agent, token }: AgentPrincipal, fit: Fit): Promise<Issued> {
  const { service, scope, ttl, context } = fit
  const tokenId = randomUUID()
  const facts: TokenFacts = {
    door: 'agentvault',
    service: service.id,
    sessionId: context.sessionId,
    taskId: context.taskId,
    via: token.id,
  }
  const told = {
    event: 'token.issued',
    tokenId,
    service: service.name,
    scope: [...scope],
    ttl,
    context: { ...context },
  }
  const asked = {
    door: { id: sessionIdOf(tokenId) as SessionId, scope: undefined },
    agent: agent.id,
    audience: needs.audience,
    typ: 'JWT' as const,
    lifeMs: ttl * 1_000,
    claims: {
      sub: agent.name,
      jti: tokenId,
      service: service.name,
      scope,
      ctx: context,
      srv: service.id,
      via: token.id,
    },
    context: JSON.stringify(facts),
    told,
  }
  const issued = await openSession(needs.identity.room, asked, { kind: 'agent', id: agent.id, key: token.id })
  return { tokenId, token: issued.accessToken, expiresInSec: ttl }
}

function serviceOf({ book }: VaultNeeds, { service: name }: JsonObject): CompiledService {
  if (typeof name !== 'string' || name === '') throw refused('SERVICE_REQUIRED')
  const service = book.service(name)
  if (service === undefined) throw refused('UNKNOWN_SERVICE')
  return service
}

/** Who the token is for is the agent that asks; a name that it gives must be its own. */
function contextOf({ agent }: AgentPrincipal, body: JsonObject): Context {
  const { agentId } = body
  const own = agentId === undefined || agentId === null || agentId === agent.name || agentId === agent.id
  if (!own) throw refused('CONTEXT_MISMATCH:agentId')
  return {
    agentId: agent.name,
    sessionId: textOf(body, 'sessionId', invented),
    taskId: textOf(body, 'taskId', invented),
    skillId: textOf(body, 'skillId', () => 'default'),
    tool: textOf(body, 'tool', () => 'vault.issueToken'),
  }
}

const invented = () => `auto-${randomUUID().slice(0, 8)}`

function textOf(body: JsonObject, field: string, otherwise: () => string): string {
  const value = body[field]
  if (value === undefined || value === null || value === '') return otherwise()
  if (typeof value !== 'string' || value.length > MAX_TEXT) throw refused(`CONTEXT_INVALID:${field}`)
  return value
}

function refuseRevoked({ book }: VaultNeeds, { agent }: AgentPrincipal, { sessionId, taskId }: Context): void {
  if (agent.status !== 'active' || book.isRevoked('agent', agent.id, agent.id)) throw refused('AGENT_REVOKED')
  if (book.isRevoked('session', sessionId, agent.id)) throw refused('SESSION_REVOKED')
  if (book.isRevoked('task', taskId, agent.id)) throw refused('TASK_REVOKED')
}

function scopeOf(
  service: CompiledService,
  agent: AgentPrincipal['agent'],
  asked: JsonValue | undefined,
): readonly string[] {
  const texts = Array.isArray(asked) ? asked : []
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string' && text !== '')) {
    throw refused('SCOPE_REQUIRED')
  }
  if (service.allowedScopes.size === 0) throw refused('SERVICE_ALLOWED_SCOPES_NOT_CONFIGURED')
  const scope = [...new Set(texts as string[])]
  const invalid = scope.filter((text) => !service.allowedScopes.has(text))
  if (invalid.length > 0) throw refused(`INVALID_SCOPE:${invalid.join(',')}`)
  const own = service.scopesFor(agent)
  const missing = scope.filter((text) => !own.has(text))
  if (missing.length > 0) throw refused(`INSUFFICIENT_SCOPE:${missing.join(',')}`)
  return scope
}

function ttlOf(asked: JsonValue | undefined): number {
  if (asked === undefined || asked === null) return DEFAULT_TTL_SECONDS
  if (typeof asked !== 'number' || !Number.isInteger(asked) || asked < 1) throw refused('TTL_INVALID')
  return Math.min(asked, MAX_TTL_SECONDS)
}
