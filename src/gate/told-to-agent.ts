import type { Explanation } from './explanation.ts'

/** Checks whose answers tell whether a service of that name exists. */
const aboutExistence: ReadonlySet<string> = new Set(['serviceIsKnown', 'anyGrantHeld'])

/**
 * An explanation as the agent itself may see it. A service it holds no grant on and one that does not exist are explained
 * alike, word for word: else an agent could list what it was not given, one name at a time.
 */
export function toldToAgent(explanation: Explanation): Explanation {
  if (!aboutExistence.has(explanation.decision.check)) return explanation
  const before = explanation.checks.slice(
    0,
    explanation.checks.findIndex(({ check }) => aboutExistence.has(check)),
  )
  const refusal = { check: 'anyGrantHeld', why: 'no_grant' } as const
  return {
    decision: { outcome: 'deny', ...refusal },
    checks: [...before, { ...refusal, say: 'deny' }],
    action: undefined,
    among: [],
    risk: undefined,
    required: [],
    enough: undefined,
    grant: undefined,
    rules: { effect: 'none', names: [] },
  }
}
