/** Whether a receipt stands for a yes that may be used now, which only its gateway can say; and using it. */
import type { AgentId } from '../../ground/ids.ts'
import type { Actor } from '../../storage/storage.ts'
import type { Approvals } from '../approvals.ts'
import type { Approval } from '../contract.ts'
import type { ReceiptClaims, ReceiptError, ReceiptVerdict, UseReceipt, VerifyReceipt } from './contract.ts'
import { faultOf, readReceipt } from './read-receipt.ts'

export interface VerifyNeeds {
  readonly approvals: Approvals
  /** Whether the agent may still do anything. */
  agentStands(id: string): boolean
}

/** Whoever holds the receipt of a stated action may use it: it is known by the receipt alone. */
const BEARER: Actor = { kind: 'system', id: 'receipt' }

/** By anybody. A call's yes, and a window's, is taken by the calls themselves: others who hold its receipt may look at it. */
export async function verifyReceipt({ consume, ...asked }: VerifyReceipt, needs: VerifyNeeds): Promise<ReceiptVerdict> {
  const read = standingClaims(asked, needs)
  if ('error' in read) return { valid: false, error: read.error }
  if (!consume) return { valid: true, claims: read.claims }
  return read.claims.kind === 'stated'
    ? take(asked, read.claims, BEARER, needs)
    : { valid: false, error: 'caller_wanted' }
}

/** Takes one use. `own`: the agent that asks, who may take of its own alone; undefined for an operator. */
export async function useReceipt(
  asked: UseReceipt,
  by: Actor,
  own: AgentId | undefined,
  needs: VerifyNeeds,
): Promise<ReceiptVerdict> {
  const read = standingClaims(asked, needs)
  if ('error' in read) return { valid: false, error: read.error }
  const { claims } = read
  // Its uses are for calls that the gateway compares with it.
  if (claims.kind === 'window') return { valid: false, error: 'wrong_action' }
  if (own !== undefined && claims.agent.id !== own) return { valid: false, error: 'wrong_agent' }
  return take(asked, claims, by, needs)
}

function standingClaims(asked: UseReceipt, needs: VerifyNeeds): { claims: ReceiptClaims } | { error: ReceiptError } {
  const read = readReceipt(asked.receipt, (kid) => needs.approvals.receiptKeys.find(kid))
  if ('error' in read) return read
  const error = faultOf(read.claims, asked) ?? standingFault(asked.receipt, read.claims, needs)
  return error === undefined ? read : { error }
}

async function take(asked: UseReceipt, claims: ReceiptClaims, by: Actor, needs: VerifyNeeds): Promise<ReceiptVerdict> {
  if (await needs.approvals.consume(claims.approval, claims.digest, undefined, by)) return { valid: true, claims }
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
