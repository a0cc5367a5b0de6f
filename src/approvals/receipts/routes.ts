import { z } from 'zod'
import type { AgentId } from '../../ground/ids.ts'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { IdParam, listOf } from '../../http/shapes.ts'
import type { Actor } from '../../storage/storage.ts'
import type { Approvals } from '../approvals.ts'
import { ApprovalView, approvalProblem, approvalProblems } from '../contract.ts'
import { viewOf } from '../view.ts'
import { isWindow } from '../windows/open-window.ts'
import {
  KEYS_MAX_AGE_SECONDS,
  MarkCompromised,
  ReceiptJwk,
  ReceiptKeyView,
  ReceiptVerdict,
  receiptProblem,
  receiptProblems,
  UseReceipt,
  VerifyReceipt,
} from './contract.ts'
import { useReceipt, verifyReceipt } from './verify-receipt.ts'

const Receipt = z.object({ receipt: z.string() })

export const receiptKeySet = endpoint({
  method: 'GET',
  path: '/.well-known/claviger-receipt-keys.json',
  caller: 'anyone',
  summary: 'The public keys that receipts are signed with, those of the past too (RFC 7517)',
  reply: z.object({ keys: z.array(ReceiptJwk) }),
  cacheSeconds: KEYS_MAX_AGE_SECONDS,
})

export const verifyAReceipt = endpoint({
  method: 'POST',
  path: '/claviger/v1/receipts/verify',
  caller: 'anyone',
  summary: 'Whether a receipt stands for a yes that may be used now; `consume` takes one use',
  body: VerifyReceipt,
  maxBody: 16 * 1_024,
  reply: ReceiptVerdict,
})

const using = {
  method: 'POST',
  body: UseReceipt,
  maxBody: 16 * 1_024,
  reply: ReceiptVerdict,
} as const

export const useOwnReceipt = endpoint({
  ...using,
  path: '/claviger/v1/agents/self/receipts/use',
  caller: 'agent',
  summary: 'Take one use of a yes that the agent was given, a call’s too',
})

export const useAnyReceipt = endpoint({
  ...using,
  path: '/claviger/v1/receipts/use',
  caller: 'operator',
  role: 'approver',
  summary: 'Take one use of a yes, whoever was given it',
})

export const receiptOf = endpoint({
  method: 'GET',
  path: '/claviger/v1/approvals/{id}/receipt',
  caller: 'operator',
  role: 'approver',
  summary: 'The signed receipt of an answered approval: whoever has it can use the yes up',
  params: IdParam,
  reply: Receipt,
  problems: { ...approvalProblems, ...receiptProblems },
})

export const ownReceipt = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/self/approvals/{id}/receipt',
  caller: 'agent',
  summary: 'The signed receipt of what the agent asked for',
  params: IdParam,
  reply: Receipt,
  problems: { ...approvalProblems, ...receiptProblems },
})

export const withdrawApproval = endpoint({
  method: 'POST',
  path: '/claviger/v1/approvals/{id}/withdraw',
  caller: 'operator',
  role: 'approver',
  summary: 'Take back a yes that is not used up',
  params: IdParam,
  reply: ApprovalView,
  problems: approvalProblems,
})

export const listReceiptKeys = endpoint({
  method: 'GET',
  path: '/claviger/v1/receipt-keys',
  caller: 'operator',
  summary: 'List the keys that receipts are signed with, past ones too',
  reply: listOf(ReceiptKeyView),
})

export const rotateReceiptKey = endpoint({
  method: 'POST',
  path: '/claviger/v1/receipt-keys/rotate',
  caller: 'operator',
  summary: 'Sign receipts with a new key from now on; those of the old one stay good',
  reply: listOf(ReceiptKeyView),
})

export const markReceiptKey = endpoint({
  method: 'POST',
  path: '/claviger/v1/receipt-keys/{id}/compromised',
  caller: 'operator',
  summary:
    'Say that a receipt key, by its kid, was no longer the gateway’s alone from a time on: no receipt that it signed since counts, and it signs no more',
  params: IdParam,
  body: MarkCompromised,
  reply: listOf(ReceiptKeyView),
  problems: receiptProblems,
})

export interface ReceiptRouteNeeds<Who> {
  readonly approvals: Approvals
  readonly actorOf: (who: Who) => Actor
  agentOf(who: Who): AgentId
  agentStands(id: string): boolean
}

export function receiptRoutes<Who>(needs: ReceiptRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { approvals, actorOf } = needs
  const keys = approvals.receiptKeys
  const receiptIn = (id: string, agent?: AgentId) => {
    const found = approvals.find(id)
    if (agent !== undefined && (found.agent !== agent || isWindow(found))) throw approvalProblem('approval_unknown')
    if (found.receipt === undefined) throw receiptProblem('receipt_missing')
    return { receipt: found.receipt }
  }
  return [
    bind(receiptKeySet, () => keys.jwks()),
    bind(verifyAReceipt, ({ body }) => verifyReceipt(body, needs)),
    bind(useOwnReceipt, ({ body, caller }) =>
      useReceipt(body, actorOf(caller as Who), needs.agentOf(caller as Who), needs),
    ),
    bind(useAnyReceipt, ({ body, caller }) => useReceipt(body, actorOf(caller as Who), undefined, needs)),
    bind(receiptOf, ({ params }) => receiptIn(params.id)),
    bind(ownReceipt, ({ params, caller }) => receiptIn(params.id, needs.agentOf(caller as Who))),
    bind(withdrawApproval, async ({ params, caller }) =>
      viewOf(await approvals.withdraw(params.id, actorOf(caller as Who))),
    ),
    bind(listReceiptKeys, () => ({ items: keys.list() })),
    bind(rotateReceiptKey, async ({ caller }) => {
      await keys.rotate(actorOf(caller as Who))
      return { items: keys.list() }
    }),
    bind(markReceiptKey, async ({ params, body: { since }, caller }) => {
      await keys.compromised(params.id, since === undefined ? undefined : Date.parse(since), actorOf(caller as Who))
      return { items: keys.list() }
    }),
  ]
}
