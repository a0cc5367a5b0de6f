import type { Alerts } from '../../alerts/alerts.ts'
import { httpProblem } from '../../http/problems.ts'
import type { AgentPrincipal, OperatorPrincipal } from '../../identity/contract.ts'
import type { Identity } from '../../identity/identity.ts'
import type { RelyingPrincipal } from '../../identity/relying/contract.ts'
import type { Relying } from '../../identity/relying/relying.ts'
import type { JktOf } from '../../identity/sessions/came.ts'
import type { SignIn } from '../../identity/sessions/sign-in.ts'
import type { SignIns } from '../../identity/sign-ins/sign-ins.ts'

/** A caller of this door, recognised; the door's routes say which kinds they take. */
export type DoorCaller = AgentPrincipal | OperatorPrincipal | RelyingPrincipal

/** What the door translates to. It has no rule of its own. */
export interface DoorNeeds {
  readonly identity: Identity
  readonly relying: Relying
  readonly signIn: SignIn
  readonly signIns: SignIns
  readonly alerts: Alerts
  /** Thumbprint of the key that tokens are to be bound to, if the client asks for that. */
  readonly jktOf: JktOf
  /** Whether a proof that an agent sent to a service holds for the token that it sent with it; uses the proof up. */
  readonly proves: (shown: {
    readonly proof: string
    readonly method: string
    readonly url: string
    readonly accessToken: string
    readonly jkt: string
  }) => boolean
  readonly now: () => number
  /** Whether the bare nonce is refused to everybody. */
  readonly requireV2: boolean
  /** Whoever a request's credential names; undefined for none. Throws Problems as every endpoint does. */
  readonly callerOf: (rawHeaders: readonly string[]) => DoorCaller | undefined
}

/** Throws Problem `unauthenticated` for nobody, `caller_refused` for others than those named. */
export function wanted<K extends DoorCaller['kind']>(
  caller: DoorCaller | undefined,
  ...kinds: readonly K[]
): Extract<DoorCaller, { kind: K }> {
  if (caller === undefined) throw httpProblem('unauthenticated')
  if (!(kinds as readonly string[]).includes(caller.kind)) throw httpProblem('caller_refused')
  return caller as Extract<DoorCaller, { kind: K }>
}
