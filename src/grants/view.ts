import type { Grant, GrantView } from './contract.ts'

/** A grant as operators see it at this moment: what was not given is left out. */
export function viewOf(grant: Omit<Grant, 'covers'>, now: number): GrantView {
  const { id, agent, service, scopes, credential, rpm, uses, used, expiresAt, createdAt, revokedAt } = grant
  const given = Object.entries({ credential, rpm, uses, expiresAt, revokedAt }).filter(
    ([, value]) => value !== undefined,
  )
  const status = statusOf(grant, now)
  return { id, agent, service, scopes: [...scopes], used, status, createdAt, ...Object.fromEntries(given) }
}

function statusOf({ status, expiresAt, uses, used }: Omit<Grant, 'covers'>, now: number): GrantView['status'] {
  if (status === 'revoked') return 'revoked'
  if (expiresAt !== undefined && now >= expiresAt) return 'expired'
  return uses !== undefined && used >= uses ? 'used_up' : 'active'
}
