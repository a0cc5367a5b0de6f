import type { AskingRule, CallAction, Terms } from '../approvals/action.ts'
import type { WindowBounds } from '../approvals/windows/offer.ts'
import type { TakenFor, TakenWindow } from '../approvals/windows/windows.ts'
import type { EventObject } from '../audit/contract.ts'
import type { AgentId, CallId, CredentialId, GrantId, ServiceId, TokenId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import type { Target } from '../ground/target.ts'
import type { WordAllows } from '../policy/choose-grant.ts'
import type { Label } from '../policy/label.ts'
import type { CredentialFacts, FindingFacts, GrantFacts, ResolutionFacts } from '../policy/question.ts'
import type { Actor } from '../storage/storage.ts'
import type { OpenCall } from './open-calls.ts'

/**
 * What the gate asks of the rooms below it, and nothing more. Every answer comes from memory. `S` is what the services room
 * knows of a service: who is admitted gets it whole.
 */
export interface GateRooms<S extends GateService = GateService> {
  readonly services: { byName(name: string): S | undefined }
  readonly grants: {
    /** In the order in which they were given. */
    of(agent: AgentId, service: ServiceId): readonly GateGrant[]
    /** Milliseconds until the grant's rate allows a call, 0 for now; takes nothing. */
    rateWaitMs(grant: GateGrant): number
    /** Takes one call from the grant's rate; false if it allows none now. */
    takeRate(grant: GateGrant): boolean
    /** Uses the grant once, in one statement, committed when it resolves; false when it was used up meanwhile. */
    consume(grant: GrantId, rid: CallId): Promise<boolean>
    /** Gives a use back: nothing was sent, and no intent is on record. */
    giveBack(grant: GrantId, rid: CallId): Promise<boolean>
    /** Whether it gives this credential of its service; `restricted` is what the credential's metadata says of that. */
    gives(grant: GateGrant, credential: CredentialId, restricted: string | undefined): boolean
  }
  readonly credentials: {
    stateOf(id: CredentialId): { readonly facts: CredentialFacts; readonly version: number }
    /** Whose it is, and what its metadata says under `restricted`; undefined for one that is not there. */
    aboutOf(
      id: CredentialId,
    ): { readonly service: ServiceId; readonly handle: string; readonly restricted: string | undefined } | undefined
  }
  /** What the operator's rules say. */
  readonly rules: GateRules
  /** Who asks people. Undefined: nobody can be asked, and what must be asked about is refused. */
  readonly approvals?: GateApprovals | undefined
}

export interface GateRules {
  /** Another number after every change of what they say. */
  readonly state: number
  /** `needs_body`: to be asked again with the contents. */
  judge(question: RuledCall): GateRuleVerdict | 'needs_body'
}

export interface RuledCall {
  readonly now: number
  readonly agent: { readonly id: AgentId; readonly name?: string | undefined }
  readonly service: { readonly id: ServiceId; readonly name: string }
  readonly resolution: GateResolution
  readonly method: string
  readonly target: Target
  readonly findings: readonly FindingFacts[]
  readonly contents: Pick<CallContents, 'body'> | 'unreadable' | undefined
}

export interface GateRuleVerdict {
  readonly effect: 'none' | 'allow' | 'ask' | 'deny'
  /** Those that decided; none where the default did. */
  readonly rules: readonly AskingRule[]
  /** Of `ask`. */
  readonly terms?: (Terms & { readonly window?: WindowBounds | undefined }) | undefined
}

/** What the gate wants of the approvals room. */
export interface GateApprovals {
  /** Id of this installation. */
  readonly install: string
  /** The approval that counts for the action, opened if there is none. Rejects where the agent may not ask now. */
  ask(asked: AskedApproval): Promise<ApprovalStanding>
  /** What it is once it is not pending any more, after `waitMs`, or when the signal is aborted. */
  settled(id: string, waitMs: number, signal?: AbortSignal): Promise<ApprovalStanding>
  /** Takes one use of a trust window that covers the call, committed when it resolves; undefined if there is none. */
  takeWindow(action: CallAction, by: TakenFor): Promise<TakenWindow | undefined>
  /**
   * Takes one use of a yes for exactly this digest, committed when it resolves; undefined if there is none. Nothing may be sent
   * before `recorded` resolves.
   */
  take(id: string, use: TakenOf, by: Actor): Promise<{ readonly recorded: Promise<unknown> } | undefined>
  /** Has the call sent for an agent that leaves, once there is a yes; gives how it stands then. */
  sendLater(id: string, by: Actor): Promise<ApprovalStanding>
  /** What was shown and what was to be sent are two: on record. */
  mismatch(id: string, digest: string, by: Actor): Promise<void>
}

export interface TakenOf {
  readonly digest: string
  readonly rid: CallId
  /** The gateway sends the call for an agent that left. */
  readonly forAgent: boolean
}

export interface AskedApproval {
  readonly action: CallAction
  readonly token: string
  readonly body: Buffer | undefined
  readonly contentType: string | undefined
  readonly idempotencyKey: string | undefined
  /** How much more of the same the rules let the human allow at once. */
  readonly window: WindowBounds | undefined
}

export interface ApprovalStanding {
  readonly id: string
  readonly digest: string
  readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled' | 'consumed'
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /** Present where the gateway sends the call for an agent that left. */
  readonly later?: object | undefined
}

/** What of a call only the way in can read: all of its body, and the headers that will go on. */
export interface CallContents {
  readonly body: Buffer | undefined
  /** Lower-case names, sorted by them; nothing else of the caller's goes on with a call that was asked about. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly idempotencyKey?: string | undefined
}

/** The caller's end of a call, asked for more only where a rule or a human wants it. */
export interface Caller {
  /** Reads what would be sent. Rejects as reading a body does. */
  contents(): Promise<CallContents>
  /** It left: nobody would hear the answer. */
  readonly gone: boolean
  /** Undefined where the caller does not wait on its connection. */
  patience(): Patience | undefined
  /** It leaves before the answer, and the call is to be sent for it once there is a yes. */
  readonly leaves?: boolean
  /** The yes that the call goes by, and by no other: nobody is asked again. */
  readonly answered?: Answered | undefined
}

/** The yes of a call that is sent for an agent that left. */
export interface Answered {
  readonly id: string
  readonly digest: string
}

/** How long the caller's connection is held while a human is asked. */
export interface Patience {
  readonly waitMs: number
  /** Aborted when the caller leaves. */
  readonly signal: AbortSignal
}

export interface GateService {
  readonly id: ServiceId
  readonly name: string
  /** Epoch of the change that made it what it is. */
  readonly epoch: number
  readonly origins: readonly Origin[]
  readonly originHrefs: readonly string[]
  /** Present when calls to the service carry a credential. */
  readonly injection: object | undefined
  readonly plainQuery: ReadonlySet<string>
  resolve(method: string, target: Target): GateResolution | undefined
  /** Whether a word of a label means this method and path. */
  wordAllows(word: string, method: string, target: Target): boolean
}

export interface GateResolution extends ResolutionFacts {
  readonly required: readonly string[]
  /** A scope that covers the action by itself. */
  readonly enough?: string | undefined
}

export interface GateGrant extends GrantFacts {
  readonly id: GrantId
  /** Calls in any 60 seconds. */
  readonly rpm: number | undefined
  /** What a call that names none goes with. */
  readonly credential: CredentialId | undefined
  readonly credentials: readonly CredentialId[]
  /** `unnamed`: it gives what no grant names, to calls that name it. */
  readonly reach: 'named' | 'implied' | 'unnamed' | 'none'
  readonly label: Label | undefined
  /** It counts for calls through this door alone. */
  readonly door: string | undefined
  covers(resolution: GateResolution, wordAllows: WordAllows): boolean
}

/** The agent that asks, as identity recognised it. */
export interface AgentPrincipal {
  readonly kind: 'agent'
  readonly agent: {
    readonly id: AgentId
    readonly name?: string
    readonly status: 'pending' | 'active' | 'suspended' | 'revoked'
  }
  readonly token: GateToken
}

export interface GateToken {
  /** `jwt` for a signed one. */
  readonly kind?: string
  readonly id: TokenId
  readonly status: 'active' | 'revoked'
  readonly expiresAt: number
  /** Present where a token has a scope of its own: whether it leaves the call in. */
  covers?(service: string, call: GateResolution): boolean
  /** Present where that scope is a label: then a call must name one that it covers. */
  readonly labelScope?: Label | undefined
  /** Present where a token is good for so many calls: uses it once, committed when it resolves; false when it is used up. */
  use?(): Promise<boolean>
}

/** A call as a door brings it: who, what, where; nothing decided. */
export interface CallRequest {
  readonly rid: CallId
  readonly principal: AgentPrincipal
  readonly serviceName: string
  readonly method: string
  readonly target: Target
  /** Set when the caller named an origin; it must be one of the service's. Otherwise the service's first is meant. */
  readonly origin?: Origin | undefined
  /** Present where the request asks to go on in another protocol than HTTP: in one that is carried, or in any other. */
  readonly protocol?: 'websocket' | 'other' | undefined
  /** What of the agent's grants may allow it, where the way in says so: what fits none of them is not granted. */
  readonly only?: Only | undefined
  /** What the way in knows of the call and the record is to say: the same object for calls of the same kind. */
  readonly told?: EventObject | undefined
  /** The same for the record of a denial, made when there is one. */
  readonly toldOfDenial?: (() => EventObject) | undefined
  /** The call's first try, where this is its second: the use of a grant or token that it took is this one's. Good once. */
  readonly firstTry?: OpenCall | undefined
}

export interface Only {
  /** The door that the call comes through: grants that it made count too. */
  readonly door?: string | undefined
  readonly grant?: GrantId | undefined
  /** Grants that give this credential, which the call then goes with. */
  readonly credential?: CredentialId | undefined
  /** Grants whose label covers this one, the one with the fewest stars; and its word must mean the call. */
  readonly label?: Label | undefined
}
