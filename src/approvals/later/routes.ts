import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { IdParam } from '../../http/shapes.ts'
import { approvalProblems } from '../contract.ts'
import { type ApprovalRouteNeeds, ownApprovalOf } from '../routes.ts'
import { AnswerView, laterProblems } from './contract.ts'

export const ownAnswer = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/self/approvals/{id}/answer',
  caller: 'agent',
  summary: 'What the service answered to a call that the gateway sent for the agent after a yes',
  params: IdParam,
  reply: AnswerView,
  problems: { approval_unknown: approvalProblems.approval_unknown, ...laterProblems },
})

export function laterRoutes<Who>(needs: Pick<ApprovalRouteNeeds<Who>, 'approvals' | 'agentOf'>): BoundEndpoint<Who>[] {
  const { approvals, agentOf } = needs
  return [
    bind(ownAnswer, async ({ params, caller }) => {
      const answer = await approvals.later.answerOf(ownApprovalOf(approvals, agentOf(caller as Who), params.id))
      const { status, headers, body, at } = answer
      const pairs = headers.flatMap((name, index) =>
        index % 2 === 0 ? [{ name, value: headers[index + 1] as string }] : [],
      )
      return {
        status,
        headers: pairs,
        bytes: body.length,
        base64: body.toString('base64'),
        at: new Date(at).toISOString(),
      }
    }),
  ]
}
