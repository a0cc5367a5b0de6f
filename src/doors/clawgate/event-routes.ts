// Requests as they change, as server-sent events (§2): a person hears what they may see, an agent's key of its own.
import type { Approval } from '../../approvals/contract.ts'
import { EventStream, eventFrame, type Feed } from '../../http/event-streams.ts'
import { headerOf } from '../../http/header-of.ts'
import type { PlainAsked, PlainRoute } from '../../http/plain-routes.ts'
import type { AgentPrincipal, OperatorPrincipal } from '../../identity/contract.ts'
import { seenBy } from './answer-routes.ts'
import type { ClawGateNeeds } from './needs.ts'
import type { PeopleNeeds } from './people-needs.ts'
import type { PersonTokens } from './person-tokens.ts'
import { requestView } from './request-view.ts'
import { isStated, type Stated, statusOf } from './states.ts'

/** What is told, by what the room calls it. */
const TOLD: Readonly<Record<string, string>> = {
  opened: 'requested',
  answered: 'answered',
  approved: 'approved',
  denied: 'denied',
  expired: 'expired',
  cancelled: 'cancelled',
  withdrawn: 'cancelled',
  consumed: 'consumed',
}
/** Of those that wait, how many the first event lists; the rest is in the list of pending ones. */
const MOST_LISTED = 100

interface Listener {
  hears(approval: Stated): boolean
  shown(approval: Stated): object
  send(frame: string): void
}

/** Who listens; the approvals room is followed once for all of them. */
class Listeners {
  readonly #needs: ClawGateNeeds
  readonly #all = new Set<Listener>()

  constructor(needs: ClawGateNeeds) {
    this.#needs = needs
    needs.approvals.follow((approval, what) => this.#tell(approval, TOLD[what]))
  }

  feed({ hears, shown }: Omit<Listener, 'send'>): Feed {
    const waits = (one: Stated) => one.status === 'pending' && hears(one)
    return {
      first: () => {
        const waiting = this.#needs.approvals.list().filter(isStated).filter(waits)
        const requests = waiting.slice(0, MOST_LISTED).map(shown)
        return eventFrame('state', { requests, more: waiting.length - requests.length })
      },
      follow: (send) => {
        const listener: Listener = { hears, shown, send }
        this.#all.add(listener)
        return () => this.#all.delete(listener)
      },
    }
  }

  #tell(approval: Approval, event: string | undefined): void {
    if (event === undefined || !isStated(approval)) return
    for (const { hears, shown, send } of [...this.#all]) if (hears(approval)) send(eventFrame(event, shown(approval)))
  }
}

export function eventRoutes(needs: ClawGateNeeds, ofPeople: PeopleNeeds, tokens: PersonTokens): PlainRoute[] {
  const listeners = new Listeners(needs)
  const open = (asked: PlainAsked) => {
    const [who, feed] = isAgents(asked) ? agents(listeners, needs, asked) : persons(listeners, ofPeople, tokens, asked)
    needs.stream(asked, who, new EventStream(feed))
    return undefined
  }
  return [{ method: 'GET', path: '/api/v1/approval/events', handle: open }]
}

function isAgents({ request: { rawHeaders } }: PlainAsked): boolean {
  if (headerOf(rawHeaders, 'x-api-key') !== undefined) return true
  return /^Bearer +ag_/i.test(headerOf(rawHeaders, 'authorization') ?? '')
}

function agents(listeners: Listeners, needs: ClawGateNeeds, asked: PlainAsked): [AgentPrincipal, Feed] {
  const who = needs.agentOf(asked)
  const shown = (one: Stated) => ({ requestId: one.id, status: statusOf(one) })
  return [who, listeners.feed({ hears: ({ token }) => token === who.token.id, shown })]
}

function persons(
  listeners: Listeners,
  needs: PeopleNeeds,
  tokens: PersonTokens,
  asked: PlainAsked,
): [OperatorPrincipal, Feed] {
  const person = tokens.person(asked, { member: true })
  const { directory } = needs.people.room.identity
  const shown = (one: Stated) => requestView(one, directory.agent(one.agent))
  return [person, listeners.feed({ hears: seenBy(needs, person), shown })]
}
