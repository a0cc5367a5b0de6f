// What an access token must say to be believed, after its signature holds.
import { isObject, type JsonObject } from '../strict-json.ts'

/** What an access token says. Members beside these are as the issuer put them. */
export interface Claims {
  readonly iss: string
  readonly aud: string | readonly string[]
  /** The agent. */
  readonly sub: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly scope?: string
  readonly cnf?: { readonly jkt: string }
  readonly [claim: string]: unknown
}

export type TokenFault =
  | 'malformed'
  | 'bad_signature'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'revoked'
  | 'proof_missing'
  | 'proof_invalid'
  | 'proof_replayed'
  | 'nonce_wanted'
  | 'insufficient_scope'

export interface ClaimRules {
  readonly issuer: string
  readonly audience: string
  readonly nowSeconds: number
  /** For `exp` and `nbf`. */
  readonly leewaySeconds: number
  /** How far ahead `iat` may lie. */
  readonly iatAheadSeconds: number
}

/** What speaks against these claims, the first of it. */
export function faultIn(claims: JsonObject, rules: ClaimRules): TokenFault | undefined {
  const { exp, iat, nbf } = claims
  if (!hasShape(claims)) return 'malformed'
  if (claims.iss !== rules.issuer) return 'wrong_issuer'
  const audiences = Array.isArray(claims.aud) ? (claims.aud as unknown[]) : [claims.aud]
  if (!audiences.includes(rules.audience)) return 'wrong_audience'
  if (rules.nowSeconds >= (exp as number) + rules.leewaySeconds) return 'expired'
  if ((iat as number) > rules.nowSeconds + rules.iatAheadSeconds) return 'not_yet_valid'
  if (nbf !== undefined && (nbf as number) > rules.nowSeconds + rules.leewaySeconds) return 'not_yet_valid'
  return undefined
}

/** Whether every scope that is wanted was given. */
export function hasScopes({ scope }: Claims, wanted: readonly string[]): boolean {
  const given = new Set(scope?.split(' ') ?? [])
  return wanted.every((one) => given.has(one))
}

function hasShape(claims: JsonObject): boolean {
  const { iss, aud, sub, jti, iat, exp, nbf, scope, cnf } = claims
  const texts = [iss, sub, jti, ...(Array.isArray(aud) ? aud : [aud]), ...(scope === undefined ? [] : [scope])]
  if (!texts.every((text) => typeof text === 'string' && text !== '')) return false
  const times = [iat, exp, ...(nbf === undefined ? [] : [nbf])]
  if (!times.every((time) => Number.isSafeInteger(time) && (time as number) >= 0)) return false
  // A binding that is not understood must not be taken for none.
  return cnf === undefined || (isObject(cnf) && Object.keys(cnf).join() === 'jkt' && typeof cnf.jkt === 'string')
}
