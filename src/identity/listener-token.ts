import type { TokenId } from '../ground/ids.ts'
import type { AgentPrincipal } from './contract.ts'
import type { Directory } from './directory.ts'

/**
 * Stands where a token would, for an agent that is known by the listener that it came to. It lives while the agent may act,
 * and an emergency revocation ends it like any token: until an operator unlocks the agent, or has to do with it otherwise.
 */
export interface ListenerEntry {
  readonly kind: 'listener'
  readonly id: TokenId
  readonly createdAt: number
  readonly expiresAt: number
  readonly status: 'active' | 'revoked'
}

const PREFIX = 'lst_'

/**
 * The agent that a listener was given to: what comes there is its call. `listener`: where that is, as records name it.
 * Undefined for an agent that is not there, and while the vault is sealed.
 */
export function atListener(
  { room: { directory } }: { readonly room: { readonly directory: Directory } },
  { agent: idOrName, listener = '' }: { readonly agent?: string; readonly listener?: string },
): AgentPrincipal | undefined {
  const agent = idOrName === undefined ? undefined : directory.agent(idOrName)
  if (agent === undefined) return undefined
  const id = `${PREFIX}${agent.id}@${listener}` as TokenId
  const status = directory.isTrustedSince(agent) ? 'active' : 'revoked'
  const token = { kind: 'listener', id, createdAt: 0, expiresAt: Number.MAX_SAFE_INTEGER, status } as const
  return { kind: 'agent', agent, token }
}

/** Whether running calls of a listener's agent may go on. */
export function listenerLives(directory: Directory, id: string): boolean {
  const agent = directory.agent(id)
  return agent?.status === 'active' && directory.isTrustedSince(agent)
}

export function isListenerId(token: string): boolean {
  return token.startsWith(PREFIX)
}
