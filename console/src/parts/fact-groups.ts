import type { Fact } from '../../../src/approvals/shown/shown.ts'

/** What a person decides by: who asks, with what, and why it was stopped. */
const CONTEXT = new Set(['agent', 'trust', 'service', 'credential', 'risk', 'rule', 'stopped because', 'finding'])
/** What machines compare. */
const FINE_PRINT = new Set(['answer wanted', 'life', 'uses', 'digest', 'installation', 'request', 'payload hash'])

/** Every fact stands in one of them, in the order it came in. */
export function grouped(facts: readonly Fact[]) {
  const context = facts.filter(({ name }) => CONTEXT.has(name))
  const finePrint = facts.filter(({ name }) => FINE_PRINT.has(name))
  const request = facts.filter(({ name }) => !CONTEXT.has(name) && !FINE_PRINT.has(name))
  return { request, context, finePrint }
}
