import { type AddressSet, addressSet } from '../ground/addresses.ts'
import { Ask, type AskTerms, type RuleEffect, type RuleRef, ruleProblem } from './contract.ts'
import { Matcher } from './match.ts'
import type { RuleRecord } from './store.ts'
import type { ZoneClock } from './time-window.ts'
import { checkHosts } from './tunnel-hosts.ts'

export interface CompiledRule {
  readonly record: RuleRecord
  readonly ref: RuleRef
  readonly effect: RuleEffect
  readonly terms: AskTerms | undefined
  readonly matcher: Matcher
  /** Of a rule that allows tunnels: what they may lead to beside public addresses. */
  readonly addresses: AddressSet | undefined
}

/** Characters of the JSON of a rule: it stands in the record of its change. */
const MAX_DEFINITION = 16_384

/**
 * Makes what calls are judged with. Whatever is wrong with a rule is found here, before it is stored: rejects with Problem
 * `rule_invalid`, `rule_condition_invalid`, `template_invalid`, `origin_invalid`, `address_invalid`.
 */
export async function compileRule(record: RuleRecord, clockOf: (zone: string) => ZoneClock): Promise<CompiledRule> {
  const { definition, id, version } = record
  const { name, effect, when, ask, match } = definition
  if (JSON.stringify(definition).length > MAX_DEFINITION) {
    throw ruleProblem('rule_invalid', { detail: `It is longer than ${MAX_DEFINITION} characters of JSON.` })
  }
  if (ask !== undefined && effect !== 'ask') {
    throw ruleProblem('rule_invalid', {
      detail: '`ask` belongs to a rule whose effect is ask.',
      facts: { member: 'ask' },
    })
  }
  const { below, atLeast } = match.trust ?? {}
  if (match.trust !== undefined && (below === undefined) === (atLeast === undefined) && !(atLeast! < below!)) {
    throw ruleProblem('rule_invalid', { detail: 'No trust is that.', facts: { member: 'match.trust' } })
  }
  const hosts = checkHosts(definition)
  // The library is large: who has no condition never loads it.
  const condition = when === undefined ? undefined : (await import('./condition.ts')).compileCondition(when)
  return {
    record,
    ref: Object.freeze({ id, name, version }),
    effect,
    terms: effect === 'ask' ? Object.freeze(Ask.parse(ask ?? {})) : undefined,
    matcher: new Matcher(definition, condition, clockOf, hosts),
    addresses: definition.addresses && addressSet(definition.addresses),
  }
}
