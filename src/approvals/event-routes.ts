import { type BoundEndpoint, bindStream, endpoint } from '../http/endpoint.ts'
import { EventStream } from '../http/event-streams.ts'
import { ApprovalNews, OwnApprovalNews } from './contract.ts'
import { ApprovalFeed } from './feed.ts'
import type { ApprovalRouteNeeds } from './routes.ts'

export const approvalEvents = endpoint({
  method: 'GET',
  path: '/claviger/v1/approvals/events',
  caller: 'operator',
  summary: 'Approvals as they change, as a stream of events; the first, `state`, lists those that wait',
  stream: true,
  reply: ApprovalNews,
})

export const ownApprovalEvents = endpoint({
  method: 'GET',
  path: '/claviger/v1/agents/self/approvals/events',
  caller: 'agent',
  summary: 'The agent’s own approvals as they change, as a stream of events; the first, `state`, lists those that run',
  stream: true,
  reply: OwnApprovalNews,
})

export function approvalEventRoutes<Who>(
  needs: Pick<ApprovalRouteNeeds<Who>, 'approvals' | 'agentOf'>,
): BoundEndpoint<Who>[] {
  const feed = new ApprovalFeed(needs.approvals)
  return [
    bindStream(approvalEvents, () => new EventStream(feed.forOperators())),
    bindStream(ownApprovalEvents, ({ caller }) => new EventStream(feed.forAgent(needs.agentOf(caller as Who)))),
  ]
}
