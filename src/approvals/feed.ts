/**
 * What happens to approvals, as it happens. Operators hear what the list shows of each; an agent hears of its own, and of
 * those no more than id and status. Bodies are never told.
 */
import type { AgentId } from '../ground/ids.ts'
import { eventFrame, type Feed } from '../http/event-streams.ts'
import type { Approvals } from './approvals.ts'
import type { Approval, Event } from './contract.ts'
import { viewOf } from './view.ts'
import { isWindow } from './windows/open-window.ts'

type Send = (frame: string) => void

/** What is told, by what the room calls it; everything else changes nothing that is shown. */
const TOLD: Readonly<Record<string, Event>> = {
  opened: 'opened',
  answered: 'answered',
  approved: 'approved',
  denied: 'denied',
  expired: 'expired',
  cancelled: 'cancelled',
  withdrawn: 'cancelled',
  consumed: 'consumed',
  window_opened: 'approved',
  window_used: 'consumed',
  window_denied: 'answered',
  window_ended: 'cancelled',
  send_asked: 'send_asked',
  sent: 'sent',
  not_sent: 'not_sent',
  failed: 'failed',
}
/** That one of two people answered is not the agent's, and what it asked for it knows; nor are windows. */
const OPERATORS_ONLY: ReadonlySet<Event> = new Set(['answered', 'send_asked'])
/** Of those that wait, how many the first event lists. */
const MOST_LISTED = 200

export class ApprovalFeed {
  readonly #approvals: Approvals
  readonly #operators = new Set<Send>()
  readonly #agents = new Map<AgentId, Set<Send>>()

  constructor(approvals: Approvals) {
    this.#approvals = approvals
    approvals.follow((approval, what) => this.#tell(approval, TOLD[what]))
  }

  forOperators(): Feed {
    return {
      first: () => state(this.#approvals.list().filter(isPending), viewOf),
      follow: (send) => {
        this.#operators.add(send)
        return () => this.#operators.delete(send)
      },
    }
  }

  forAgent(agent: AgentId): Feed {
    return {
      first: () =>
        state(
          this.#approvals.list().filter((one) => one.agent === agent && runs(one) && !isWindow(one)),
          shortOf,
        ),
      follow: (send) => {
        const own = this.#agents.get(agent) ?? new Set()
        this.#agents.set(agent, own.add(send))
        return () => {
          own.delete(send)
          if (own.size === 0 && this.#agents.get(agent) === own) this.#agents.delete(agent)
        }
      },
    }
  }

  #tell(approval: Approval, event: Event | undefined): void {
    if (event === undefined) return
    tellAll(this.#operators, event, () => viewOf(approval))
    const isAgents = !OPERATORS_ONLY.has(event) && !isWindow(approval)
    const own = isAgents ? this.#agents.get(approval.agent) : undefined
    if (own !== undefined) tellAll(own, event, () => shortOf(approval))
  }
}

const isPending = ({ status }: Approval) => status === 'pending'
/** A yes that waits to be used is what the agent waited for. */
const runs = ({ status }: Approval) => status === 'pending' || status === 'approved'
const shortOf = ({ id, status }: Approval) => ({ id, status })

/** As they stand, the oldest first. `more`: how many the list is too short for. */
function state(all: readonly Approval[], view: (approval: Approval) => object): string {
  const items = all.slice(0, MOST_LISTED).map(view)
  return eventFrame('state', { items, more: all.length - items.length })
}

/** Written once, whoever hears it. */
function tellAll(to: ReadonlySet<Send>, event: Event, view: () => object): void {
  if (to.size === 0) return
  const frame = eventFrame(event, view())
  for (const send of [...to]) send(frame)
}
