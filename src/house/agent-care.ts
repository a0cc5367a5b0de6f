// What is done about one agent in every room at once: stop it after an incident, give out what is kept of it, erase it.
import type { LogRecord } from '../audit/find-record.ts'
import { forgetAgent } from '../doors/agentvault/left-behind.ts'
import { viewAgent } from '../identity/agents.ts'
import { identityProblem } from '../identity/contract.ts'
import type { Invite } from '../identity/keys/invites.ts'
import type { Rooms } from '../rooms.ts'
import type { Actor } from '../storage/storage.ts'

const MOST_CALLS = 1_000
const HISTORY = 200

export interface Contained {
  readonly agent: string
  readonly stopped: {
    readonly keys: number
    readonly tokens: number
    readonly sessions: number
    readonly grants: number
  }
  /** Intents of the agent since then, newest first, a thousand at most. */
  readonly calls: readonly LogRecord[]
  readonly invite: Invite
}

/**
 * The incident action, in the documented order: lock, revoke keys, sign-ins, tokens and grants, list what was called, and
 * give an invite for registration with a new key. The agent stays locked until it is unlocked. Throws Problem
 * `agent_unknown`, `agent_revoked`.
 */
export async function contain(rooms: Rooms, name: string, sinceMs: number, by: Actor): Promise<Contained> {
  const { identity, grants } = rooms
  // The lock comes first: whatever fails after it, the agent does nothing more.
  const { id } = await identity.lockAgent(name, by)
  const keys = await identity.keys.revokeAll(id, by)
  const sessions = await identity.sessions.revokeOf(id, by)
  const tokens = await identity.revokeTokensOf(id, by)
  const ended = await grants.revokeOf(id, by)
  const calls = await callsOf(rooms, id, sinceMs)
  const invite = await identity.keys.invite({ agent: id }, by)
  return { agent: id, stopped: { keys, tokens, sessions, grants: ended.length }, calls, invite }
}

async function callsOf({ audit }: Rooms, agent: string, from: number): Promise<readonly LogRecord[]> {
  const found = await audit.index?.find({ actor: agent, type: 'intent', from }, MOST_CALLS)
  return found?.records ?? []
}

/** Everything that is kept about an agent and whoever stands behind it, but for its calls, which the log has. */
export async function exportAgent(rooms: Rooms, name: string): Promise<Record<string, unknown>> {
  const { identity, grants, relying, signIns } = rooms
  const agent = identity.requireAgent(name)
  const { roles, reports } = await relying.exportAgent(agent.id)
  const { items } = await signIns.history(agent.id, HISTORY)
  return {
    agent: { ...viewAgent(agent), label: agent.label ?? null, owner: agent.owner ?? null },
    keys: identity.keys.list(agent.id),
    tokens: identity.listTokens(agent.id),
    sessions: identity.sessions.list(agent.id),
    grants: grants.list().filter((grant) => grant.agent === agent.id),
    trust: relying.showTrust(agent.id),
    roles,
    reports,
    networks: await signIns.places(agent.id),
    signIns: items,
  }
}

/**
 * Removes what names a person: e-mail, label and name of the agent, attestations, networks, reports, waiting alerts. Its id
 * stays in the log, whose records cannot be changed, and names nobody any more. Only for an agent that is revoked. Throws
 * Problem `agent_not_revoked`.
 */
export async function eraseAgent(rooms: Rooms, name: string, by: Actor): Promise<Record<string, number>> {
  const { identity, relying, signIns, alerts, storage, vaultBook } = rooms
  const agent = identity.requireAgent(name)
  if (agent.status !== 'revoked') throw identityProblem('agent_not_revoked')
  const { reports, assignments } = await relying.forgetAgent(agent.id, by)
  const networks = await signIns.forget(agent.id)
  const waiting = await alerts.erase(agent.id)
  const attestations = await identity.keys.dropAttestations(agent.id, by)
  await storage.write((tx) => forgetAgent(vaultBook, agent.id, by, tx))
  await identity.eraseAgent(agent.id, by)
  return { reports, roles: assignments, networks, waiting, attestations }
}
