/**
 * The ClawGate dialect: an agent asks, a person says yes with a passkey, and a short token proves it. Translates, and owns
 * nothing: approvals are their room's, keys are identity's.
 */
import type { PlainRoute } from '../../http/plain-routes.ts'
import { answerRoutes } from './answer-routes.ts'
import { ApprovalTokens } from './approval-tokens.ts'
import { MAX_BODY_BYTES, VerifyBody } from './contract.ts'
import { eventRoutes } from './event-routes.ts'
import { memberRoutes } from './member-routes.ts'
import type { ClawGateNeeds } from './needs.ts'
import type { PeopleNeeds } from './people-needs.ts'
import { peopleRoutes } from './people-routes.ts'
import { PersonTokens } from './person-tokens.ts'
import { pushRoutes } from './push-routes.ts'
import { readShape } from './read-shape.ts'
import { requestRoutes } from './request-routes.ts'

const PATHS = /^\/api\/v1\/(?:approval|auth|passkey|push)(?:[/?]|$)/

/** Whether a path is the door's: those that it does not serve are answered in its words too. */
export const isClawGatePath = (url: string): boolean => PATHS.test(url)

export function clawGateRoutes(needs: ClawGateNeeds, ofPeople: PeopleNeeds): PlainRoute[] {
  const tokens = new ApprovalTokens(needs)
  const persons = new PersonTokens(ofPeople)
  return [
    { method: 'GET', path: '/health', handle: () => ({ status: 200, body: needs.health() }) },
    ...requestRoutes(needs, tokens),
    ...peopleRoutes(ofPeople, persons),
    ...memberRoutes(ofPeople, persons),
    ...answerRoutes(ofPeople, persons),
    ...pushRoutes(ofPeople, persons),
    ...eventRoutes(needs, ofPeople, persons),
    {
      method: 'POST',
      path: '/api/v1/approval/verify-token',
      maxBody: MAX_BODY_BYTES,
      handle: async (asked) => {
        needs.limitVerify(asked.client.address)
        const body = await tokens.verify(readShape(VerifyBody, await asked.json()))
        return { status: 200, body }
      },
    },
  ]
}
