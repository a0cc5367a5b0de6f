import type { AgentPrincipal } from '../../gate/rooms.ts'
import type { Origin } from '../../ground/origin.ts'
import type { Target } from '../../ground/target.ts'
import type { Client, ClientOf } from '../../http/client-address.ts'
import type { AgentEntry } from '../../identity/contract.ts'
import type { DoorSessions } from '../../identity/doors/door-sessions.ts'
import type { DoorTokens } from '../../identity/doors/door-tokens.ts'
import type { Label } from '../../policy/label.ts'
import type { Collect } from '../../proxy/collect.ts'
import type { Actor } from '../../storage/storage.ts'

/** A call in the contract's words, read and not judged. */
export interface AskedCall {
  readonly principal: AgentPrincipal
  readonly skillId: string
  readonly provider: string
  readonly handle: string
  readonly label: Label
  readonly method: string
  readonly target: Target
  readonly origin: Origin
  /** As the endpoint names it, for people. */
  readonly host: string
}

/** How a call stands that was refused, for the words of the refusal: what the core knows of each row of the contract. */
export interface Standing {
  /** Whether an active grant has the label, and label and session mean the method. */
  readonly granted: boolean
  readonly rpm: number | undefined
  /** Until the grant's rate allows a call: 0 for now, Infinity for never. */
  readonly waitMs: number
  readonly handle: 'unknown' | 'expired' | 'foreign' | 'kept' | 'given'
  /** Whether the origin is the provider's; `hosts` are those that are. */
  readonly onProvider: boolean
  readonly hosts: readonly string[]
}

export interface AuditIntegrity {
  readonly valid: boolean
  readonly entries: number
  readonly brokenAtLine?: number
  readonly reason?: string
}

/** What the door translates to. It has no rule of its own. */
export interface ClauthNeeds {
  readonly tokens: DoorTokens
  readonly sessions: DoorSessions
  readonly collect: Collect
  readonly clientOf: ClientOf
  readonly standingOf: (call: AskedCall) => Standing
  /** The id of the handle's credential; an id that is nobody's for one that is not there. */
  readonly credentialOf: (handle: string) => string
  /** Throws Problem `clauth_admin_disabled`, `clauth_unauthorized`, `admin_backing_off`. */
  readonly checkAdmin: (presented: string | undefined, client: Client) => void
  readonly admin: Actor
  /** The agent of a skill; a new one where there is none. Throws Problem `clauth_invalid` for what is no skill's name. */
  readonly agentOf: (skillId: string, by: Actor) => Promise<AgentEntry>
  readonly knownAgent: (skillId: string) => AgentEntry | undefined
  readonly noteUnknown: () => void
  /** Ends everything; gives how many grants were active. */
  readonly emergencyRevoke: (by: Actor) => Promise<number>
  /** Posts to the address once; whether it answered 2xx. */
  readonly postOnce: (url: string, body: object) => Promise<boolean>
  /** Anybody may ask, and often: not counted for each. */
  readonly counts: () => { readonly activeSkillTokens: number; readonly activeGrants: number }
  readonly unlocked: () => boolean
  readonly auditIntegrity: () => AuditIntegrity
  readonly now: () => number
  readonly healthOf: () => object
  readonly page: () => string
  /** Where the door is reached: by the agents' listener, or by a Unix socket of its own. */
  readonly daemon: (unixSocket: boolean) => string
  readonly allowRemote: boolean
  readonly allowPlainHttp: boolean
}
