import { newId } from '../ground/ids.ts'
import type { Actor, ChangeRecord, Tx } from '../storage/storage.ts'
import { type AgentEntry, type AgentStatus, type AgentView, identityProblem, NAME_PATTERN } from './contract.ts'
import type { Agent } from './directory.ts'
import type { Room } from './room.ts'
import { type AgentOrigin, type AgentRow, agentNameTaken, agentStatus, putAgent } from './store.ts'

export interface NewAgent {
  readonly name: string
  readonly status: AgentStatus
  readonly origin: AgentOrigin
  readonly owner?: string | undefined
  readonly email?: string | undefined
  readonly label?: string | undefined
}

type AskedAgent = Pick<NewAgent, 'name' | 'email' | 'label'>

/** Adds an active agent. Throws Problems `agent_name_invalid`, `agent_name_taken`. */
export async function addAgent(room: Room, asked: AskedAgent, by: Actor) {
  const owner = by.kind === 'operator' ? by.id : undefined
  const row = newAgentRow(room, { ...asked, status: 'active', origin: 'operator', owner })
  await room.storage.write((tx) => addAgentInto(room, tx, row, by))
  return requireAgent(room.directory.agent(row.id))
}

/** The row of a new agent. Throws Problem `agent_name_invalid`. */
export function newAgentRow({ clock }: Room, { name, status, origin, owner, email, label }: NewAgent): AgentRow {
  if (!NAME_PATTERN.test(name)) throw identityProblem('agent_name_invalid')
  const created_at = clock.now()
  return {
    id: newId('agent'),
    name,
    status,
    created_at,
    owner: owner ?? null,
    email: email ?? null,
    origin,
    label: label ?? null,
  }
}

/** Writes it, in the transaction. Throws Problem `agent_name_taken`. */
export async function addAgentInto({ box }: Room, tx: Tx, row: AgentRow, by: Actor): Promise<void> {
  const { id, name, status } = row
  if (await agentNameTaken(tx, name)) throw identityProblem('agent_name_taken', { facts: { name } })
  const ev = { what: 'agent.added', agent: id, name, status, origin: row.origin ?? undefined }
  await tx.change({ kind: 'agent', ref: id, after: row, record: { type: 'auth', actor: by, ev } })
  await putAgent(tx, row, box)
}

/** Suspends an agent: its tokens say nothing until it is unlocked. Locking twice is no error. */
export async function lockAgent(room: Room, idOrName: string, by: Actor): Promise<AgentEntry> {
  return setStatus(room, idOrName, 'suspended', by)
}

/** Lets a suspended agent act again. Throws Problems `agent_revoked` (it was for good), `agent_pending`. */
export async function unlockAgent(room: Room, idOrName: string, by: Actor): Promise<AgentEntry> {
  if (requireAgent(room.directory.agent(idOrName)).status === 'pending') throw identityProblem('agent_pending')
  return setStatus(room, idOrName, 'active', by)
}

/** Lets an agent in that registered itself. Throws Problem `agent_not_pending`. */
export async function approveAgent(room: Room, idOrName: string, by: Actor): Promise<AgentEntry> {
  if (requireAgent(room.directory.agent(idOrName)).status !== 'pending') throw identityProblem('agent_not_pending')
  return setStatus(room, idOrName, 'active', by)
}

/** For good. */
export async function revokeAgent(room: Room, idOrName: string, by: Actor): Promise<AgentEntry> {
  const agent = requireAgent(room.directory.agent(idOrName))
  return agent.status === 'revoked' ? agent : setStatus(room, idOrName, 'revoked', by)
}

/** Forgets what may name a person: its name becomes one that says nothing. */
export async function eraseAgent({ storage, directory, box }: Room, idOrName: string, by: Actor): Promise<void> {
  const agent = requireAgent(directory.agent(idOrName))
  const name = `erased-${agent.id.slice('agent_'.length).toLowerCase()}`
  const row: AgentRow = { ...agent.toRow(), name, email: null, label: null }
  const record: ChangeRecord = { type: 'auth', actor: by, ev: { what: 'agent.erased', agent: agent.id } }
  await storage.write(async (tx) => {
    await tx.change({ kind: 'agent', ref: agent.id, after: row, record })
    await putAgent(tx, row, box)
  })
}

/** Throws Problem `agent_unknown`. */
export function requireAgent(agent: Agent | undefined): Agent {
  if (!agent) throw identityProblem('agent_unknown')
  return agent
}

export function viewAgent({ id, name, status, createdAt, email, origin, label }: AgentEntry): AgentView {
  const given = Object.entries({ email, origin, label }).filter(([, value]) => value !== undefined)
  return { id, name, status, createdAt, ...Object.fromEntries(given) }
}

const told: Readonly<Record<AgentStatus, string>> = {
  active: 'agent.unlocked',
  suspended: 'agent.locked',
  revoked: 'agent.revoked',
  pending: 'agent.added',
}

/** The row is made from memory, which was authenticated: a row edited since then cannot stop the change. */
async function setStatus(
  { storage, directory, box }: Room,
  idOrName: string,
  status: AgentStatus,
  by: Actor,
): Promise<AgentEntry> {
  const agent = requireAgent(directory.agent(idOrName))
  if (agent.status === 'revoked') throw identityProblem('agent_revoked')
  const row: AgentRow = { ...agent.toRow(), status }
  const stops = status !== 'active'
  const what = agent.status === 'pending' && !stops ? 'agent.approved' : told[status]
  const record: ChangeRecord = { type: stops ? 'revoke' : 'auth', actor: by, ev: { what, agent: agent.id } }
  await storage.write(
    async (tx) => {
      // Somebody may have revoked it in this very turn, and that is for good.
      const isRevoked = status !== 'revoked' && (await agentStatus(tx, agent.id)) === 'revoked'
      if (isRevoked) throw identityProblem('agent_revoked')
      await tx.change({ kind: 'agent', ref: agent.id, after: row, record })
      await putAgent(tx, row, box)
    },
    { urgent: stops },
  )
  return agent
}
