import { namesItself } from '../../identity/contract.ts'
import type { VaultService } from './contract.ts'
import type { AdminNeeds } from './needs.ts'
import { refused } from './refusal.ts'

/**
 * Refuses to open a service to a name that an agent gave itself: whoever wrote the name may have meant another. By its id
 * such an agent can be named. Names that stood there before were looked at. Throws `AGENT_NAMED_ITSELF:<name>`.
 */
export function refuseSelfNamed(
  { identity }: Pick<AdminNeeds, 'identity'>,
  after: VaultService,
  before?: VaultService,
): void {
  const known = before === undefined ? [] : namesOf(before)
  for (const name of namesOf(after)) {
    const agent = known.includes(name) ? undefined : identity.findAgent(name)
    if (agent !== undefined && agent.id !== name && namesItself(agent)) throw refused(`AGENT_NAMED_ITSELF:${name}`)
  }
}

function namesOf({ allowedAgents, agentScopes = {} }: VaultService): string[] {
  return [...allowedAgents, ...Object.keys(agentScopes)]
}
