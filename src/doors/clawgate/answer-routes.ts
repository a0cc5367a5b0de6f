// What people answer, look back at, and give to agents.
import { z } from 'zod'
import { approvalProblem, type VerdictBy } from '../../approvals/contract.ts'
import { Problem } from '../../ground/problem.ts'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import { identityProblem, LABEL_PATTERN } from '../../identity/contract.ts'
import type { ApiKeyView } from '../../identity/doors/api-keys.ts'
import { AssertionResponse, MAX_ANSWER } from '../../identity/people/contract.ts'
import { noteRefusal } from '../../identity/people/refusals.ts'
import { shownKey } from './key-routes.ts'
import { HistoryQuery, PageQuery, pageOf } from './pages.ts'
import { partyIn } from './party-in.ts'
import type { PeopleNeeds } from './people-needs.ts'
import { actorOf } from './people-routes.ts'
import type { Person, PersonTokens } from './person-tokens.ts'
import { readShape } from './read-shape.ts'
import { requestView } from './request-view.ts'
import { isStated, type Stated, statusOf } from './states.ts'

const REFUSED: ReadonlySet<string> = new Set(['passkey_refused', 'operator_revoked'])
const Comment = z.string().max(500).optional()
const DenyBody = z.object({ reason: Comment })
const KeyBody = z.object({
  name: z.string().regex(LABEL_PATTERN, '1 to 100 printable characters are wanted'),
  agentId: z.string().min(1).max(64).optional(),
  expiresAt: z.iso.datetime({ offset: true }).nullish(),
})

type Handler = (desk: Desk, asked: PlainAsked) => Promise<PlainReply> | PlainReply

/** What these routes work on. */
interface Desk {
  readonly needs: PeopleNeeds
  readonly tokens: PersonTokens
}
type Filter = Omit<Partial<z.output<typeof HistoryQuery>>, 'limit' | 'cursor'>

export function answerRoutes(needs: PeopleNeeds, tokens: PersonTokens): PlainRoute[] {
  const desk: Desk = { needs, tokens }
  const route = (method: PlainRoute['method'], path: `/${string}`, handler: Handler): PlainRoute => {
    return { method, path: `/api/v1${path}`, maxBody: MAX_ANSWER, handle: (asked) => handler(desk, asked) }
  }
  return [
    route('POST', '/approval/approve/{id}', approve),
    route('POST', '/approval/deny/{id}', deny),
    route('GET', '/approval/pending', (_, asked) => list(desk, asked, { status: 'PENDING' })),
    route('GET', '/approval/history', (_, asked) => list(desk, asked)),
    route('POST', '/auth/api-keys', addKey),
    route('GET', '/auth/api-keys', listKeys),
    route('DELETE', '/auth/api-keys/{id}', revokeKey),
  ]
}

/** Only an assertion over this request's own challenge is an answer; whoever brings another gets one to sign (CG-05). */
async function approve(desk: Desk, asked: PlainAsked): Promise<PlainReply> {
  const { approvals, people, limitPeople, limitAccount } = desk.needs
  limitPeople(asked.client.address)
  const found = stated(desk, asked)
  if (statusOf(found) === 'EXPIRED') throw approvalProblem('approval_expired')
  if (found.status !== 'pending') throw approvalProblem('approval_already_decided')
  const body = await asked.json()
  const assertion = AssertionResponse.safeParse(body)
  const { comment } = readShape(z.object({ comment: Comment }), body)
  const { id, digest } = found
  const operator = assertion.success ? people.room.book.find(assertion.data.id)?.operator : undefined
  if (!assertion.success || operator === undefined) return passkeyRequired(desk, asked, found)
  limitAccount('authenticate', operator)
  try {
    const asMember = agentEntry(desk.needs, found)?.owner === operator
    const by = await people.approvals.verify({ approvalId: id, digest, operator, assertion: assertion.data, asMember })
    const decided = await approvals.decide(id, 'approved', { ...by, channel: 'door', comment })
    return { status: 200, body: { status: statusOf(decided), requestId: id } }
  } catch (error) {
    // Of somebody who was removed, too: they are a stranger.
    noteRefusal(people.room, { rid: asked.rid, how: 'approve', door: 'clawgate', credential: assertion.data.id }, error)
    if (error instanceof Problem && REFUSED.has(error.code)) return passkeyRequired(desk, asked, found)
    throw error
  }
}

async function passkeyRequired({ needs }: Desk, asked: PlainAsked, { id, digest }: Stated): Promise<PlainReply> {
  const options = await needs.people.approvals.challengeAnybody({ approvalId: id, digest }, partyIn(needs, asked))
  const message = 'A passkey’s assertion over this request’s own challenge is wanted'
  return { status: 403, body: { error: { code: 'PASSKEY_REQUIRED', message, requestId: asked.rid, options } } }
}

async function deny(desk: Desk, asked: PlainAsked): Promise<PlainReply> {
  const person = desk.tokens.person(asked, { role: 'approver', member: true })
  const { id, operator } = person
  const found = stated(desk, asked)
  if (!seenBy(desk.needs, person)(found)) throw approvalProblem('approval_unknown')
  const { reason: comment } = readShape(DenyBody, await asked.json())
  const by: VerdictBy = { operator: id, name: operator.name, assurance: 'tap', channel: 'door', comment }
  const { id: requestId } = await desk.needs.approvals.decide(found.id, 'denied', by)
  return { status: 200, body: { status: 'DENIED', requestId } }
}

function list(desk: Desk, asked: PlainAsked, only?: Filter): PlainReply {
  const { needs, tokens } = desk
  const person = tokens.person(asked, { member: true })
  const filter = only ?? readShape(HistoryQuery, Object.fromEntries(asked.query))
  const all = needs.approvals.list().filter(isStated).filter(seenBy(needs, person))
  const fitting = all.filter((one) => fits(one, filter))
  const { items, nextCursor } = pageOf(fitting, pageQuery(asked))
  const { directory } = needs.people.room.identity
  return {
    status: 200,
    body: { requests: items.map((one) => requestView(one, directory.agent(one.agent))), nextCursor },
  }
}

function fits(one: Stated, { status, agentId, from, to }: Filter): boolean {
  return (
    (status === undefined || statusOf(one) === status) &&
    (agentId === undefined || one.action.agent.name === agentId || one.agent === agentId) &&
    (from === undefined || one.openedAt >= Date.parse(from)) &&
    (to === undefined || one.openedAt < Date.parse(to))
  )
}

async function addKey({ needs, tokens }: Desk, asked: PlainAsked): Promise<PlainReply> {
  const person = tokens.person(asked, { role: 'owner', fresh: true, member: true })
  const { name, agentId, expiresAt } = readShape(KeyBody, await asked.json())
  const end = expiresAt == null ? undefined : Date.parse(expiresAt)
  if (end !== undefined && end <= needs.clock.now()) throw identityProblem('token_life_invalid')
  const agent = await needs.agentFor(agentId ?? name, person.operator, actorOf(person))
  const { view, key } = await needs.keys.issue({ agent: agent.id, name, expiresAt: end }, actorOf(person))
  return { status: 201, body: { ...made(view), key: key.reveal().toString('latin1') } }
}

function listKeys({ needs, tokens }: Desk, asked: PlainAsked): PlainReply {
  const { operator } = tokens.person(asked, { member: true })
  const own = needs.keys.list().filter(({ agent }) => operator.role !== 'member' || agent.owner === operator.id)
  const { items, nextCursor } = pageOf(own, pageQuery(asked))
  return { status: 200, body: { apiKeys: items.map(shownKey), nextCursor } }
}

async function revokeKey({ needs, tokens }: Desk, asked: PlainAsked): Promise<PlainReply> {
  const person = tokens.person(asked, { role: 'owner', fresh: true, member: true })
  const { id, agent } = needs.keys.find(asked.params.id as string)
  if (person.operator.role === 'member' && agent.owner !== person.id) throw identityProblem('token_unknown')
  await needs.keys.revoke(id, actorOf(person))
  return { status: 200, body: { ok: true } }
}

/** What an agent stated; other approvals are not this door's. */
function stated({ needs }: Desk, { params }: PlainAsked): Stated {
  const found = needs.approvals.find(params.id as string)
  if (!isStated(found)) throw approvalProblem('approval_unknown')
  return found
}

const agentEntry = (needs: PeopleNeeds, { agent }: Stated) => needs.people.room.identity.directory.agent(agent)

/** Operators see everything, a member what their own agents ask; the rest is as if it were not there. */
export function seenBy(needs: PeopleNeeds, { operator }: Person): (one: Stated) => boolean {
  return (one) => operator.role !== 'member' || agentEntry(needs, one)?.owner === operator.id
}

const pageQuery = ({ query }: PlainAsked) => readShape(PageQuery, Object.fromEntries(query))

function made(view: ApiKeyView): object {
  const { lastUsedAt: _, revokedAt: __, ...shown } = shownKey(view)
  return shown
}
