import type { AgentId } from '../../ground/ids.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import { Answer, type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { headerOf } from '../../http/header-of.ts'
import { strongest } from '../../policy/assurance.ts'
import type { Terms } from '../action.ts'
import type { Approvals } from '../approvals.ts'
import { approvalProblems } from '../contract.ts'
import { readIdempotencyKey } from '../idempotency.ts'
import { viewOf } from '../view.ts'
import { MAX_STATEMENT_BYTES, Statement, StatementView } from './contract.ts'
import { statedAction } from './stated-action.ts'

export const stateAction = endpoint({
  method: 'POST',
  path: '/claviger/v1/agents/self/approvals',
  caller: 'agent',
  summary:
    'Ask a human about something that the agent is about to do itself; `Idempotency-Key` makes it safe to send again (then 200)',
  body: Statement,
  maxBody: MAX_STATEMENT_BYTES,
  reply: StatementView,
  status: 201,
  problems: approvalProblems,
})

export interface StatedRouteNeeds<Who> {
  readonly approvals: Approvals
  /** Id of this installation. */
  readonly install: string
  principalOf(who: Who): {
    readonly agent: { readonly id: AgentId; readonly name: string }
    readonly token: { readonly id: string }
  }
  /** The least that a yes must be given with, and who may not give it. */
  termsFor(who: Who): Pick<Terms, 'assurance' | 'notBy'>
}

export function statedRoutes<Who>(needs: StatedRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { approvals, install } = needs
  return [
    bind(stateAction, async ({ body, caller, rawHeaders }) => {
      const { agent, token } = needs.principalOf(caller as Who)
      const idempotencyKey = readIdempotencyKey(headerOf(rawHeaders, 'idempotency-key'))
      const { requestId: request, lifeSeconds, goodSeconds, ...said } = body
      const { assurance: least, notBy } = needs.termsFor(caller as Who)
      const assurance = strongest(least, said.assurance) ?? least
      const action = statedAction({
        ...{ ...said, install, agent, request, idempotencyKey },
        context: said.context as Record<string, JsonValue>,
        payload: said.payload as JsonValue | undefined,
        terms: { assurance, lifeSeconds, goodSeconds, uses: 1, ...(notBy !== undefined && { notBy }) },
      })
      const asked = { action, token: token.id, idempotencyKey }
      const isKnown = approvals.known(asked) !== undefined
      const opened = await approvals.ask(asked)
      const { payloadHash } = opened.action.kind === 'stated' ? opened.action : action
      return new Answer({ ...viewOf(opened), payloadHash, action: { ...opened.action } }, {}, isKnown ? 200 : 201)
    }),
  ]
}
