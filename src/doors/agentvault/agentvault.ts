/**
 * The agentic-credential-vault door: 13 endpoints in its dialect, on bare node:http. Every one is carried out by the rooms:
 * tokens are the identity room's, calls go through the gate, secrets lie in the vault, the audit is the house's log.
 */
import type { IncomingMessage } from 'node:http'
import type { CallId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import { headerOf } from '../../http/header-of.ts'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import type { AgentPrincipal } from '../../identity/contract.ts'
import type { VaultAdmin } from './admin.ts'
import { listServices, listTemplates } from './admin-views.ts'
import { queryAudit } from './audit-query.ts'
import { callAction } from './call-action.ts'
import { type JsonObject, MAX_BODY } from './contract.ts'
import { issueToken } from './issue-token.ts'
import type { VaultNeeds } from './needs.ts'
import { redactedBody } from './redact-body.ts'
import { refused, VaultRefusal } from './refusal.ts'
import { ADMIN, type Revoker, revoke } from './revoke.ts'
import { isObject } from './service-form.ts'
import { VaultTokens } from './vault-token.ts'
import { worded } from './wording.ts'

type Work = (asked: PlainAsked, body: JsonObject) => Promise<PlainReply>

/** Whoever asks showed the admin token: noted by the request that it came with. */
const admins = new WeakSet<IncomingMessage>()

/** How an endpoint of the contract fails: with which status, and as which event. */
interface Failing {
  readonly status: 400 | 403
  readonly event?: string
}

/** `admin` is the house's only one: its changes wait for each other. */
export function agentVaultDoor(needs: VaultNeeds, admin: VaultAdmin): PlainRoute[] {
  const { grants } = admin
  const { book, identity, clock } = needs
  const tokens = new VaultTokens(
    identity,
    needs.audience,
    () => clock.now(),
    (name) => book.service(name),
  )
  const parts = { needs, tokens, grants }
  const post = (path: `/vault.${string}`, failing: Failing, work: Work): PlainRoute => {
    return { method: 'POST', path, maxBody: MAX_BODY, handle: (asked) => answered(needs, failing, asked, work) }
  }
  const administers = (name: string, status: 400 | 403, work: (body: JsonObject) => Promise<object>) =>
    post(`/vault.admin.${name}`, { status, event: `admin.${name}.denied` }, async (asked, body) => {
      needs.adminToken.demand(bearerOf(asked.request), asked.client.address)
      admins.add(asked.request)
      return { status: 200, body: await work(body) }
    })
  return [
    post('/vault.issueToken', { status: 403, event: 'token.issue.denied' }, async ({ request }, body) => {
      return { status: 200, body: await issueToken(needs, grants, agentOf(needs, request), body) }
    }),
    post('/vault.call', { status: 403, event: 'proxy.call.denied' }, async ({ rid, response }, body) => {
      return passed(await callAction(parts, { rid: rid as CallId, body, response }))
    }),
    post('/vault.revoke', { status: 400 }, async (asked, body) => {
      return { status: 200, body: { ok: true, revoked: await revoke(needs, whoAsks(needs, asked), body) } }
    }),
    post('/vault.audit.query', { status: 400 }, async (asked, body) => {
      const who = whoAsks(needs, asked)
      return { status: 200, body: await queryAudit(needs, who === ADMIN ? undefined : who.agent.id, body) }
    }),
    administers('listTemplates', 403, () => listTemplates(needs)),
    administers('listServices', 403, () => listServices(needs)),
    ...ADMIN_NAMES.map((name) => administers(name, 400, (body) => admin[name](body))),
  ]
}

const ADMIN_NAMES = [
  'addService',
  'updateService',
  'removeService',
  'addSecret',
  'removeSecret',
  'loadTemplate',
] as const

/** Reads the body, does the work; what is refused gets the endpoint's status and, where there is an event, a record. */
async function answered(needs: VaultNeeds, failing: Failing, asked: PlainAsked, work: Work): Promise<PlainReply> {
  let body: JsonObject = {}
  try {
    const sent = await asked.json()
    if (!isObject(sent)) throw new VaultRefusal('INVALID_JSON', { status: 400 })
    body = sent
    return await work(asked, body)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { status, error: text } = worded(error, failing.status)
    // What the gate refused it has on record, with the same words.
    const recorded = !(error instanceof VaultRefusal) || !error.onRecord
    if (failing.event !== undefined && recorded) tell(needs, failing.event, asked, body, text)
    throw new VaultRefusal(text, { status, retryAfterSeconds: retryOf(error) })
  }
}

function retryOf(error: Problem): number | undefined {
  const seconds = error instanceof VaultRefusal ? error.retryAfterSeconds : error.facts.retryAfterSeconds
  return seconds === undefined ? undefined : Number(seconds)
}

function tell(needs: VaultNeeds, event: string, { rid, request }: PlainAsked, body: JsonObject, error: string): void {
  const agent = quietly(() => agentOf(needs, request)) ?? tokenOwner(needs, body)
  // What strangers send is nobody's to keep: no row of theirs grows by what they write into it.
  const known = agent !== undefined || admins.has(request)
  needs.audit.deny({
    rid,
    ...(agent !== undefined && { actor: { kind: 'agent', id: agent } as const }),
    reason: `vault ${error.split(':', 1)[0]}`.slice(0, 64),
    policy: needs.storage.epoch(),
    ev: { event, error: error.slice(0, 200), body: known ? redactedBody(body) : {} },
  })
}

/** Whose token came with a call that was refused: its rows are that agent's to see. */
function tokenOwner({ identity }: VaultNeeds, { token }: JsonObject) {
  const found = typeof token === 'string' ? identity.accessTokens.look(token) : undefined
  return typeof found === 'object' ? found.agent.id : undefined
}

function quietly(work: () => AgentPrincipal): string | undefined {
  try {
    return work().agent.id
  } catch {
    return undefined
  }
}

/** An agent that may ask for tokens: its own token lives, and is not one that somebody narrowed for another purpose. */
function agentOf(needs: VaultNeeds, request: IncomingMessage): AgentPrincipal {
  const principal = needs.agentOf(request)
  const { agent, token } = principal
  if (token.kind === 'jwt' && !token.whole) throw refused('AGENT_UNAUTHORIZED')
  // One that is suspended or revoked is told so in the contract's place, after its service is known.
  if (agent.status !== 'pending' && agent.status !== 'active') return principal
  if (!needs.identity.mayAct(principal)) throw refused('AGENT_UNAUTHORIZED')
  return principal
}

/** Whoever may revoke and look: the admin by its token, or an agent that may act. */
function whoAsks(needs: VaultNeeds, { request, client }: PlainAsked): Revoker {
  const bearer = bearerOf(request)
  if (bearer !== undefined && isAdmin(needs, bearer, client.address)) return ADMIN
  const principal = forbidden(
    () => agentOf(needs, request),
    () => needs.adminToken.noteFailure(client.address),
  )
  if (!needs.identity.mayAct(principal)) throw new VaultRefusal('AGENT_UNAUTHORIZED', { status: 403 })
  return principal
}

/** Tokens of the gateway begin so: what begins otherwise is the admin's, or a guess at it, whoever else is named beside it. */
const OURS = /^(?:clv_|eyJ)/

/** Throws `RATE_LIMITED`, and `AGENT_UNAUTHORIZED` for a guess. */
function isAdmin({ adminToken }: VaultNeeds, bearer: string, source: string): boolean {
  if (!adminToken.isConfigured || OURS.test(bearer)) return adminToken.matches(bearer, source)
  try {
    adminToken.demand(bearer, source)
    return true
  } catch (error) {
    if (!(error instanceof VaultRefusal) || error.error !== 'ADMIN_UNAUTHORIZED') throw error
    throw new VaultRefusal('AGENT_UNAUTHORIZED', { status: 403 })
  }
}

/** 403 at endpoints whose other failures are 400. */
function forbidden<T>(work: () => T, failed: () => void): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    failed()
    throw new VaultRefusal(worded(error, 403).error, { status: worded(error, 403).status })
  }
}

function bearerOf({ rawHeaders }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headerOf(rawHeaders, 'authorization') ?? '')?.[1]
}

const PASSED = /^(?:content-type|link|retry-after|x-ratelimit-[a-z0-9-]+)$/

/** The service's answer as it is, with the few headers that the contract lets pass. */
function passed({ status, headers, body }: Awaited<ReturnType<typeof callAction>>): PlainReply {
  const kept: Record<string, string> = {}
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase()
    if (PASSED.test(name))
      kept[name] = kept[name] === undefined ? headers[at + 1]! : `${kept[name]}, ${headers[at + 1]}`
  }
  return { status, headers: kept, body }
}
