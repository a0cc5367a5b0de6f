import type { Actor } from '../../storage/storage.ts'
import type { ClauthNeeds } from './needs.ts'
import { skillIdOf } from './skill-name.ts'

/** A new token; the one before dies with it. Throws Problem `clauth_invalid`, `agent_revoked`, `vault_sealed`. */
export async function issueSkillToken(needs: ClauthDesk, skillId: string, by: Actor) {
  const { id } = await needs.agentOf(skillId, by)
  const token = await needs.tokens.issue(id, by)
  return { skillId, token: token.reveal().toString('latin1') }
}

/** Throws Problem `clauth_invalid`, `agent_revoked`, `door_salts_full`, `vault_sealed`. */
export async function adoptSkillToken(
  needs: ClauthDesk,
  { skillId, salt, tokenHash }: { readonly skillId: string; readonly salt: string; readonly tokenHash: string },
  by: Actor,
) {
  const { id } = await needs.agentOf(skillId, by)
  return { skillId, imported: await needs.tokens.adopt(id, { salt, hash: Buffer.from(tokenHash, 'hex') }, by) }
}

/** A skill that nobody knows has no token either. */
export async function revokeSkillToken(needs: ClauthDesk, skillId: string, by: Actor) {
  const agent = needs.knownAgent(skillId)
  return { skillId, revoked: agent !== undefined && (await needs.tokens.revoke(agent.id, by)) }
}

export function listSkillTokens(needs: ClauthDesk) {
  return needs.tokens.list().map(({ agent, active, createdAt, updatedAt }) => ({
    skillId: skillIdOf(agent),
    active,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  }))
}

/** What is needed of the house to care for tokens. */
export type ClauthDesk = Pick<ClauthNeeds, 'tokens' | 'sessions' | 'agentOf' | 'knownAgent' | 'now'>
