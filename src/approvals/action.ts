/**
 * What a human is asked about, as plain data. Its digest is what every yes is bound to (THREATS G-01), so whatever can
 * change what happens stands in it; a field that is not there cannot be approved.
 */
import { createHash } from 'node:crypto'
import { domain } from '../crypto/framing.ts'
import { type Canonical, canonicalJson } from '../ground/canonical-json.ts'
import type { AgentId, CredentialId, OperatorId, ServiceId } from '../ground/ids.ts'
import type { Assurance } from '../policy/assurance.ts'

/** What a yes is good for. */
export interface Terms {
  readonly assurance: Assurance
  /** How long it may be waited for, and from the yes on used, seconds. */
  readonly lifeSeconds: number
  /** How long it may be used from the yes on, where that is another time. */
  readonly goodSeconds?: number | undefined
  readonly uses: number
  /** Who may not say yes: the operator who answers for the agent, where another's is wanted. */
  readonly notBy?: OperatorId | undefined
}

/** The rule, of the operator's or of a service's action, that wants a human's yes. */
export interface AskingRule {
  readonly id: string
  readonly name: string
  readonly version: number
}

export interface CallAction {
  readonly kind: 'call'
  /** Instance id: what another installation was asked means nothing here (G-12). */
  readonly install: string
  readonly agent: { readonly id: AgentId; readonly name: string }
  /** `version`: epoch of the change that made its definition, which says how the credential is attached. */
  readonly service: { readonly id: ServiceId; readonly name: string; readonly version: string }
  /** Name of the service's action, if the call is one. */
  readonly action?: string | undefined
  readonly risk: 'low' | 'medium' | 'high'
  readonly method: string
  /** `scheme://host[:port]`. */
  readonly origin: string
  /** Canonical, as it is sent. */
  readonly path: string
  /** As it is sent, without `?`; empty if there is none. */
  readonly query: string
  /** The caller's own that are sent on: lower-case names, in the order of names, those of one name in theirs. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Left out where there is none. `sha256`: hex, of all of it. */
  readonly body?: { readonly bytes: number; readonly sha256: string } | undefined
  readonly credential?: { readonly id: CredentialId; readonly handle: string } | undefined
  /** Those that asked, in the order of their ids. */
  readonly rules: readonly AskingRule[]
  readonly terms: Terms
}

/** What an agent says it is about to do itself; nothing here carries it out. */
export interface StatedAction {
  readonly kind: 'stated'
  readonly install: string
  readonly agent: { readonly id: AgentId; readonly name: string }
  /** What it calls it, e.g. `shell.exec`. */
  readonly action: string
  readonly risk: 'low' | 'medium' | 'high' | 'critical'
  /** JSON text, canonical (RFC 8785 in full): tool, parameters, working directory … as they came. */
  readonly context: string
  /** JSON text, canonical too: what the doer compares, where that is more than the context and is shown. */
  readonly payload?: string | undefined
  /** Hex SHA-256 of what the doer compares; the door says over which bytes. */
  readonly payloadHash: string
  /** The agent's own words, shown as such. */
  readonly description?: string | undefined
  /** Tells two of the same content apart. */
  readonly request: string
  readonly terms: Terms
}

/**
 * A trust window, shown whole: this agent may make calls of this form on this service, with this credential, so often and for so
 * long, without being asked. Whatever stands here a call must share; what does not is open.
 */
export interface WindowAction {
  readonly kind: 'window'
  readonly install: string
  readonly agent: { readonly id: AgentId; readonly name: string }
  readonly service: { readonly id: ServiceId; readonly name: string; readonly version: string }
  /** Name of the service's action. Left out where the call is none: then it is `path`. */
  readonly action?: string | undefined
  /** Canonical; where no action is named. */
  readonly path?: string | undefined
  /** Calls of a higher risk are not meant. */
  readonly risk: 'low' | 'medium' | 'high'
  readonly method: string
  readonly origin: string
  readonly credential?: { readonly id: CredentialId; readonly handle: string } | undefined
  /** Those that would ask, all of them. */
  readonly rules: readonly AskingRule[]
  /** Digest of the call that waits, which the same yes lets out. */
  readonly first: string
  /** `lifeSeconds`: how long it holds from the yes on; `uses`: how many calls besides the first. */
  readonly terms: Terms
}

export type Action = CallAction | StatedAction | WindowAction

const APPROVAL = domain('approval')

/** Hex SHA-256 over the domain `approval` and the canonical JSON of the action (docs/protocol/receipt.md). */
export function actionDigest(action: Action): string {
  return createHash('sha256')
    .update(APPROVAL)
    .update(canonicalJson(action as unknown as Canonical))
    .digest('hex')
}
