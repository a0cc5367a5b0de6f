// A request as people see it: facts by the gateway first, the agent's own words set apart.
import { visibleLine } from '../../approvals/shown/visible.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import { type AgentEntry, namesItself } from '../../identity/contract.ts'
import { iso, type Stated, statusOf } from './states.ts'

const MOST_SHOWN = 500

/** `agent`: as it is known now; undefined for one that is gone. */
export function requestView(approval: Stated, agent: AgentEntry | undefined): object {
  const { id, action, openedAt, expiresAt, verdicts, status: is } = approval
  const { description, risk, context, payloadHash } = action
  const [status, last] = [statusOf(approval), verdicts.at(-1)]
  const decided = last !== undefined && status !== 'PENDING'
  return {
    ...{ requestId: id, action: action.action, status, riskLevel: risk, payloadHash },
    summary: visibleLine(`${action.agent.name}: ${action.action} ${context}`, MOST_SHOWN),
    description: description === undefined ? null : visibleLine(description, 4_000),
    agent: { ...action.agent, verified: agent?.status === 'active' && !namesItself(agent) },
    context: JSON.parse(context) as JsonValue,
    ...{ createdAt: iso(openedAt), expiresAt: iso(expiresAt), consumed: is === 'consumed' },
    ...(decided && { decidedAt: iso(last.at), decidedBy: last.name, reason: last.comment }),
  }
}
