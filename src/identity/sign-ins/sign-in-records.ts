// Sign-ins as the log keeps them. The actor is the agent that was named: `decision.effect` says whether it was believed.
import type { OtherRecord } from '../../audit/contract.ts'
import type { Clock } from '../../ground/clock.ts'
import { MinuteSums } from '../../ground/minute-sums.ts'
import type { Attempt } from './contract.ts'
import type { Finding } from './finding.ts'

const MAX_USER_AGENT = 256
/** Nobody can be kept from putting a token there, and the log cannot be changed. Names of programs are shorter. */
const LONG_WORD = /(?=[\w+/=~-]*[0-9])[\w+/=~-]{24,}/g

/** What is known of an attempt besides itself, as far as it may be kept. */
export interface Noticed {
  readonly address: string | undefined
  readonly country: string | undefined
}

/** What a sum speaks of. */
export interface AttemptKind {
  readonly agent?: string | undefined
  readonly result: Attempt['result'] | 'several'
}

export function attemptRecord(attempt: Attempt, { address, country }: Noticed): OtherRecord {
  const { rid, door, form, userAgent, keyThumbprint: key } = attempt
  const words = userAgent?.slice(0, 4 * MAX_USER_AGENT).replaceAll(LONG_WORD, '[long]')
  const kept = words === '' ? undefined : words?.slice(0, MAX_USER_AGENT)
  return {
    ...outcomeOf(attempt, key),
    rid,
    ev: { what: 'sign_in', result: attempt.result, door, form, address, country, key, userAgent: kept },
  }
}

/** Attempts by agent and result. `write` records a sum; should the log refuse it, its count is handed back through `add`. */
export function attemptSums(
  clock: Clock,
  write: (sum: OtherRecord, kind: AttemptKind, count: number) => void,
): MinuteSums<AttemptKind> {
  return new MinuteSums<AttemptKind>({
    clock,
    nameOf: ({ agent = '', result }) => `${agent}\n${result}`,
    several: () => ({ result: 'several' }),
    write: (kind, count, from) => write(sumRecord(kind, count, from), kind, count),
  })
}

/** A sum of attempts that were too many to record each: how many, in the minute that began at `from`. */
function sumRecord(kind: AttemptKind, count: number, from: number): OtherRecord {
  return { ...outcomeOf(kind, undefined), ev: { what: 'sign_in', result: kind.result, count, from } }
}

/** Numbers in the log are whole, so the score is text there. */
export function findingRecord({ agent, type, riskScore, details, rid }: Finding): OtherRecord {
  return {
    type: 'auth',
    actor: { kind: 'agent', id: agent },
    ...(rid !== undefined && { rid }),
    ev: { what: 'sign_in.finding', finding: type, riskScore: riskScore.toFixed(1), details: { ...details } },
  }
}

/** The key stands with the actor only where it was proved. */
function outcomeOf({ agent, result }: AttemptKind, key: string | undefined): OtherRecord {
  const ok = result === 'ok'
  const actor = agent !== undefined && { actor: { kind: 'agent' as const, id: agent, ...(ok && key && { key }) } }
  return { type: 'auth', ...actor, decision: ok ? { effect: 'allow' } : { effect: 'deny', reasons: [result] } }
}
