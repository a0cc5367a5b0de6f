// Which running calls end when something they stand on changes. Called in the turn of the commit.
import type { CallFooting, OpenCalls } from './gate/open-calls.ts'
import type { Identity } from './identity/identity.ts'
import type { Change } from './storage/storage.ts'

/** Kinds of change, and what of a call's footing they touch. */
const footingOf: Readonly<Record<string, keyof CallFooting>> = {
  agent: 'agent',
  token: 'token',
  tokens_revoked: 'agent',
  grant: 'grant',
  service: 'service',
  credential: 'credential',
}

/** What a token may stand on without being named by it: its sign-in, the key that proved it, the key that signed it. */
const beneathTokens: ReadonlySet<string> = new Set(['session', 'sessions_removed', 'agent_key', 'signing_key'])

/** Whether a change of this kind may leave a token with nobody that it speaks for. */
export function touchesTokens(kind: string): boolean {
  const part = footingOf[kind]
  return kind === 'revoke_all' || beneathTokens.has(kind) || part === 'agent' || part === 'token'
}

/**
 * Ends the calls that stand on what changed; returns how many. Whether the change took or gave is not asked: no call
 * stands on what is new, and one that runs on what was there before must be admitted again.
 */
export function cutOff(change: Change, openCalls: OpenCalls, identity: Pick<Identity, 'isLive'>): number {
  if (change.kind === 'revoke_all') return openCalls.kill(() => true, 'emergency_revoke')
  if (beneathTokens.has(change.kind)) return cutOffDead(openCalls, identity, `${change.kind}_changed`)
  const part = footingOf[change.kind]
  if (part === undefined) return 0
  // An agent may also act in the name of others.
  const ends = change.kind === 'agent' ? ({ agent, token }: CallFooting) => !identity.isLive(agent, token) : () => false
  return openCalls.kill((footing) => footing[part] === change.ref || ends(footing), `${change.kind}_changed`)
}

/** Ends the calls whose token speaks for nobody any more; returns how many. */
export function cutOffDead(openCalls: OpenCalls, identity: Pick<Identity, 'isLive'>, why: string): number {
  return openCalls.kill(({ agent, token }) => !identity.isLive(agent, token), why)
}
