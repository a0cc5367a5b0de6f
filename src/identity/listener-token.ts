import type { TokenId } from '../ground/ids.ts'
import type { AgentEntry, AgentPrincipal } from './contract.ts'

/** Stands where a token would, for an agent that is known by the listener that it came to. It lives while the agent may act. */
export interface ListenerEntry {
  readonly kind: 'listener'
  readonly id: TokenId
  readonly createdAt: number
  readonly expiresAt: number
  readonly status: 'active'
}

const PREFIX = 'lst_'

/**
 * The agent that a listener was given to: what comes there is its call. `listener`: where that is, as records name it.
 * Undefined for an agent that is not there, and while the vault is sealed.
 */
export function atListener(
  identity: { findAgent(idOrName: string): AgentEntry | undefined },
  { agent: idOrName, listener = '' }: { readonly agent?: string; readonly listener?: string },
): AgentPrincipal | undefined {
  const agent = idOrName === undefined ? undefined : identity.findAgent(idOrName)
  if (agent === undefined) return undefined
  const id = `${PREFIX}${agent.id}@${listener}` as TokenId
  const token = { kind: 'listener', id, createdAt: 0, expiresAt: Number.MAX_SAFE_INTEGER, status: 'active' } as const
  return { kind: 'agent', agent, token }
}

export function isListenerId(token: string): boolean {
  return token.startsWith(PREFIX)
}
