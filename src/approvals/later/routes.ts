import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { IdParam } from '../../http/shapes.ts'
import { approvalProblems } from '../contract.ts'
import { type ApprovalRouteNeeds, ownApprovalOf } from '../routes.ts'
import { AnswerView, laterProblem, laterProblems } from './contract.ts'

export const ownAnswer = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/self/approvals/{id}/answer',
  caller: 'agent',
  summary: 'What the service answered to a call that the gateway sent for the agent after a yes',
  params: IdParam,
  reply: AnswerView,
  problems: { approval_unknown: approvalProblems.approval_unknown, ...laterProblems },
})

export interface LaterRouteNeeds<Who> extends Pick<ApprovalRouteNeeds<Who>, 'approvals' | 'agentOf'> {
  /** Whether the token that is shown may do less than its agent. */
  readonly isNarrow: (who: Who) => boolean
}

export function laterRoutes<Who>({ approvals, agentOf, isNarrow }: LaterRouteNeeds<Who>): BoundEndpoint<Who>[] {
  return [
    bind(ownAnswer, async ({ params, caller }) => {
      const approval = ownApprovalOf(approvals, agentOf(caller as Who), params.id)
      // What another token fetched may lie beyond the scope of this one.
      if (isNarrow(caller as Who)) throw laterProblem('answer_beyond_scope')
      const answer = await approvals.later.answerOf(approval)
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
