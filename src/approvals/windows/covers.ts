/** Whether a call is one of those that a trust window was shown to allow. Pure. */
import { ASSURANCES } from '../../policy/assurance.ts'
import type { AskingRule, CallAction, WindowAction } from '../action.ts'

const RISKS = ['low', 'medium', 'high'] as const

/**
 * Everything the window says must hold of the call. Left open are path, query, headers and body of a named action, and query,
 * headers and body where none is named: what the rules that ask want of them was judged for this call by itself.
 */
export function covers(window: WindowAction, call: CallAction): boolean {
  return (
    window.install === call.install &&
    window.agent.id === call.agent.id &&
    window.agent.name === call.agent.name &&
    window.service.id === call.service.id &&
    window.service.name === call.service.name &&
    window.service.version === call.service.version &&
    window.method === call.method &&
    window.origin === call.origin &&
    isForm(window, call) &&
    isWithin(RISKS, call.risk, window.risk) &&
    isWithin(ASSURANCES, call.terms.assurance, window.terms.assurance) &&
    window.credential?.id === call.credential?.id &&
    window.credential?.handle === call.credential?.handle &&
    areSame(window.rules, call.rules)
  )
}

function isForm(window: WindowAction, call: CallAction): boolean {
  if (window.action !== undefined) return window.action === call.action
  return window.path !== undefined && call.action === undefined && window.path === call.path
}

/** No more than; a word that nobody knows is more than any. */
function isWithin<T>(words: readonly T[], asked: T, given: T): boolean {
  const at = words.indexOf(asked)
  return at >= 0 && at <= words.indexOf(given)
}

/** A rule more, one less or another version of one is another question. Both are in the order of their ids. */
function areSame(window: readonly AskingRule[], call: readonly AskingRule[]): boolean {
  return (
    window.length === call.length &&
    window.every(({ id, name, version }, at) => {
      const other = call[at]
      return other?.id === id && other.name === name && other.version === version
    })
  )
}
