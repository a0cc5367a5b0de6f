/** Whether a receipt is one, and what it says, by its text and the keys alone. Pure: the command line uses it offline. */
import type { KeyObject } from 'node:crypto'
import { readJws } from '../../crypto/jws.ts'
import { readPublicKey, verifyP256 } from '../../crypto/p256.ts'
import { RECEIPT_TYPE, ReceiptClaims, type ReceiptError } from './contract.ts'

export type ReadReceipt =
  | { readonly claims: ReceiptClaims }
  | { readonly error: 'malformed' | 'bad_signature' | 'key_compromised' }

export interface ReceiptKey {
  readonly key: KeyObject
  /** Seconds since 1970: what it signed from then on counts for nothing. */
  readonly compromisedSince?: number | undefined
}

/** Nothing of what it says is given before its signature holds. Never throws. */
export function readReceipt(text: string, keyOf: (kid: string) => ReceiptKey | undefined): ReadReceipt {
  const read = readJws(text, { typ: [RECEIPT_TYPE] })
  if (read?.header.kid === undefined) return { error: 'malformed' }
  const known = keyOf(read.header.kid)
  if (known === undefined || !verifyP256(known.key, read.signingInput, read.signature))
    return { error: 'bad_signature' }
  const claims = ReceiptClaims.safeParse(read.payload)
  if (!claims.success) return { error: 'malformed' }
  const { compromisedSince: since } = known
  return since !== undefined && claims.data.iat >= since ? { error: 'key_compromised' } : { claims: claims.data }
}

/** The keys of a published set, by their thumbprints. A mark that cannot be read holds from the beginning. Throws where a key is none. */
export function keysOfSet({ keys }: { readonly keys: readonly unknown[] }): ReadonlyMap<string, ReceiptKey> {
  return new Map(
    keys.map((jwk) => {
      const { key, thumbprint } = readPublicKey(jwk as Record<string, unknown>)
      const { compromisedSince: since } = jwk as { readonly compromisedSince?: unknown }
      const marked = typeof since === 'number' && Number.isFinite(since) ? since : 0
      return [thumbprint, { key, compromisedSince: since === undefined ? undefined : marked }] as const
    }),
  )
}

/** What is asked of a receipt: that it is about this. */
export interface About {
  readonly digest?: string | undefined
  readonly payloadHash?: string | undefined
  /** Id or name. */
  readonly agent?: string | undefined
}

/** Undefined where it says yes to what is asked about. Whether the yes still stands is not in its text. */
export function faultOf(claims: ReceiptClaims, { digest, payloadHash, agent }: About): ReceiptError | undefined {
  if (digest !== undefined && digest !== claims.digest) return 'wrong_action'
  if (payloadHash !== undefined && payloadHash !== claims.payloadHash) return 'wrong_action'
  if (agent !== undefined && agent !== claims.agent.id && agent !== claims.agent.name) return 'wrong_agent'
  return claims.verdict === 'approved' ? undefined : 'denied'
}
