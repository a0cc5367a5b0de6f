import type { Audit } from '../audit/contract.ts'
import type { Clock } from '../ground/clock.ts'
import type { CredentialId, GrantId } from '../ground/ids.ts'
import { looksLikeCredential } from '../ground/looks-like-credential.ts'
import type { Origin } from '../ground/origin.ts'
import { Problem, type ProblemFacts } from '../ground/problem.ts'
import { type Decision, decide } from '../policy/decide.ts'
import type { Mint } from '../policy/mint.ts'
import type { Permit } from '../policy/permit.ts'
import { AskingRoom } from './asking-room.ts'
import { denial, denialProblem } from './denials.ts'
import { type Explanation, explanationOf } from './explanation.ts'
import { type Gathered, gatherFacts, type InFlightLimits, type Read } from './gather-facts.ts'
import { asActor, digestNow, humansYes, type Yes } from './humans-yes.ts'
import { intentOf } from './intent-of.ts'
import type { OpenCall, OpenCalls } from './open-calls.ts'
import type { CallContents, CallRequest, GateGrant, GateRooms, GateService, GateToken } from './rooms.ts'
import { rulesOf, scopesOf, shownRules } from './why-denied.ts'

export interface GateOptions<S extends GateService = GateService> {
  readonly rooms: GateRooms<S>
  readonly audit: Audit
  readonly openCalls: OpenCalls
  readonly limits: InFlightLimits
  readonly clock: Clock
  readonly mint: Mint['mint']
  /** The epoch of the authority the decision rests on. */
  readonly epoch: () => number
}

/** What an admitted call goes on with. Whoever holds it must call `open.leave()` when the call is over. */
export interface Admission<S extends GateService = GateService> {
  readonly permit: Permit
  readonly service: S
  readonly open: OpenCall
  /** Of a call that a human was asked about: this is sent, and nothing else of the caller's. */
  readonly contents: CallContents | undefined
  /** The body, where rules wanted it: it is not on the caller's connection any more. */
  readonly read: Pick<CallContents, 'body'> | undefined
}

/**
 * The one path to a permit: facts → decide → consume → record → permit. A permit exists only after the intent is on disk,
 * and only if nothing that allowed the call was taken away while it got there.
 */
export class Gate<S extends GateService = GateService> {
  readonly #options: GateOptions<S>
  /** Calls that took a use of their grant or token, and have not handed it on to a second try. */
  readonly #took = new WeakSet<OpenCall>()
  /** Calls that took a human's yes, and have not handed it on to a second try. */
  readonly #taken = new WeakMap<OpenCall, Yes>()
  readonly #asking = new AskingRoom()

  constructor(options: GateOptions<S>) {
    this.#options = options
  }

  /** Rejects with the denial's Problem, or with the log's (`audit_unavailable`, `storage_full`): then nothing was sent. */
  async admit(call: CallRequest): Promise<Admission<S>> {
    const held = this.#useOf(call.firstTry)
    const first = this.#judge(call, held)
    const judged = wantsBody(first) ? await this.#judgeWhole(call, held, first.gathered) : first
    let { gathered } = judged
    let yes: Yes | undefined
    if (judged.decision.outcome === 'ask') ({ yes, gathered } = await this.#askFirst(call, judged, held))
    else if (judged.decision.outcome !== 'allow') throw this.#refuse(call, judged.decision, gathered)
    const { service, grant, origin } = gathered
    if (service === undefined || grant === undefined || origin === undefined) throw denial('no_grant')
    const open = this.#enter(call, service, grant, gathered.credential)
    let counted = false
    try {
      this.#options.rooms.grants.takeRate(grant)
      const { token } = call.principal
      if (token.use !== undefined && held === undefined) await this.#useToken(call, token)
      if (grant.uses !== undefined && grant.id !== held) {
        await this.#consume(call, grant)
        counted = true
      }
      if (yes !== undefined) await this.#take(call, yes, gathered)
      const intentSeq = await this.#intend(call, gathered, service, grant, yes)
      counted = false
      if (open.aborted !== undefined) this.#refuseMeanwhile(call)
      const permit = this.#mint(call, gathered, service, grant, origin, intentSeq)
      if (grant.uses !== undefined || token.use !== undefined) this.#took.add(open)
      if (yes !== undefined) this.#taken.set(open, yes)
      return { permit, service, open, contents: yes?.contents, read: judged.read }
    } catch (error) {
      try {
        // The log refused, so no intent stands for the use that was counted: it was not used.
        if (counted) await this.#options.rooms.grants.giveBack(grant.id, call.rid)
      } finally {
        open.leave()
      }
      throw error
    }
  }

  /**
   * What each check answers for this call, without making it: nothing is taken, nothing is recorded, no permit exists. `whole`:
   * for operators, who hear what the call is also where the agent was given nothing on the service.
   */
  explain(call: CallRequest, whole = false, read?: Read): Explanation {
    return explanationOf(this.#gather(call, undefined, read), call, whole)
  }

  #gather(call: CallRequest, held?: GrantId, read?: Read): Gathered<S> {
    const { rooms, openCalls, limits, clock } = this.#options
    return gatherFacts(call, rooms, openCalls, limits, clock, held, read)
  }

  /** The grant that the first try used: to be had once, so that one use, of it or of the token, is never two calls'. */
  #useOf(firstTry: OpenCall | undefined): GrantId | undefined {
    return firstTry !== undefined && this.#took.delete(firstTry) ? firstTry.footing.grant : undefined
  }

  /** What only the service could see to be ambiguous is a denial like any other: on record. */
  #gatherOrRefuse(call: CallRequest, held: GrantId | undefined, read?: Read): Gathered<S> {
    try {
      return this.#gather(call, held, read)
    } catch (error) {
      if (error instanceof Problem) this.#recordDenial(call, error.code)
      throw error
    }
  }

  #judge(call: CallRequest, held: GrantId | undefined): Judged<S> {
    const gathered = this.#gatherOrRefuse(call, held)
    return { gathered, decision: decide(gathered.question), read: undefined }
  }

  /** The body is read, and everything looked at again. What a way in does not let be read is not known. */
  async #judgeWhole(call: CallRequest, held: GrantId | undefined, first: Gathered<S>): Promise<Judged<S>> {
    let read: Judged<S>['read']
    try {
      read = await call.contents?.()
    } catch (error) {
      if (error instanceof Problem) this.#recordDenial(call, error.code, first.origin?.href)
      throw error
    }
    const gathered = this.#gatherOrRefuse(call, held, read ?? 'unreadable')
    return { gathered, decision: decide(gathered.question), read }
  }

  /** Whatever time it takes: everything is looked at again afterwards, and the yes is one more fact. */
  async #askFirst(call: CallRequest, first: Judged<S>, held: GrantId | undefined) {
    const yes = await this.#ask(call, first.decision, first.gathered)
    const gathered = this.#gatherOrRefuse(call, held, yes.contents)
    const then = decide({ ...gathered.question, approval: approved })
    if (then.outcome !== 'allow') throw this.#refuse(call, then, gathered)
    return { yes, gathered }
  }

  /** Rejects as humansYes() does. A second try goes by the yes of the first, as long as it is for the same. */
  async #ask(call: CallRequest, decision: Decision, gathered: Gathered<S>): Promise<Yes> {
    const { rooms } = this.#options
    const { approvals } = rooms
    const taken = call.firstTry && this.#taken.get(call.firstTry)
    if (taken !== undefined) return taken
    if (approvals === undefined || call.contents === undefined) throw this.#refuse(call, decision, gathered)
    try {
      return await humansYes(call, gathered, rooms, approvals, this.#asking)
    } catch (error) {
      if (error instanceof Problem) this.#recordDenial(call, error.code, gathered.origin?.href)
      throw error
    }
  }

  /** Takes the yes for what will be sent now. A use that no intent follows is not given back: a human may be asked anew. */
  async #take(call: CallRequest, { id, digest, contents }: Yes, gathered: Gathered<S>): Promise<void> {
    const { rooms } = this.#options
    const { approvals } = rooms
    if (approvals === undefined) throw denialProblem('approval_required')
    const now = digestNow(call, gathered, contents, rooms, approvals)
    const by = asActor(call)
    if (now !== digest) {
      await approvals.mismatch(id, now, by)
      this.#recordDenial(call, 'approval_mismatch', gathered.origin?.href)
      throw denialProblem('approval_mismatch', { facts: { approval: id } })
    }
    if (call.firstTry !== undefined && this.#taken.delete(call.firstTry)) return
    if (await approvals.consume(id, digest, call.rid, by)) return
    this.#recordDenial(call, 'approval_used_up', gathered.origin?.href)
    throw denialProblem('approval_used_up', { facts: { approval: id } })
  }

  #enter(call: CallRequest, service: GateService, grant: GateGrant, credential?: CredentialId): OpenCall {
    return this.#options.openCalls.enter({
      rid: call.rid,
      agent: call.principal.agent.id,
      token: call.principal.token.id,
      service: service.id,
      grant: grant.id,
      credential,
    })
  }

  #intend(call: CallRequest, gathered: Gathered, service: GateService, grant: GateGrant, yes?: Yes): Promise<number> {
    const { audit, epoch } = this.#options
    const shown = audit.redactTarget(call.target, service.plainQuery)
    const intent = intentOf(call, shown, gathered, service, grant, epoch())
    return audit.intent(yes === undefined ? intent : { ...intent, approval: { id: yes.id, digest: yes.digest } })
  }

  #refuseMeanwhile({ rid }: CallRequest): never {
    this.#options.audit.outcome({ rid, outcome: { status: 0, bytesIn: 0, bytesOut: 0, ms: 0, error: 'not_sent' } })
    throw denialProblem('revoked_meanwhile')
  }

  #mint(
    call: CallRequest,
    { resolution, credential }: Gathered,
    service: GateService,
    grant: GateGrant,
    origin: Origin,
    intentSeq: number,
  ): Permit {
    return this.#options.mint({
      call: {
        rid: call.rid,
        agent: call.principal.agent.id,
        token: call.principal.token.id,
        service: service.id,
        serviceName: service.name,
        method: call.method,
        origin,
        target: call.target,
        action: resolution?.action,
      },
      grant: grant.id,
      credential: service.injection === undefined ? undefined : credential,
      origins: service.originHrefs,
      intentSeq,
    })
  }

  /** A use that no intent follows is not given back: a token that is good for so many calls errs on the side of fewer. */
  async #useToken(call: CallRequest, token: GateToken): Promise<void> {
    if ((await token.use?.()) === true) return
    this.#recordDenial(call, 'token_used_up')
    throw denial('token_used_up')
  }

  async #consume(call: CallRequest, grant: GateGrant): Promise<void> {
    if (await this.#options.rooms.grants.consume(grant.id, call.rid)) return
    this.#recordDenial(call, 'grant_used_up')
    throw denial('grant_used_up')
  }

  #refuse(call: CallRequest, decision: Decision, gathered: Gathered) {
    const reason = decision.why ?? 'no_grant'
    this.#recordDenial(call, reason, gathered.origin?.href, reason === 'rule_denies' ? gathered.rules : undefined)
    const facts: Record<string, string | number> = {}
    if (reason === 'rule_denies') facts.rule = rulesOf(gathered)
    if (reason === 'scope_not_granted') facts.requiredScopes = scopesOf(gathered).join(' ')
    if (reason === 'rate_limited') facts.retryAfterSeconds = this.#rateWaitSeconds(gathered)
    if (reason === 'total_in_flight_limit' || reason === 'agent_in_flight_limit') facts.retryAfterSeconds = 1
    return denial(reason, facts satisfies ProblemFacts)
  }

  /** Whole seconds until the grant's rate allows a call; a day where it never does. */
  #rateWaitSeconds({ grant }: Gathered): number {
    const waitMs = grant === undefined ? 0 : this.#options.rooms.grants.rateWaitMs(grant)
    return Number.isFinite(waitMs) ? Math.max(1, Math.ceil(waitMs / 1_000)) : 86_400
  }

  /** The name of a service that is not there is whatever the caller wrote, which may be a key in the wrong place. */
  #shownName(name: string): string {
    const { rooms, audit } = this.#options
    const plain = rooms.services.byName(name) !== undefined || (PLAIN_NAME.test(name) && !looksLikeCredential(name))
    return plain ? name : audit.redact(name)
  }

  #recordDenial(call: CallRequest, reason: string, origin = '', rules?: Gathered['rules']): void {
    const { audit, epoch } = this.#options
    const { path } = audit.redactTarget(call.target, nothingPlain)
    audit.deny({
      rid: call.rid,
      actor: { kind: 'agent', id: call.principal.agent.id, key: call.principal.token.id },
      req: { service: this.#shownName(call.serviceName), method: call.method, origin, path },
      reason,
      policy: epoch(),
      ev: rules === undefined ? call.toldOfDenial?.() : { ...call.toldOfDenial?.(), rules: shownRules(rules) },
    })
  }
}

interface Judged<S extends GateService> {
  readonly gathered: Gathered<S>
  readonly decision: Decision
  readonly read: Pick<CallContents, 'body'> | undefined
}

/** All that could refuse a call has let it pass, but for rules that cannot tell without its body. */
function wantsBody({ decision, gathered }: Judged<GateService>): boolean {
  return decision.check === 'rulesAllow' && gathered.rules === 'needs_body'
}

const approved = Object.freeze({ verdict: 'approved' as const })
const nothingPlain: ReadonlySet<string> = new Set()
const PLAIN_NAME = /^[A-Za-z0-9._-]{1,64}$/
