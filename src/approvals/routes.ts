import { z } from 'zod'
import type { AgentId } from '../ground/ids.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { IdParam, listOf } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import type { Action, WindowAction } from './action.ts'
import type { Approvals } from './approvals.ts'
import {
  type Approval,
  ApprovalBody,
  ApprovalDetail,
  ApprovalView,
  approvalProblem,
  approvalProblems,
  STATUSES,
} from './contract.ts'
import { showApproval } from './show-approval.ts'
import type { Standing } from './shown/facts-of.ts'
import { detailOf, viewOf } from './view.ts'
import { isWindow } from './windows/open-window.ts'

export const listApprovals = endpoint({
  method: 'GET',
  path: '/claviger/v1/approvals',
  caller: 'operator',
  summary: 'Approvals, the newest first',
  query: z.strictObject({ status: z.enum(STATUSES).optional(), agent: z.string().min(1).max(128).optional() }),
  reply: listOf(ApprovalView),
})

export const getApproval = endpoint({
  method: 'GET',
  path: '/claviger/v1/approvals/{id}',
  caller: 'operator',
  summary: 'One approval: the action as it would be carried out, and who answered what',
  params: IdParam,
  reply: ApprovalDetail,
  problems: approvalProblems,
})

export const getApprovalBody = endpoint({
  method: 'GET',
  path: '/claviger/v1/approvals/{id}/body',
  caller: 'operator',
  summary: 'The whole body that waits to be sent, as it is',
  params: IdParam,
  reply: ApprovalBody,
  problems: approvalProblems,
})

const WaitSeconds = z
  .string()
  .regex(/^[0-9]{1,2}$/)
  .transform(Number)
  .pipe(z.number().max(60))
  .optional()

export const ownApproval = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/self/approvals/{id}',
  caller: 'agent',
  summary: 'Whether what the agent asked for is answered; `wait` holds for so many seconds, 60 at most',
  params: IdParam,
  query: z.strictObject({ wait: WaitSeconds }),
  reply: ApprovalView,
  problems: approvalProblems,
})

export const cancelApproval = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/agents/self/approvals/{id}',
  caller: 'agent',
  summary: 'Take back what nobody answered yet',
  params: IdParam,
  reply: ApprovalView,
  problems: approvalProblems,
})

export interface ApprovalRouteNeeds<Who> {
  readonly approvals: Approvals
  readonly actorOf: (who: Who) => Actor
  /** Milliseconds since 1970. */
  readonly now: () => number
  agentOf(who: Who): AgentId
  /** Throws where an agent may not act any more. */
  mustStand(who: Who): void
  /** Why a human is asked, as things stand now. */
  standingOf(action: Action): Standing
  /** What the agent did lately of what a window would allow, in words. */
  latelyOf(window: WindowAction): Promise<string>
}

/** Another agent's is as if it were not there, and so are windows. Throws Problem `approval_unknown`. */
export function ownApprovalOf(approvals: Pick<Approvals, 'find'>, agent: AgentId, id: string): Approval {
  const found = approvals.find(id)
  if (found.agent !== agent || isWindow(found)) throw approvalProblem('approval_unknown')
  return found
}

export function approvalRoutes<Who>(needs: ApprovalRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { approvals, actorOf } = needs
  const own = (id: string, who: Who): Approval => ownApprovalOf(approvals, needs.agentOf(who), id)
  return [
    bind(listApprovals, ({ query: { status, agent } }) => {
      const fits = ({ status: is, action }: Approval) =>
        (status === undefined || is === status) &&
        (agent === undefined || action.agent.id === agent || action.agent.name === agent)
      return { items: approvals.list().filter(fits).map(viewOf).reverse() }
    }),
    bind(getApproval, async ({ params }) => {
      const approval = approvals.find(params.id)
      const standing = needs.standingOf(approval.action)
      const latelyOf = (window: WindowAction) => needs.latelyOf(window)
      return detailOf(approval, await showApproval(approvals, approval, standing, needs.now(), latelyOf))
    }),
    bind(getApprovalBody, async ({ params }) => {
      const { id, contentType, status } = approvals.find(params.id)
      const isKept = status === 'pending' || status === 'approved'
      const body = isKept ? await approvals.bodyOf(id) : undefined
      if (body === undefined) throw approvalProblem('approval_no_body')
      return { bytes: body.length, contentType, base64: body.toString('base64') }
    }),
    bind(ownApproval, async ({ params, query, caller, gone }) => {
      const { id } = own(params.id, caller as Who)
      const settled = await approvals.polls.settled(id, (query.wait ?? 0) * 1_000, gone())
      // Whoever waited may have lost the token meanwhile.
      needs.mustStand(caller as Who)
      return viewOf(settled)
    }),
    bind(cancelApproval, async ({ params, caller }) =>
      viewOf(await approvals.cancel(own(params.id, caller as Who).id, actorOf(caller as Who))),
    ),
  ]
}
