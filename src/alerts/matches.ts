// Who hears of what: filters, least severity, and whose business it is.
import { alertProblem, OPERATOR, type Severity, severities, type Webhook } from './contract.ts'
import { eventTypes } from './event-catalogue.ts'

/** An event as far as its receivers are concerned. */
interface Heard {
  readonly type: string
  readonly severity: Severity
  readonly services: readonly string[] | 'all'
}

type Filter = Pick<Webhook, 'events' | 'minSeverity' | 'owner'>

/** Whether the endpoint asked for this event and may hear of it. */
export function wants({ events, minSeverity, owner }: Filter, event: Heard): boolean {
  if (severities.indexOf(event.severity) < severities.indexOf(minSeverity)) return false
  return mayHear(owner, event.services) && events.some((filter) => fits(filter, event.type))
}

/** Operators hear of everything, a relying service of what is its business. */
export function mayHear(owner: string, services: readonly string[] | 'all'): boolean {
  return owner === OPERATOR || services === 'all' || services.includes(owner)
}

/** Each filter once. Throws Problem `webhook_event_unknown` for one that no event fits. */
export function readFilters(filters: readonly string[]): readonly string[] {
  for (const filter of filters) {
    if (!eventTypes.some((type) => fits(filter, type))) {
      throw alertProblem('webhook_event_unknown', { facts: { event: filter } })
    }
  }
  return [...new Set(filters)]
}

function fits(filter: string, type: string): boolean {
  if (filter === '*' || filter === type) return true
  return filter.endsWith('.*') && type.startsWith(filter.slice(0, -1))
}
