/** Whether a receipt is one, and what it says, by its text and the keys alone. Pure: the command line uses it offline. */
import type { KeyObject } from 'node:crypto'
import { readJws } from '../../crypto/jws.ts'
import { verifyP256 } from '../../crypto/p256.ts'
import { RECEIPT_TYPE, ReceiptClaims, type ReceiptError } from './contract.ts'

export type ReadReceipt = { readonly claims: ReceiptClaims } | { readonly error: 'malformed' | 'bad_signature' }

/** Nothing of what it says is given before its signature holds. Never throws. */
export function readReceipt(text: string, keyOf: (kid: string) => KeyObject | undefined): ReadReceipt {
  const read = readJws(text, { typ: [RECEIPT_TYPE] })
  if (read?.header.kid === undefined) return { error: 'malformed' }
  const key = keyOf(read.header.kid)
  if (key === undefined || !verifyP256(key, read.signingInput, read.signature)) return { error: 'bad_signature' }
  const claims = ReceiptClaims.safeParse(read.payload)
  return claims.success ? { claims: claims.data } : { error: 'malformed' }
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
