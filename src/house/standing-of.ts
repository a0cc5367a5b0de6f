// Why a human is asked, of the moment: what is thought of the agent, and what the rules that asked say of themselves.
import type { Action, AskingRule } from '../approvals/action.ts'
import type { Standing } from '../approvals/shown/facts-of.ts'
import type { Relying } from '../identity/relying/relying.ts'
import type { RuleDefinition } from '../rules/contract.ts'
import type { Rules } from '../rules/rules.ts'
import type { Services } from '../services/services.ts'

export interface StandingRooms {
  readonly rules: Pick<Rules, 'list'>
  readonly relying: Pick<Relying, 'trustOf'>
  readonly services: Pick<Services, 'byId'>
}

/** Findings are none's to make yet. */
export function standingOf(rooms: StandingRooms): (action: Action) => Standing {
  return (action) => {
    const { score, band, samples } = rooms.relying.trustOf(action.agent.id)
    const trust = `${score} of 10, ${band.toLowerCase()}, by ${samples} ${samples === 1 ? 'report' : 'reports'}`
    if (action.kind === 'stated') return { trust, reasons: ['the agent asks before it does this itself'] }
    return { trust, reasons: action.rules.map((rule) => reasonOf(rule, rooms)) }
  }
}

function reasonOf({ id, name, version }: AskingRule, { rules, services }: StandingRooms): string {
  if (id === 'default') return 'no rule is about it, and then a human is asked'
  if (id.startsWith('srv_')) return `the service wants a human for ${name}`
  const found = rules.list().find((rule) => rule.id === id)
  if (found === undefined) return `${name}, which was removed since: a yes does not fit any more`
  if (found.version !== version) return `${name}, which was changed since: a yes does not fit any more`
  return `${name}: ${saysOf(found.definition, services)}`
}

/** A rule in one line, with what its operator noted. */
function saysOf({ match, when, note }: RuleDefinition, services: StandingRooms['services']): string {
  const { agents, services: ids, ...more } = match
  const parts = [
    ...(ids === undefined ? [] : [`services ${ids.map((id) => services.byId(id as never)?.name ?? id).join(', ')}`]),
    ...(agents === undefined ? [] : [`agents ${agents.join(', ')}`]),
    ...Object.entries(more).map(([part, value]) => `${part} ${wordsOf(value)}`),
    ...(when === undefined ? [] : [`when ${when}`]),
  ]
  return `${parts.length === 0 ? 'every call' : parts.join('; ')}${note === undefined ? '' : ` (“${note}”)`}`
}

function wordsOf(value: unknown): string {
  if (typeof value === 'string') return value
  const plain = Array.isArray(value) && value.every((one) => typeof one === 'string')
  return plain ? value.join(', ') : JSON.stringify(value)
}
