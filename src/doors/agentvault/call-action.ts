// `POST /vault.call` (§1.3): the checks in the contract's order, then the gate, like every other call.
import type { ServerResponse } from 'node:http'
import { mayMeanKey, type QueryKeys } from '../../ground/constrained-query.ts'
import type { CallId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import type { Collected } from '../../proxy/collect.ts'
import { wordedDenial } from './call-wording.ts'
import type { CompiledService } from './compiled-service.ts'
import { DOOR, type JsonObject } from './contract.ts'
import type { DoorGrants } from './door-grants.ts'
import type { VaultNeeds } from './needs.ts'
import { redactedBody } from './redact-body.ts'
import { refused } from './refusal.ts'
import { isObject } from './service-form.ts'
import type { VaultToken, VaultTokens } from './vault-token.ts'

export interface CallParts {
  readonly needs: VaultNeeds
  readonly tokens: VaultTokens
  readonly grants: DoorGrants
}

export interface VaultCall {
  readonly rid: CallId
  readonly body: JsonObject
  readonly response: ServerResponse
}

const COMPARED = ['agentId', 'sessionId', 'taskId', 'skillId'] as const

/** The service's answer. Throws VaultRefusal; whatever is refused before the gate is told by the caller. */
export async function callAction(parts: CallParts, call: VaultCall): Promise<Collected> {
  const { service, action, token, params } = judged(parts, call.body)
  const { path, inQuery, method } = action
  path.refuseMissing(params)
  const rest = Object.keys(params).filter((name) => !path.names.has(name))
  const target = path.fill(params, inQuery ? queryOf(params, rest, path.own) : '')
  const body = inQuery ? undefined : Buffer.from(JSON.stringify(pick(params, rest)))
  if (service.wantsSecret && service.credential === undefined) {
    throw refused(`MISSING_MASTER_SECRET:${service.definition.secretRef}`)
  }
  const grant = await grantFor(parts, service, token)
  if (grant === undefined) throw refused('POLICY_DENY')
  try {
    return await parts.needs.collect(
      {
        rid: call.rid,
        principal: token.principal,
        presented: call.body.token as string,
        serviceName: service.native,
        method,
        target,
        rawHeaders: action.rawHeaders,
        body,
        only: { grant, door: DOOR },
        told: token.told(action.name),
        toldOfDenial: () => ({ event: 'proxy.call.denied', body: redactedBody(call.body) }),
      },
      call.response,
    )
  } catch (error) {
    throw error instanceof Problem ? wordedDenial(error, service) : error
  }
}

/** Steps 1 to 6 of §1.3, but for what the parameters may be wrong in. */
function judged({ needs, tokens }: CallParts, body: JsonObject) {
  const { service: name, action: actionName, context: stated = {}, params = {} } = body
  const service = typeof name === 'string' ? needs.book.service(name) : undefined
  if (service === undefined) throw refused('UNKNOWN_SERVICE')
  const context = isObject(stated) ? stated : {}
  if (typeof actionName !== 'string' || !service.allowedActions.has(actionName)) throw refused('POLICY_DENY')
  const { agentId } = context
  // Allowed by its id it may state its name, and the other way round. What is stated must be the token's agent (step 5).
  const saidAgent =
    typeof agentId === 'string' ? (needs.identity.findAgent(agentId) ?? { id: agentId, name: agentId }) : undefined
  if (saidAgent !== undefined && !service.allowsAgent(saidAgent)) throw refused('POLICY_DENY')
  const token = tokens.read(body.token)
  const { agent } = token.access
  const isAllowed = service.allowsAgent(agent)
  if (saidAgent === undefined && !isAllowed) throw refused('POLICY_DENY')
  refuseRevoked(needs, token)
  refuseContext(token, context)
  // Whatever was stated: it is this agent that calls.
  if (!isAllowed) throw refused('POLICY_DENY')
  if (token.service !== service.name) throw refused('SERVICE_MISMATCH')
  // One of the same name that was added after the token's was removed.
  if (token.serviceId !== service.id) throw refused('TOKEN_REVOKED')
  const action = service.actions.get(actionName)
  if (action === undefined) throw refused('UNKNOWN_ACTION')
  const missing = action.requiredScope.find((scope) => !token.scopes.has(scope))
  if (missing !== undefined) throw refused(`INSUFFICIENT_SCOPE:${missing}`)
  if (params !== null && !isObject(params)) throw refused('PARAMS_INVALID')
  return { service, action, token, params: params ?? {} }
}

function refuseRevoked({ book }: VaultNeeds, token: VaultToken): void {
  const { agent } = token.access
  const { sessionId, taskId } = token.context
  const agentGone = agent.status !== 'active'
  if (!agentGone && token.status !== 'active') throw refused('TOKEN_REVOKED')
  if (book.isRevoked('session', sessionId, agent.id)) throw refused('SESSION_REVOKED')
  if (book.isRevoked('task', taskId, agent.id)) throw refused('TASK_REVOKED')
  if (agentGone || book.isRevoked('agent', agent.id, agent.id)) throw refused('AGENT_REVOKED')
}

/** What is stated must be the token's; only what the vault itself invented for the token matches anything (AV-04). */
function refuseContext({ context: own, access }: VaultToken, stated: JsonObject): void {
  for (const field of COMPARED) {
    const value = stated[field]
    if (value === undefined || value === null || value === own[field]) continue
    if (field === 'agentId' && value === access.agent.id) continue
    if (field !== 'agentId' && own[field].startsWith('auto-')) continue
    throw refused(`CONTEXT_MISMATCH:${field}`)
  }
}

/** Nearly always known already: one comparison. */
async function grantFor({ needs, grants }: CallParts, service: CompiledService, token: VaultToken) {
  const { ready } = token
  const known = ready?.service === service && needs.clock.now() < ready.until
  // It may have been taken back and given anew since.
  if (known && needs.book.grantOf(token.access.agent.id, service.id)?.id === ready.grant) return ready.grant
  const made = await grants.ensure(token.access.agent, service)
  token.ready = { ...made, service }
  return made.grant
}

/** `own`: what the template says of the query is not the caller's to say again. */
function queryOf(params: JsonObject, names: readonly string[], own: QueryKeys): string {
  const pairs: string[] = []
  for (const name of names) {
    const value = params[name] as JsonValue
    if (value === null) continue
    const text = String(value)
    const bad = typeof value === 'object' || mayMeanKey(name, text, own)
    if (bad || !name.isWellFormed() || !text.isWellFormed()) throw refused(`PARAM_INVALID:${name.toWellFormed()}`)
    pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(text)}`)
  }
  return pairs.join('&')
}

function pick(params: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, params[name] as JsonValue]))
}
