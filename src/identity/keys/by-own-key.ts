import type { AgentPrincipal } from '../contract.ts'
import { keyProblem } from './contract.ts'

/**
 * The caller, where it signed in with a key of its own and has all that this gives. Whoever changes keys becomes the agent
 * for good, so an API key, a token of narrower scope, and one that was exchanged for somebody to act by do not do. Throws
 * Problem `key_sign_in_wanted`.
 */
export function byOwnKey(caller: AgentPrincipal): AgentPrincipal {
  if (caller.token.kind !== 'jwt' || !caller.token.whole) throw keyProblem('key_sign_in_wanted')
  return caller
}
