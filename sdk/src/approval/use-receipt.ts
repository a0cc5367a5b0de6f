// Using a yes up, which only its gateway can do: of all who race for it one is told that it is valid.
import { isObject } from '../strict-json.ts'
import { invalidAnswer, Wire, type WireOptions } from '../wire.ts'
import type { ReceiptClaims } from './receipt-claims.ts'
import { type About, hashesOf, type ReceiptFault } from './verify-receipt.ts'

/** What only the gateway knows, too. */
export type UseFault = Exclude<ReceiptFault, 'wrong_issuer'> | 'consumed' | 'revoked' | 'caller_wanted'

export type UseVerdict =
  | { readonly valid: true; readonly claims: ReceiptClaims }
  | { readonly valid: false; readonly error: UseFault }

/**
 * Takes one use of the yes to a stated action. Do it at once if it is valid, and not otherwise, whatever is thrown: refusals of the
 * gateway, `gateway_unreachable`, `options_invalid`. Ask no second time for one doing: the first may have taken the use.
 */
export async function useReceipt(
  receipt: string,
  { baseUrl, fetch, ...about }: WireOptions & About,
): Promise<UseVerdict> {
  const { digests, payloadHashes } = await hashesOf(about)
  const [digest, payloadHash] = [one(digests), one(payloadHashes)]
  if (digest === 'several' || payloadHash === 'several') return { valid: false, error: 'wrong_action' }
  const { status, json } = await new Wire({ baseUrl, fetch }).ask({
    method: 'POST',
    path: '/claviger/v1/receipts/verify',
    body: { receipt, digest, payloadHash, agent: about.agent, consume: true },
  })
  if (json.valid === true && isObject(json.claims))
    return { valid: true, claims: json.claims as unknown as ReceiptClaims }
  if (json.valid === false && typeof json.error === 'string') return { valid: false, error: json.error as UseFault }
  throw invalidAnswer(status, 'it says neither yes nor no')
}

/** What all of them are; they cannot be true of one receipt where they differ. */
function one(hashes: readonly string[]): string | 'several' | undefined {
  return new Set(hashes).size > 1 ? 'several' : hashes[0]
}
