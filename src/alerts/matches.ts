// Who hears of what: filters, least severity, and whose business it is.
import { alertProblem, OPERATOR, type Severity, severities, type Webhook } from './contract.ts'
import { eventTypes } from './event-catalogue.ts'

/** An event as far as its receivers are concerned. */
interface Heard {
  readonly type: string
  readonly severity: Severity
  readonly concerns: (service: string) => boolean
}

type Filter = Pick<Webhook, 'events' | 'minSeverity' | 'owner'>

/** Whether the endpoint asked for this event and may hear of it: operators of everything, a service of what concerns it. */
export function wants({ events, minSeverity, owner }: Filter, { type, severity, concerns }: Heard): boolean {
  if (severities.indexOf(severity) < severities.indexOf(minSeverity)) return false
  return events.some((filter) => fits(filter, type)) && (owner === OPERATOR || concerns(owner))
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
