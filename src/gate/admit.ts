import { actionDigest } from '../approvals/action.ts'
import type { Audit } from '../audit/contract.ts'
import type { Clock } from '../ground/clock.ts'
import type { CredentialId, GrantId } from '../ground/ids.ts'
import { Problem } from '../ground/problem.ts'
import { type Decision, decide } from '../policy/decide.ts'
import type { Mint } from '../policy/mint.ts'
import type { Permit } from '../policy/permit.ts'
import { AskingRoom, type KeptContents } from './asking-room.ts'
import { denial, denialProblem } from './denials.ts'
import { type Explanation, explanationOf } from './explanation.ts'
import { type Gathered, gatherFacts, type InFlightLimits, type Read } from './gather-facts.ts'
import { actionNow, asActor, humansYes, onceYes, type Yes } from './humans-yes.ts'
import { intentOf } from './intent-of.ts'
import type { OpenCall, OpenCalls } from './open-calls.ts'
import { permitOf } from './permit-of.ts'
import { Refusals } from './refusals.ts'
import type { CallContents, Caller, CallRequest, GateGrant, GateRooms, GateService, GateToken } from './rooms.ts'
import { rulesStillAllow } from './rules-meanwhile.ts'

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
  readonly #refusals: Refusals

  constructor(options: GateOptions<S>) {
    this.#options = options
    this.#refusals = new Refusals(options)
  }

  /**
   * Rejects with the denial's Problem, or with the log's (`audit_unavailable`, `storage_full`): then nothing was sent. Of a
   * call without a `caller` nothing can be read, and nobody is asked about it.
   */
  async admit(call: CallRequest, caller?: Caller): Promise<Admission<S>> {
    const held = this.#useOf(call.firstTry)
    const gathered = this.#gatherOrRefuse(call, held)
    const decision = decide(gathered.question)
    const answered = caller?.answered !== undefined
    if (decision.outcome === 'allow' && !answered) return this.#enter(call, gathered, held)
    const wanted = decision.outcome !== 'deny' || wantsBody(decision, gathered)
    if (!wanted || caller === undefined) throw this.#refusals.refused(call, decision, gathered)
    const kept = await this.#read(call, caller, gathered)
    try {
      const admission = await this.#admitWhole(call, held, caller, kept.contents)
      admission.open.onOver(kept.letGo)
      return admission
    } catch (error) {
      kept.letGo()
      throw error
    }
  }

  /** Everything is looked at again with what was read. */
  async #admitWhole(call: CallRequest, held: GrantId | undefined, caller: Caller, read: CallContents) {
    const gathered = this.#gatherOrRefuse(call, held, read)
    const decision = decide(gathered.question)
    const { answered } = caller
    if (decision.outcome === 'allow' && answered === undefined) return this.#enter(call, gathered, held, { read })
    if (decision.outcome === 'deny') throw this.#refusals.refused(call, decision, gathered)
    const yes =
      answered === undefined
        ? await this.#ask(call, decision, gathered, caller, read)
        : { ...onceYes(answered, read), forAgent: true }
    // Whatever time it took: everything is looked at once more, and the yes is one more fact.
    const then = this.#gatherOrRefuse(call, held, yes.contents)
    const last = decide({ ...then.question, approval: approved })
    if (last.outcome !== 'allow') throw this.#refusals.refused(call, last, then)
    return this.#enter(call, then, held, { read, yes, caller })
  }

  /** What the decision rests on is used, what was decided is recorded: then there is a permit. */
  async #enter(
    call: CallRequest,
    gathered: Gathered<S>,
    held: GrantId | undefined,
    { yes, read, caller }: Whole = nothingRead,
  ): Promise<Admission<S>> {
    const { state } = this.#options.rooms.rules
    const { service, grant, origin } = gathered
    if (service === undefined || grant === undefined || origin === undefined) throw denial('no_grant')
    const open = this.#openOf(call, service, grant, gathered.credential)
    let counted = false
    try {
      this.#options.rooms.grants.takeRate(grant)
      const { token } = call.principal
      if (token.use !== undefined && held === undefined) await this.#useToken(call, token)
      if (grant.uses !== undefined && grant.id !== held) {
        await this.#consume(call, grant)
        counted = true
      }
      const use = yes && (await this.#take(call, yes, gathered, caller))
      const intentSeq = await this.#intend(call, gathered, service, grant, yes)
      counted = false
      // Its record was handed in before the intent, and shared its sync.
      if (use !== undefined) await use.recorded.catch((error) => this.#notSent(call, error))
      if (open.aborted !== undefined || !this.#rulesLetGo(state, call, gathered, read, yes)) this.#refuseMeanwhile(call)
      const permit = this.#options.mint(permitOf(call, gathered, service, grant, origin, intentSeq))
      if (grant.uses !== undefined || token.use !== undefined) this.#took.add(open)
      if (yes !== undefined) this.#taken.set(open, yes)
      return { permit, service, open, contents: yes?.contents, read }
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
      if (error instanceof Problem) this.#refusals.record(call, error.code)
      throw error
    }
  }

  /** The body is read, because a rule wants to know it or a human is to see it. */
  async #read(call: CallRequest, caller: Caller, { origin }: Gathered<S>): Promise<KeptContents> {
    try {
      return await this.#asking.read(call.principal.agent.id, caller)
    } catch (error) {
      if (error instanceof Problem) this.#refusals.record(call, error.code, origin?.href)
      throw error
    }
  }

  /** Rejects as humansYes() does. A second try goes by the yes of the first, as long as it is for the same. */
  async #ask(call: CallRequest, decision: Decision, gathered: Gathered<S>, caller: Caller, contents: CallContents) {
    const { rooms } = this.#options
    const { approvals } = rooms
    const taken = call.firstTry && this.#taken.get(call.firstTry)
    if (taken !== undefined) return taken
    if (approvals === undefined) throw this.#refusals.refused(call, decision, gathered)
    try {
      return await humansYes(call, gathered, rooms, approvals, this.#asking, caller, contents)
    } catch (error) {
      if (error instanceof Problem) this.#refusals.record(call, error.code, gathered.origin?.href)
      throw error
    }
  }

  /**
   * Takes the yes for what will be sent now; undefined where it was taken before. A use that no intent follows is not given back: a
   * human may be asked anew.
   */
  async #take(call: CallRequest, yes: Yes, gathered: Gathered<S>, caller?: Caller) {
    const { id, digest, contents } = yes
    const { rooms } = this.#options
    const { approvals } = rooms
    if (approvals === undefined) throw denialProblem('approval_required')
    const now = actionNow(call, gathered, contents, rooms, approvals)
    const by = asActor(call)
    if (!yes.fits(now)) {
      await approvals.mismatch(id, actionDigest(now), by)
      this.#refusals.record(call, 'approval_mismatch', gathered.origin?.href)
      throw denialProblem('approval_mismatch', { facts: { approval: id } })
    }
    const wasFirsts = call.firstTry !== undefined && this.#taken.delete(call.firstTry)
    if (wasFirsts || yes.taken) return undefined
    if (caller?.gone === true) {
      // It may come back, and the yes is still there.
      this.#refusals.record(call, 'caller_left', gathered.origin?.href)
      throw denialProblem('approval_required', { facts: { approval: id } })
    }
    const use = await approvals.take(id, { digest, rid: call.rid, forAgent: yes.forAgent === true }, by)
    if (use !== undefined) return use
    this.#refusals.record(call, 'approval_used_up', gathered.origin?.href)
    throw denialProblem('approval_used_up', { facts: { approval: id } })
  }

  #openOf(call: CallRequest, service: GateService, grant: GateGrant, credential?: CredentialId): OpenCall {
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

  /** A rule that was added while the intent was on its way holds for the call: it was not sent yet. */
  #rulesLetGo(state: number, call: CallRequest, gathered: Gathered<S>, read?: CallContents, yes?: Yes): boolean {
    const { rooms, clock } = this.#options
    return rooms.rules.state === state || rulesStillAllow(call, gathered, rooms, clock.now(), read, yes)
  }

  #refuseMeanwhile(call: CallRequest): never {
    return this.#notSent(call, denialProblem('revoked_meanwhile'))
  }

  /** Its intent stands, and nothing of it leaves. */
  #notSent({ rid }: CallRequest, error: unknown): never {
    this.#options.audit.outcome({ rid, outcome: { status: 0, bytesIn: 0, bytesOut: 0, ms: 0, error: 'not_sent' } })
    throw error
  }

  /** A use that no intent follows is not given back: a token that is good for so many calls errs on the side of fewer. */
  async #useToken(call: CallRequest, token: GateToken): Promise<void> {
    if ((await token.use?.()) === true) return
    this.#refusals.record(call, 'token_used_up')
    throw denial('token_used_up')
  }

  async #consume(call: CallRequest, grant: GateGrant): Promise<void> {
    if (await this.#options.rooms.grants.consume(grant.id, call.rid)) return
    this.#refusals.record(call, 'grant_used_up')
    throw denial('grant_used_up')
  }
}

/** All that could refuse a call has let it pass, but for rules that cannot tell without its body. */
function wantsBody({ check }: Decision, { rules }: Gathered): boolean {
  return check === 'rulesAllow' && rules === 'needs_body'
}

/** What was read of a call that was looked at whole, and what became of that. */
interface Whole {
  readonly read?: CallContents
  readonly yes?: Yes
  readonly caller?: Caller
}

const nothingRead: Whole = Object.freeze({})
const approved = Object.freeze({ verdict: 'approved' as const })
