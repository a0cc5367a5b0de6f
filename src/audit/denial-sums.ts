import type { Clock } from '../ground/clock.ts'
import { MinuteSums } from '../ground/minute-sums.ts'
import type { DenyRecord, OtherRecord } from './contract.ts'

/** Denials by agent and reason. `write` records a sum; should the log refuse it, its count is handed back through `add`. */
export function denialSums(
  clock: Clock,
  write: (sum: OtherRecord, first: DenyRecord, count: number) => void,
): MinuteSums<DenyRecord> {
  return new MinuteSums<DenyRecord>({
    clock,
    nameOf: ({ actor, reason }) => `${actor?.id}\n${reason}`,
    several: (record) => ({ ...record, reason: 'several', actor: { kind: 'agent', id: 'several' } }),
    write: (first, count, from) => write(sumOf(first, count, from), first, count),
  })
}

function sumOf({ actor, reason, policy }: DenyRecord, count: number, from: number): OtherRecord {
  const who = actor && { actor: { kind: actor.kind, id: actor.id } }
  return { type: 'deny', ...who, decision: { effect: 'deny', policy, reasons: [reason] }, ev: { count, from } }
}
