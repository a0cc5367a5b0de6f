import type { AgentId, CallId, CredentialId, GrantId, ServiceId, TokenId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import type { Target } from '../ground/target.ts'

/** One request an agent wants made, in canonical form: what was decided on is what is sent. */
export interface CanonicalCall {
  readonly rid: CallId
  readonly agent: AgentId
  readonly token: TokenId
  readonly service: ServiceId
  readonly serviceName: string
  readonly method: string
  readonly origin: Origin
  readonly target: Target
  /** The service's name for this call, where it has one. */
  readonly action: string | undefined
}

/** Not exported: no other file can spell the property, so no object literal has the type. */
declare const permitBrand: unique symbol

/**
 * The proof that one call was allowed and that its intent is on record. Good for one forward: a retry is admitted again.
 * The type keeps honest code honest; that it was minted and not yet used is known to `createMint()` alone.
 */
export interface Permit {
  readonly [permitBrand]: true
  readonly call: CanonicalCall
  readonly grant: GrantId
  /** The credential to attach; undefined where the service is called without one. */
  readonly credential: CredentialId | undefined
  /** `href` of every origin of the service: part of what the credential was sealed with. */
  readonly origins: readonly string[]
  /** Where the log holds the intent. */
  readonly intentSeq: number
}

/** What a permit says, before it is one. */
export type PermitFields = Omit<Permit, typeof permitBrand>
