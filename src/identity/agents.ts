import { newId } from '../ground/ids.ts'
import type { Actor, ChangeRecord } from '../storage/storage.ts'
import { type AgentEntry, type AgentStatus, type AgentView, identityProblem, NAME_PATTERN } from './contract.ts'
import type { Agent } from './directory.ts'
import type { Room } from './room.ts'
import { type AgentRow, agentNameTaken, putAgent } from './store.ts'

/** Adds an active agent. Throws Problems `agent_name_invalid`, `agent_name_taken`. */
export async function addAgent({ storage, clock, directory }: Room, name: string, by: Actor): Promise<AgentEntry> {
  if (!NAME_PATTERN.test(name)) throw identityProblem('agent_name_invalid')
  const row: AgentRow = { id: newId('agent'), name, status: 'active', created_at: clock.now() }
  await storage.write(async (tx) => {
    if (await agentNameTaken(tx, name)) throw identityProblem('agent_name_taken', { facts: { name } })
    const record: ChangeRecord = { type: 'auth', actor: by, ev: { what: 'agent.added', agent: row.id, name } }
    await tx.change({ kind: 'agent', ref: row.id, after: row, record })
    await putAgent(tx, row)
  })
  return requireAgent(directory.agent(row.id))
}

/** Suspends an agent: its tokens say nothing until it is unlocked. Locking twice is no error. */
export async function lockAgent(room: Room, idOrName: string, by: Actor): Promise<AgentEntry> {
  return setStatus(room, idOrName, 'suspended', by)
}

/** Lets a suspended agent act again. Throws Problem `agent_revoked` for one that was revoked for good. */
export async function unlockAgent(room: Room, idOrName: string, by: Actor): Promise<AgentEntry> {
  return setStatus(room, idOrName, 'active', by)
}

/** Throws Problem `agent_unknown`. */
export function requireAgent(agent: Agent | undefined): Agent {
  if (!agent) throw identityProblem('agent_unknown')
  return agent
}

export function viewAgent({ id, name, status, createdAt }: AgentEntry): AgentView {
  return { id, name, status, createdAt }
}

/** The row is made from memory, which was authenticated: a row edited since then cannot stop the change. */
async function setStatus(
  { storage, directory }: Room,
  idOrName: string,
  status: AgentStatus,
  by: Actor,
): Promise<AgentEntry> {
  const agent = requireAgent(directory.agent(idOrName))
  if (agent.status === 'revoked') throw identityProblem('agent_revoked')
  const row: AgentRow = { id: agent.id, name: agent.name, status, created_at: agent.createdAt }
  const locks = status !== 'active'
  const record: ChangeRecord = {
    type: locks ? 'revoke' : 'auth',
    actor: by,
    ev: { what: locks ? 'agent.locked' : 'agent.unlocked', agent: agent.id },
  }
  await storage.write(
    async (tx) => {
      await tx.change({ kind: 'agent', ref: agent.id, after: row, record })
      await putAgent(tx, row)
    },
    { urgent: locks },
  )
  return agent
}
