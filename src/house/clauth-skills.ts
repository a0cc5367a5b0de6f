// A skill of the Clauth door is an agent: which one, and that there is one.
import { invalid, namedItself } from '../doors/clauth/contract.ts'
import { agentNameOf, isSkillId, skillIdOf } from '../doors/clauth/skill-name.ts'
import { Problem } from '../ground/problem.ts'
import { type AgentEntry, namesItself } from '../identity/contract.ts'
import { DoorTokens } from '../identity/doors/door-tokens.ts'
import type { Rooms } from '../rooms.ts'
import type { Actor } from '../storage/storage.ts'

/** Undefined for a skill that nobody made. */
export function knownSkill({ identity }: Rooms, skillId: string): AgentEntry | undefined {
  const agent = identity.findAgent(agentNameOf(skillId))
  return agent !== undefined && skillIdOf(agent) === skillId ? agent : undefined
}

/**
 * A skill is an agent of that name: where there is none, one is made, with no keys, no tokens and no grants. An agent that
 * chose its name itself is a skill only from when an operator named it by its id. Throws Problem `clauth_invalid`,
 * `clauth_skill_named_itself`.
 */
export async function skillAgent(rooms: Rooms, skillId: string, by: Actor): Promise<AgentEntry> {
  if (!isSkillId(skillId)) throw invalid('skillId must be 1 to 100 printable characters')
  const byId = skillId.startsWith('agent_') ? rooms.identity.findAgent(skillId) : undefined
  if (byId !== undefined) return byId
  const known = knownSkill(rooms, skillId)
  if (known !== undefined && namesItself(known) && !isSettled(rooms, known)) throw namedItself(skillId, known.id)
  if (known !== undefined) return known
  const name = agentNameOf(skillId)
  try {
    return await rooms.identity.addAgent(name === skillId ? { name } : { name, label: skillId }, by)
  } catch (error) {
    // Somebody else asked for it in this very moment.
    const made = error instanceof Problem && error.code === 'agent_name_taken' ? knownSkill(rooms, skillId) : undefined
    if (made === undefined) throw error
    return made
  }
}

/** Whether an operator once gave it what skills have: then its name was looked at. */
function isSettled({ identity, grants }: Rooms, { id }: AgentEntry): boolean {
  if (grants.list(id).some(({ label }) => label !== undefined)) return true
  return new DoorTokens(identity.room, 'clauth').list().some(({ agent }) => agent.id === id)
}
