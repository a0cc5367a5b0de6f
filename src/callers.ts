// Who may call which endpoint of the control plane. The endpoint says whom it wants; here is how that is proved.
import type { IncomingMessage } from 'node:http'
import { denialProblem } from './gate/denials.ts'
import { type AnyEndpoint, freshWanted, type Role, roleSuffices, roleWanted } from './http/endpoint.ts'
import { httpProblem } from './http/problems.ts'
import type { OperatorPrincipal, Principal } from './identity/contract.ts'
import type { Identity } from './identity/identity.ts'
import { atListener } from './identity/listener-token.ts'
import { peopleProblem } from './identity/people/contract.ts'
import type { PageGuard } from './identity/people/page-guard.ts'
import type { RelyingPrincipal } from './identity/relying/contract.ts'
import type { Relying } from './identity/relying/relying.ts'
import type { Possession } from './possession.ts'
import { type Bound, boundOf } from './proxy/bound-caller.ts'
import { callerToken } from './proxy/caller-token.ts'
import type { Actor } from './storage/storage.ts'

/** A token that nobody could check yet, because the vault is sealed. */
export interface Unproven {
  readonly kind: 'unproven'
  readonly token: string
}

/** Undefined: nobody in particular, at an endpoint for anyone. */
export type Who = Principal | RelyingPrincipal | Unproven | undefined

/**
 * Recognises the caller of an endpoint, or throws Problem `unauthenticated`, `wrong_audience`, `caller_refused`, `role_refused`, `token_not_live`,
 * `agent_not_active`, `vault_sealed`.
 */
export function callerOf(
  identity: Identity,
  relying: Pick<Relying, 'authenticateService'>,
  possession: Pick<Possession, 'proven'>,
  refuseUnknown: (presented: string | undefined, said: { readonly hint?: string }) => never,
  /** On the operators' listener: what comes from browsers. */
  pages?: PageGuard,
) {
  return (request: IncomingMessage, endpoint: AnyEndpoint): Who => {
    const { caller, whileSealed } = endpoint
    pages?.refuseForeign(request)
    if (caller === 'anyone') return undefined
    if (caller === 'person') return atOwnPage(request, pages)
    const bound = boundOf(request)
    const presented = callerToken(request.rawHeaders, bound?.token)
    if (whileSealed === true) return presented === undefined ? undefined : { kind: 'unproven', token: presented }
    const principal = pages?.session(request) ?? recognised(identity, relying, presented, bound)
    if (principal === undefined) return refuseUnknown(presented, wanted[caller])
    if (principal.kind !== caller) throw httpProblem('caller_refused')
    if (principal.kind === 'service') return principal
    if (principal.kind === 'operator') refuseUnlessMay(principal, endpoint)
    if (principal.kind === 'operator' && principal.session !== undefined) return principal
    if (principal.kind === 'agent') refuseUnlessLive(identity, principal)
    return possession.proven(principal, presented as string, request)
  }
}

/** Whoever shows nothing may have come to a listener that is one agent's own. */
function recognised(
  identity: Identity,
  relying: Pick<Relying, 'authenticateService'>,
  presented: string | undefined,
  bound: Bound | undefined,
): Principal | RelyingPrincipal | undefined {
  if (presented === undefined) return undefined
  if (presented === '') return atListener(identity, bound ?? {})
  return identity.authenticate(presented) ?? relying.authenticateService(presented)
}

/** Where the token that an endpoint wants comes from. */
const wanted = {
  agent: {},
  operator: {
    hint: 'The operator token is wanted here: the newest, and not older than 90 days. With the gateway stopped `claviger operator token reset` makes a new one.',
  },
  service: {
    hint: 'Send the key of a relying service as Authorization: Bearer svc_…; `claviger relying key issue` makes one.',
  },
} as const

/** Nobody yet. Throws Problem `origin_refused` where that is no page of ours. */
function atOwnPage(request: IncomingMessage, pages: PageGuard | undefined): undefined {
  if (pages === undefined) throw peopleProblem('origin_refused')
  pages.demandOwn(request)
}

/** The one place that judges what an operator may call. Throws Problems `role_refused`, `recovery_session`, `verification_wanted`. */
function refuseUnlessMay(principal: OperatorPrincipal, endpoint: AnyEndpoint): void {
  refuseUnlessRole(principal, roleWanted(endpoint))
  const { session } = principal
  if (session === undefined) return
  if (session.recovery) {
    if (endpoint.recovery !== true) throw peopleProblem('recovery_session')
  } else if (freshWanted(endpoint) && !session.isFresh()) throw peopleProblem('verification_wanted')
}

/** Throws Problem `role_refused` for an operator of a lesser role. */
export function refuseUnlessRole({ operator }: OperatorPrincipal, wanted: Role): void {
  if (!roleSuffices(operator.role, wanted)) throw httpProblem('role_refused', { facts: { role: wanted } })
}

/** Calls ask the policy; an endpoint has nobody else to ask whether the agent and its token still stand. */
function refuseUnlessLive(identity: Identity, principal: Extract<Principal, { kind: 'agent' }>): void {
  if (identity.mayAct(principal)) return
  const { agent } = principal
  throw denialProblem(agent.status === 'active' ? 'token_not_live' : 'agent_not_active')
}

/** The caller as records name it. */
export function actorOf(who: Who): Actor {
  if (who === undefined || who.kind === 'unproven') return { kind: 'system', id: 'claviger' }
  if (who.kind === 'service') return { kind: 'service', id: who.service.id, key: who.token.id }
  return { kind: who.kind, id: who.kind === 'agent' ? who.agent.id : who.id, key: who.token.id }
}
