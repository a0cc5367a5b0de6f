import type { Label } from '../../policy/label.ts'
import type { Actor } from '../../storage/storage.ts'
import { SESSION_TTL_SECONDS } from './contract.ts'
import type { ClauthDesk } from './skill-tokens.ts'

export interface AskedSession {
  readonly skillId: string
  readonly label?: Label | undefined
  readonly ttlSeconds?: number | undefined
}

/** Throws Problem `clauth_invalid`, `agent_revoked`, `vault_sealed`. */
export async function issueSession(needs: ClauthDesk, { skillId, label, ttlSeconds }: AskedSession, by: Actor) {
  const { id: agent } = await needs.agentOf(skillId, by)
  const lifeMs = (ttlSeconds ?? SESSION_TTL_SECONDS) * 1_000
  const { token, jti, issuedAt, expiresAt } = await needs.sessions.open(
    { agent, subject: skillId, scope: label, lifeMs },
    by,
  )
  return { skillId, token, jti, issuedAt: iso(issuedAt), expiresAt: iso(expiresAt) }
}

/** By what it is, or by its `jti`; one that is not good, or was ended before, is not ended again. */
export async function revokeSession(
  { sessions, now }: ClauthDesk,
  shown: { readonly token: string } | { readonly jti: string; readonly expiresAt?: number | undefined },
  reason: 'admin-api' | 'cli',
  by: Actor,
): Promise<{ revoked: boolean; jti?: string; expiresAt?: string }> {
  const jti = 'token' in shown ? sessions.verify(shown.token)?.jti : shown.jti
  if (jti === undefined) return { revoked: false }
  const otherwise = 'token' in shown ? undefined : shown.expiresAt
  const until = otherwise ?? now() + SESSION_TTL_SECONDS * 1_000
  const ended = await sessions.revoke(jti, until, reason, by)
  return ended === undefined ? { revoked: false, jti } : { revoked: true, jti, expiresAt: iso(ended.expiresAt) }
}

export async function sessionRevocations({ sessions }: ClauthDesk) {
  return (await sessions.revocations()).map(({ jti, revokedAt, expiresAt, reason }) => ({
    jti,
    revokedAt: iso(revokedAt),
    expiresAt: Math.floor(expiresAt / 1_000),
    reason,
  }))
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
