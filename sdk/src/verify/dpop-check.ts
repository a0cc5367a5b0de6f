// Judges the proof that comes with a key-bound token (RFC 9449 §4.3).
import { sha256, toBase64url, utf8 } from '../bytes.ts'
import { readJws } from '../jws.ts'
import { readPublicKey, verifySignature } from '../public-key.ts'
import type { JsonObject } from '../strict-json.ts'
import type { TokenFault } from './claims.ts'
import type { ReplayGuard } from './replay-guard.ts'

/** The request as it came. */
export interface ProvedRequest {
  readonly method: string
  /** As the client sees it: scheme and host must not come from what the client sent. */
  readonly url: string
  /** The values of all headers `DPoP`. */
  readonly proofs: readonly string[]
}

export interface DpopRules {
  readonly accessToken: string
  /** `cnf.jkt` of the token. */
  readonly jkt: string
  readonly nowSeconds: number
  readonly replays: ReplayGuard
  /** Whether a nonce is one that this server gave lately; without this, none is asked for. */
  readonly isOwnNonce?: ((nonce: string) => boolean | Promise<boolean>) | undefined
}

const MAX_AGE_SECONDS = 60
const AHEAD_SECONDS = 5

/** What speaks against the proof, the first of it. Throws what the replay guard throws. */
export async function faultInProof(request: ProvedRequest, rules: DpopRules): Promise<TokenFault | undefined> {
  const [text, more] = request.proofs
  if (text === undefined) return 'proof_missing'
  const proof = more === undefined ? readJws(text, { typ: ['dpop+jwt'], members: ['jwk'] }) : undefined
  const key = proof && (await readPublicKey(proof.header.jwk as object).catch(() => undefined))
  if (proof === undefined || key?.thumbprint !== rules.jkt) return 'proof_invalid'
  if (!(await verifySignature(key.key, proof.signingInput, proof.signature))) return 'proof_invalid'
  if (!(await isForThis(proof.payload, request, rules))) return 'proof_invalid'
  if (rules.isOwnNonce !== undefined) {
    const { nonce } = proof.payload
    if (typeof nonce !== 'string' || !(await rules.isOwnNonce(nonce))) return 'nonce_wanted'
  }
  const untilMs = ((proof.payload.iat as number) + MAX_AGE_SECONDS + 1) * 1000
  return (await rules.replays.claim(`${rules.jkt}:${proof.payload.jti}`, untilMs)) ? undefined : 'proof_replayed'
}

async function isForThis(payload: JsonObject, request: ProvedRequest, rules: DpopRules): Promise<boolean> {
  const { htm, htu, iat, jti, ath } = payload
  if (htm !== request.method || typeof htu !== 'string' || !isSameTarget(htu, request.url)) return false
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) return false
  if (!Number.isSafeInteger(iat)) return false
  const age = rules.nowSeconds - (iat as number)
  if (age > MAX_AGE_SECONDS || age < -AHEAD_SECONDS) return false
  return ath === toBase64url(await sha256(utf8(rules.accessToken)))
}

/** Without query and fragment, after the normalisation of URLs (§4.3, 9). */
function isSameTarget(said: string, actual: string): boolean {
  const [a, b] = [said, actual].map((text) => (URL.canParse(text) ? new URL(text) : undefined))
  return a !== undefined && b !== undefined && a.origin === b.origin && a.pathname === b.pathname
}
