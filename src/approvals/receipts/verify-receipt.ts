/** Whether a receipt stands for a yes that may be used now, which only its gateway can say; and using it. */
import type { Actor } from '../../storage/storage.ts'
import type { Approvals } from '../approvals.ts'
import type { Approval } from '../contract.ts'
import type { ReceiptClaims, ReceiptError, ReceiptVerdict, VerifyReceipt } from './contract.ts'
import { faultOf, readReceipt } from './read-receipt.ts'

export interface VerifyNeeds {
  readonly approvals: Approvals
  /** Whether the agent may still do anything. */
  agentStands(id: string): boolean
}

/** Whoever holds a receipt may use it: it is known by the receipt alone. */
const BEARER: Actor = { kind: 'system', id: 'receipt' }

export async function verifyReceipt(asked: VerifyReceipt, needs: VerifyNeeds): Promise<ReceiptVerdict> {
  const { approvals } = needs
  const read = readReceipt(asked.receipt, (kid) => approvals.receiptKeys.publicKey(kid))
  if ('error' in read) return { valid: false, error: read.error }
  const { claims } = read
  const error = faultOf(claims, asked) ?? standingFault(asked.receipt, claims, needs)
  if (error !== undefined) return { valid: false, error }
  if (!asked.consume || (await approvals.consume(claims.approval, claims.digest, undefined, BEARER))) {
    return { valid: true, claims }
  }
  return { valid: false, error: standingFault(asked.receipt, claims, needs) ?? 'consumed' }
}

function standingFault(
  text: string,
  claims: ReceiptClaims,
  { approvals, agentStands }: VerifyNeeds,
): ReceiptError | undefined {
  const known = approvals.list().find(({ id }) => id === claims.approval)
  // Forgotten a month after its end; or the database is older than the receipt, and what it does not know it does not grant.
  if (known === undefined) return 'revoked'
  // Ours, and yet another text than the one that was made: whoever has the key made it.
  if (known.receipt !== text) return 'bad_signature'
  return statusFault(known) ?? (agentStands(known.agent) ? undefined : 'revoked')
}

function statusFault({ status }: Approval): ReceiptError | undefined {
  if (status === 'approved') return undefined
  if (status === 'consumed' || status === 'expired' || status === 'denied') return status
  return 'revoked'
}
