import type { Clock } from '../ground/clock.ts'
import type { CredentialId, GrantId } from '../ground/ids.ts'
import { type Origin, originMatches } from '../ground/origin.ts'
import { chooseGrant } from '../policy/choose-grant.ts'
import { labelCovers } from '../policy/label.ts'
import type { CredentialFacts, LimitFacts, Question } from '../policy/question.ts'
import { fittingGrants } from './fitting-grants.ts'
import type { OpenCalls } from './open-calls.ts'
import type {
  CallContents,
  CallRequest,
  GateGrant,
  GateResolution,
  GateRooms,
  GateRuleVerdict,
  GateService,
} from './rooms.ts'

export interface InFlightLimits {
  readonly total: number
  readonly perAgent: number
}

/** The question, and the room entries that its facts were read from. */
export interface Gathered<S extends GateService = GateService> {
  readonly question: Question
  readonly service: S | undefined
  readonly origin: Origin | undefined
  readonly resolution: GateResolution | undefined
  readonly grant: GateGrant | undefined
  /** What the call goes with. */
  readonly credential: CredentialId | undefined
  readonly credentialVersion: number
  readonly rules: GateRuleVerdict | 'needs_body'
}

/** What was read of a call to judge it by; undefined where nothing was. */
export type Read = Pick<CallContents, 'body'> | 'unreadable' | undefined

const allOk: LimitFacts = Object.freeze({ rateAllows: true, agentInFlightAllows: true, totalInFlightAllows: true })
const none: readonly never[] = Object.freeze([])

/**
 * Reads every fact that the policy wants from the rooms' memory. Changes nothing, waits for nothing. Throws Problem
 * `target_ambiguous` where only the service's own actions show that the query can be read in two ways. `held`: the grant
 * of which the call has a use already. `read`: what was read of its body, where the rules wanted that.
 */
export function gatherFacts<S extends GateService>(
  call: CallRequest,
  rooms: GateRooms<S>,
  open: OpenCalls,
  limits: InFlightLimits,
  clock: Clock,
  held?: GrantId,
  read?: Read,
): Gathered<S> {
  const now = clock.now()
  const service = rooms.services.byName(call.serviceName)
  const origin = service === undefined ? undefined : originFor(service, call.origin)
  const grants = service === undefined ? none : grantsFor(call, service, rooms, held)
  const resolution = grants.length === 0 ? undefined : service?.resolve(call.method, call.target)
  const wordAllows = (word: string) => service?.wordAllows(word, call.method, call.target) === true
  // Whatever the grant allows: a call is what it calls itself, or it is refused.
  const asNamed = call.only?.label === undefined || wordAllows(call.only.label.word)
  const grant = resolution === undefined || !asNamed ? undefined : chooseGrant(grants, resolution, wordAllows, now)
  const named = call.only?.credential ?? grant?.credential
  const { facts, version: credentialVersion } = credentialOf(service, grant, named, rooms)
  const rules = grant === undefined ? unjudged : judgedByRules(call, rooms, now, service, resolution, read)
  const question: Question = {
    now,
    agent: call.principal.agent,
    token: call.principal.token,
    serviceKnown: service !== undefined,
    originOnService: origin !== undefined,
    protocolCarried: call.protocol !== 'other',
    resolution,
    anyGrant: grants.length > 0,
    tokenCovers: tokenCovers(call, resolution),
    grant,
    credential: facts,
    limits: limitFacts(call, grant, rooms, open, limits),
    findings: none,
    rules: rules === 'needs_body' ? needsBody : rules,
    approval: undefined,
  }
  return { question, service, origin, resolution, grant, credential: named, credentialVersion, rules }
}

function grantsFor(
  call: CallRequest,
  service: GateService,
  rooms: GateRooms,
  held: GrantId | undefined,
): readonly GateGrant[] {
  const all = rooms.grants.of(call.principal.agent.id, service.id)
  const given = fittingGrants(all, call.only, service, rooms)
  return held === undefined ? given : given.map((grant) => (grant.id === held ? withoutOwnUse(grant) : grant))
}

/** Of a call that no grant covers: it is refused before its rules are asked. */
const unjudged: GateRuleVerdict = Object.freeze({ effect: 'none', rules: none })
const needsBody = Object.freeze({ effect: 'needs_body' as const })

export function judgedByRules(
  { principal, method, target }: CallRequest,
  rooms: GateRooms,
  now: number,
  service: GateService | undefined,
  resolution: GateResolution | undefined,
  contents: Read,
): GateRuleVerdict | 'needs_body' {
  if (service === undefined || resolution === undefined) return unjudged
  return rooms.rules.judge({
    now,
    agent: principal.agent,
    service,
    resolution,
    method,
    target,
    findings: none,
    contents,
  })
}

/** As it was before the call took its use. */
function withoutOwnUse(grant: GateGrant): GateGrant {
  const { id, status, expiresAt, uses, used, rpm, credential, credentials, reach, label, door } = grant
  return {
    id,
    status,
    expiresAt,
    uses,
    used: used - 1,
    rpm,
    credential,
    credentials,
    reach,
    label,
    door,
    covers: (resolution, wordAllows) => grant.covers(resolution, wordAllows),
  }
}

function tokenCovers(
  { principal: { token }, serviceName, only }: CallRequest,
  resolution: GateResolution | undefined,
): boolean {
  if (token.labelScope !== undefined && !(only?.label !== undefined && labelCovers(token.labelScope, only.label)))
    return false
  if (token.covers === undefined) return true
  return resolution !== undefined && token.covers(serviceName, resolution)
}

/** The origin that will be dialled: the one the caller named, if it is the service's; else the service's first. */
function originFor(service: GateService, named: Origin | undefined): Origin | undefined {
  if (named === undefined) {
    const first = service.origins[0]
    return first === undefined || first.wildcard ? undefined : first
  }
  for (const origin of service.origins) {
    if (originMatches(origin, named.host, named.port, named.scheme)) return named
  }
  return undefined
}

const noCredential = Object.freeze({ facts: 'none' as CredentialFacts, version: 0 })
const missing = Object.freeze({ facts: 'missing' as CredentialFacts, version: 0 })

function credentialOf(
  service: GateService | undefined,
  grant: GateGrant | undefined,
  credential: CredentialId | undefined,
  rooms: GateRooms,
) {
  if (service === undefined || grant === undefined) return missing
  if (service.injection === undefined) return noCredential
  return credential === undefined ? missing : rooms.credentials.stateOf(credential)
}

function limitFacts(
  call: CallRequest,
  grant: GateGrant | undefined,
  rooms: GateRooms,
  open: OpenCalls,
  limits: InFlightLimits,
): LimitFacts {
  const rateAllows = grant === undefined || rooms.grants.rateWaitMs(grant) <= 0
  const agentInFlightAllows = open.ofAgent(call.principal.agent.id) < limits.perAgent
  const totalInFlightAllows = open.total < limits.total
  if (rateAllows && agentInFlightAllows && totalInFlightAllows) return allOk
  return { rateAllows, agentInFlightAllows, totalInFlightAllows }
}
