import { type Decision, decide, explain } from '../policy/decide.ts'
import type { Gathered } from './gather-facts.ts'
import type { CallRequest } from './rooms.ts'

export interface Explanation {
  readonly decision: Decision
  readonly checks: ReturnType<typeof explain>
  readonly action: string | undefined
  /** The actions that claim it, where no one of them alone does: what they all require is required. */
  readonly among: readonly string[]
  /** Undefined where it is not known what the call is. */
  readonly risk: 'low' | 'medium' | 'high' | undefined
  readonly required: readonly string[]
  /** A scope that would be enough by itself. */
  readonly enough: string | undefined
  readonly grant: string | undefined
  /** What the operator's rules say, and which of them decided. */
  readonly rules: { readonly effect: string; readonly names: readonly string[] }
}

/** `whole`: for operators, who hear what the call is also where the agent was given nothing on the service. */
export function explanationOf(gathered: Gathered, call: CallRequest, whole: boolean): Explanation {
  const { question, resolution: resolved, grant, service, rules } = gathered
  const resolution = resolved ?? (whole ? service?.resolve(call.method, call.target) : undefined)
  const names = rules === 'needs_body' ? [] : rules.rules.map(({ name }) => name)
  return {
    decision: decide(question),
    checks: explain(question),
    action: resolution?.action,
    among: resolution?.among ?? [],
    risk: resolution?.risk,
    required: resolution?.required ?? [],
    enough: resolution?.enough,
    grant: grant?.id,
    rules: { effect: rules === 'needs_body' ? rules : rules.effect, names },
  }
}
