/** What a set of rules says of a call: deny beats ask, ask beats allow, and the order in which they stand says nothing. */

import type { AddressSet } from '../ground/addresses.ts'
import { ASSURANCES } from '../policy/assurance.ts'
import type { CompiledRule } from './compile-rule.ts'
import { ConditionFacts } from './condition-facts.ts'
import { Ask, type AskTerms, type CallFacts, type RuleEffect, type RuleRef, type RuleVerdict } from './contract.ts'
import type { Judged, Match, TunnelFacts } from './match.ts'

const nobody: readonly RuleRef[] = Object.freeze([])
const defaultTerms: AskTerms = Object.freeze(Ask.parse({}))

/** What holds where no rule is about a call. */
export const defaults: Readonly<Record<RuleEffect, RuleVerdict>> = Object.freeze({
  allow: Object.freeze({ effect: 'none', rules: nobody }),
  ask: Object.freeze({ effect: 'ask', rules: nobody, terms: defaultTerms }),
  deny: Object.freeze({ effect: 'deny', rules: nobody }),
})

/** One call, with what conditions read of it: made when the first of them asks. */
export class JudgedCall implements Judged {
  readonly call: CallFacts
  #facts: ConditionFacts | undefined

  constructor(call: CallFacts) {
    this.call = call
  }

  conditionFacts(missing: unknown): ConditionFacts {
    this.#facts ??= new ConditionFacts(this.call, missing)
    return this.#facts
  }
}

/**
 * `rules` are in the order of their ids, so that what is said of them is the same however they were put. `needs_body`: what
 * the rules say depends on the body, which was not given. A rule of which it is not known whether it is about the call is,
 * unless it allows.
 */
export function judgeBy(
  rules: readonly CompiledRule[],
  call: CallFacts,
  byDefault: RuleEffect,
): RuleVerdict | 'needs_body' {
  if (rules.length === 0) return defaults[byDefault]
  const judged = new JudgedCall(call)
  const about = new Sorted()
  for (const rule of rules) about.take(rule, rule.matcher.match(judged))
  const { denies, asks, allows } = about
  if (denies !== undefined) return { effect: 'deny', rules: denies.map(refOf) }
  if (about.strictWaits) return 'needs_body'
  if (asks !== undefined) return { effect: 'ask', rules: asks.map(refOf), terms: strongest(asks) }
  if (allows !== undefined) return { effect: 'allow', rules: allows.map(refOf) }
  // Whether a rule allows it matters only where it is not allowed anyway.
  return about.allowWaits && byDefault !== 'allow' ? 'needs_body' : defaults[byDefault]
}

export interface TunnelVerdict {
  /** `none`: no rule lets it through, and then it is refused. */
  readonly effect: 'none' | 'allow' | 'deny'
  /** Those that decided, by id. */
  readonly rules: readonly RuleRef[]
  /** What it may lead to beside public addresses. */
  readonly addresses: AddressSet | undefined
}

/**
 * Whether a tunnel to a host of no service is passed through untouched. What denies or asks about everything that the agent
 * does counts here as well: nobody can be asked about what nobody looks into.
 */
export function judgeTunnel(rules: readonly CompiledRule[], facts: TunnelFacts): TunnelVerdict {
  const about = rules.filter(({ effect, matcher }) => counts(effect, matcher.matchTunnel(facts)))
  const strict = about.filter(({ effect }) => effect !== 'allow')
  const [first] = about
  if (strict.length > 0) return { effect: 'deny', rules: strict.map(refOf), addresses: undefined }
  if (first === undefined) return { effect: 'none', rules: nobody, addresses: undefined }
  const own = about.find(({ addresses }) => addresses !== undefined)
  return { effect: 'allow', rules: [refOf(own ?? first)], addresses: own?.addresses }
}

/** The rules that are about a call, by what they want; nothing is made for those that are not. */
class Sorted {
  denies: CompiledRule[] | undefined
  asks: CompiledRule[] | undefined
  allows: CompiledRule[] | undefined
  /** For the body: rules that deny or ask, rules that allow. */
  strictWaits = false
  allowWaits = false

  take(rule: CompiledRule, match: Match): void {
    const { effect } = rule
    if (match === 'needs_body') {
      if (effect === 'allow') this.allowWaits = true
      else this.strictWaits = true
    } else if (counts(effect, match)) {
      if (effect === 'allow') this.allows = [...(this.allows ?? []), rule]
      else if (effect === 'ask') this.asks = [...(this.asks ?? []), rule]
      else this.denies = [...(this.denies ?? []), rule]
    }
  }
}

/** Whether a rule counts as being about a call. */
export function counts(effect: RuleEffect, match: Match): boolean {
  return match === 'yes' || (match === 'unknown' && effect !== 'allow')
}

const refOf = ({ ref }: CompiledRule): RuleRef => ref

/** The strongest assurance, the least of everything else; a window only where all give one. */
export function strongest(rules: readonly Pick<CompiledRule, 'terms'>[]): AskTerms {
  const terms = rules.map((rule) => rule.terms ?? defaultTerms)
  const least = (of: (one: AskTerms) => number) => Math.min(...terms.map(of))
  const rank = Math.max(...terms.map(({ assurance }) => ASSURANCES.indexOf(assurance)))
  const windows = terms.flatMap(({ window }) => window ?? [])
  return {
    assurance: ASSURANCES[rank]!,
    lifeSeconds: least(({ lifeSeconds }) => lifeSeconds),
    uses: least(({ uses }) => uses),
    ...(windows.length === terms.length && {
      window: {
        maxSeconds: Math.min(...windows.map(({ maxSeconds }) => maxSeconds)),
        maxUses: Math.min(...windows.map(({ maxUses }) => maxUses)),
      },
    }),
  }
}
