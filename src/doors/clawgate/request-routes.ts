// What agents do with their keys: ask, look, wait, take back.
import type { StatedAction } from '../../approvals/action.ts'
import { approvalProblem } from '../../approvals/contract.ts'
import { payloadHash } from '../../approvals/stated/payload-hash.ts'
import { compared, doersPart, statedAction } from '../../approvals/stated/stated-action.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import { goneSignal } from '../../http/gone-signal.ts'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import type { AgentPrincipal } from '../../identity/contract.ts'
import type { ApprovalTokens } from './approval-tokens.ts'
import { doorProblem, MAX_BODY_BYTES, RequestBody, TOKEN_LIFE_SECONDS } from './contract.ts'
import type { ClawGateNeeds } from './needs.ts'
import { readShape } from './read-shape.ts'
import { iso, isStated, type Stated, statusOf } from './states.ts'

export function requestRoutes(needs: ClawGateNeeds, tokens: ApprovalTokens): PlainRoute[] {
  return [
    {
      method: 'POST',
      path: '/api/v1/approval/request',
      maxBody: MAX_BODY_BYTES,
      handle: async (asked) => {
        const who = needs.agentOf(asked)
        return ask(needs, who, readShape(RequestBody, await asked.json()))
      },
    },
    { method: 'GET', path: '/api/v1/approval/status/{id}', handle: (asked) => look(needs, tokens, asked) },
    {
      method: 'DELETE',
      path: '/api/v1/approval/request/{id}',
      handle: async (asked) => {
        const who = needs.agentOf(asked)
        const { id } = own(needs, who, asked)
        const actor = { kind: 'agent', id: who.agent.id, key: who.token.id } as const
        const { status } = { status: statusOf(await needs.approvals.cancel(id, actor)) }
        return { status: 200, body: { status, requestId: id } }
      },
    },
  ]
}

async function ask(needs: ClawGateNeeds, { agent, token }: AgentPrincipal, body: RequestBody): Promise<PlainReply> {
  const { agentId = agent.name, idempotencyKey } = body
  if (agentId !== agent.name && agentId !== agent.id) throw doorProblem('clawgate_forbidden')
  const key = idempotencyKey === undefined ? undefined : `${token.id}/${idempotencyKey}`
  const before = key === undefined ? undefined : needs.approvals.list().findLast((one) => one.idempotencyKey === key)
  const action = actionOf(needs, agent, agentId, body, key)
  const opened = await needs.approvals.ask({ action, token: token.id, idempotencyKey: key })
  const reply = { requestId: opened.id, status: statusOf(opened), expiresAt: iso(opened.expiresAt) }
  return { status: before?.id === opened.id ? 200 : 201, body: reply }
}

function actionOf(
  { install, termsFor }: ClawGateNeeds,
  agent: AgentPrincipal['agent'],
  agentId: string,
  { action, description, riskLevel: risk, expiresInSeconds: lifeSeconds, ...body }: RequestBody,
  key: string | undefined,
): StatedAction {
  const context = {
    ...(body.toolName !== undefined && { tool: body.toolName }),
    ...(body.params !== undefined && { params: body.params as JsonValue }),
    ...(body.context as Record<string, JsonValue>),
  }
  return statedAction({
    ...{ install, agent, action, risk, description, context, idempotencyKey: key },
    payloadHash: payloadHash(compared(action, agentId, doersPart(context))),
    terms: { ...termsFor(agent), lifeSeconds, goodSeconds: TOKEN_LIFE_SECONDS, uses: 1 },
  })
}

async function look(needs: ClawGateNeeds, tokens: ApprovalTokens, asked: PlainAsked): Promise<PlainReply> {
  const { id } = own(needs, needs.agentOf(asked), asked)
  const approval = await needs.approvals.polls.settled(id, waitOf(asked) * 1_000, goneSignal(asked.response))
  // Whoever waited may have lost the key meanwhile.
  needs.agentOf(asked)
  if (!isStated(approval)) throw approvalProblem('approval_unknown')
  return { status: 200, body: await statusBody(tokens, approval) }
}

async function statusBody(tokens: ApprovalTokens, approval: Stated): Promise<object> {
  const { id, expiresAt, verdicts } = approval
  const [status, last] = [statusOf(approval), verdicts.at(-1)]
  const token = status === 'APPROVED' ? await tokens.tokenOf(approval) : undefined
  return {
    ...{ status, requestId: id, expiresAt: iso(expiresAt) },
    ...(token !== undefined && { token }),
    ...(last !== undefined && status !== 'PENDING' && { decidedAt: iso(last.at), reason: last.comment }),
  }
}

/** Another key's is as if it were not there. */
function own(needs: ClawGateNeeds, { token }: AgentPrincipal, { params }: PlainAsked): Stated {
  const found = needs.approvals.find(params.id as string)
  if (found.token !== token.id || !isStated(found)) throw approvalProblem('approval_unknown')
  return found
}

function waitOf({ query }: PlainAsked): number {
  const wait = query.get('wait')
  if (wait === null) return 0
  if (!/^(?:[1-9]|[1-5][0-9]|60)$/.test(wait))
    throw doorProblem('clawgate_invalid', { detail: 'wait: 1 to 60 seconds are wanted' })
  return Number(wait)
}
