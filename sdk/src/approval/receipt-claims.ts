// What a receipt says, after its signature holds.
import { isObject, type JsonObject } from '../strict-json.ts'
import type { Assurance } from './digest.ts'

/** Times are seconds since 1970. Members beside these are as the gateway put them. */
export interface ReceiptClaims {
  readonly iss: string
  readonly jti: string
  /** When the verdict was given. */
  readonly iat: number
  /** When the yes ends; a no has none. */
  readonly exp?: number
  /** Id of the approval. */
  readonly approval: string
  readonly digest: string
  readonly kind: 'call' | 'stated' | 'window'
  readonly agent: { readonly id: string; readonly name: string }
  /** Of a stated action. */
  readonly action?: string
  readonly payloadHash?: string
  readonly verdict: 'approved' | 'denied'
  readonly assurance: Assurance
  readonly uses?: number
  readonly approvers: readonly {
    readonly id: string
    readonly name: string
    readonly assurance: 'tap' | 'push' | 'passkey'
    readonly at: number
    readonly channel: string
  }[]
  readonly assertions: readonly { readonly credentialId: string; readonly sha256: string }[]
  readonly [claim: string]: unknown
}

const HASH = /^[0-9a-f]{64}$/
const kinds: readonly unknown[] = ['call', 'stated', 'window']
const assurances: readonly unknown[] = ['tap', 'push', 'passkey', 'two-people']

/** The claims, if they are a receipt's; a yes must say when it ends. */
export function receiptClaims(claims: JsonObject): ReceiptClaims | undefined {
  const { iat, exp, digest, kind, agent, action, payloadHash, verdict, assurance, uses } = claims
  const isYes = verdict === 'approved'
  const fits =
    [claims.iss, claims.jti, claims.approval].every(isText) &&
    isCount(iat) &&
    (exp === undefined ? !isYes : isCount(exp)) &&
    isHash(digest) &&
    kinds.includes(kind) &&
    (isYes || verdict === 'denied') &&
    assurances.includes(assurance) &&
    isObject(agent) &&
    isText(agent.id) &&
    isText(agent.name) &&
    (action === undefined || isText(action)) &&
    (payloadHash === undefined || isHash(payloadHash)) &&
    (uses === undefined || (isCount(uses) && uses > 0)) &&
    isListOf(claims.approvers, isApprover) &&
    isListOf(claims.assertions, isAssertion)
  return fits ? (claims as unknown as ReceiptClaims) : undefined
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isHash = (value: unknown): boolean => isText(value) && HASH.test(value)
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function isListOf(value: unknown, fits: (item: JsonObject) => boolean): boolean {
  return Array.isArray(value) && value.every((item: unknown) => isObject(item) && fits(item))
}

function isApprover({ id, name, assurance, at, channel }: JsonObject): boolean {
  return [id, name, channel].every(isText) && assurances.slice(0, 3).includes(assurance) && isCount(at)
}

function isAssertion({ credentialId, sha256 }: JsonObject): boolean {
  return isText(credentialId) && isText(sha256)
}
