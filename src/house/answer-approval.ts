// The answer to an approval, and the passkey behind it: the approvals room knows digests, identity knows who signed one.
import { z } from 'zod'
import { actionDigest } from '../approvals/action.ts'
import type { Approvals } from '../approvals/approvals.ts'
import type { Channels } from '../approvals/channels/channels.ts'
import type { Device } from '../approvals/channels/push/contract.ts'
import { ApprovalView, approvalProblem, approvalProblems, type VerdictBy } from '../approvals/contract.ts'
import { viewOf } from '../approvals/view.ts'
import { standingOffer } from '../approvals/windows/open-window.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { headerOf } from '../http/header-of.ts'
import { IdParam } from '../http/shapes.ts'
import type { OperatorPrincipal } from '../identity/contract.ts'
import { sessionOf } from '../identity/people/asked-by.ts'
import { AssertionResponse, MAX_ANSWER, PublicKeyOptions, peopleProblems } from '../identity/people/contract.ts'
import type { People } from '../identity/people/people.ts'
import { noting } from '../identity/people/refusals.ts'
import { deviceOf } from './push.ts'

/** Of the action that was looked at, or of the window that it offers: an answer never counts for another one. */
const Digest = z.string().regex(/^[0-9a-f]{64}$/)
const answering = {
  method: 'POST',
  caller: 'operator',
  role: 'approver',
  params: IdParam,
  problems: { ...approvalProblems, ...peopleProblems },
} as const

export const challengeApproval = endpoint({
  ...answering,
  path: '/claviger/v1/approvals/{id}/challenge',
  summary: 'What a passkey is to sign for a yes: made of the digest of what was shown, good once, for two minutes',
  body: z.strictObject({ digest: Digest }),
  reply: PublicKeyOptions,
})

export const giveVerdict = endpoint({
  ...answering,
  path: '/claviger/v1/approvals/{id}/verdict',
  summary:
    'Approve or deny what is pending, or the trust window that it offers, by its digest. A passkey’s assertion makes the answer worth one; without, it is worth a push on a device that takes pushes, and a tap elsewhere',
  body: z.strictObject({
    verdict: z.enum(['approved', 'denied']),
    digest: Digest,
    comment: z.string().max(500).optional(),
    /** Of the challenge; in a session alone. */
    assertion: AssertionResponse.optional(),
  }),
  maxBody: MAX_ANSWER,
  reply: ApprovalView,
})

export interface AnswerNeeds<Who> {
  readonly approvals: Approvals
  readonly people: People
  readonly channels: Channels
  /** Throws Problem `caller_refused` for anybody but an operator. */
  operatorOf(who: Who): OperatorPrincipal
}

export function answerRoutes<Who>(needs: AnswerNeeds<Who>): BoundEndpoint<Who>[] {
  const { approvals, people, operatorOf } = needs
  /** The approval with this id, if it is about this action, or offers this window. */
  const shownAs = (id: string, digest: string) => {
    const found = approvals.find(id)
    const offer = standingOffer(found)
    const window = offer !== undefined && actionDigest(offer) === digest ? digest : undefined
    if (found.digest !== digest && window === undefined) throw approvalProblem('approval_other_action')
    return { id: found.id, digest, window }
  }
  return [
    bind(challengeApproval, async ({ params, body, caller, rawHeaders }) => {
      const { id, digest } = shownAs(params.id, body.digest)
      const { operator } = sessionOf(operatorOf(caller as Who))
      const origin = headerOf(rawHeaders, 'origin') ?? ''
      return { ...(await people.approvals.challenge({ approvalId: id, digest, operator }, origin)) }
    }),
    bind(giveVerdict, async ({ params, body, caller, rawHeaders, rid }) => {
      const { id, digest, window } = shownAs(params.id, body.digest)
      const { verdict, comment, assertion } = body
      const who = operatorOf(caller as Who)
      if (assertion === undefined) {
        const device = deviceOf(needs, who, rawHeaders)
        return viewOf(await approvals.decide(id, verdict, { ...byHand(who, device), comment, window }))
      }
      const { operator } = sessionOf(who)
      const trying = { rid, how: 'approve', door: 'pages', credential: assertion.id } as const
      const asked = { approvalId: id, digest, operator, assertion }
      const by = await noting(people.room, trying, () => people.approvals.verify(asked))
      return viewOf(await approvals.decide(id, verdict, { ...by, comment, window }))
    }),
  ]
}

/**
 * A token lies in a file, and a session in a browser that may have been left open: either is as sure as a tap. In a session
 * on a device that its operator enrolled with their passkey, it is as sure as that, and no more.
 */
function byHand({ id, operator, session }: OperatorPrincipal, device: Device | undefined): VerdictBy {
  const by = { operator: id, name: operator.name }
  if (device !== undefined) return { ...by, assurance: 'push', channel: 'push' }
  return { ...by, assurance: 'tap', channel: session === undefined ? 'cli' : 'console' }
}
