import type { Grant, GrantView } from './contract.ts'

/** A grant as operators see it at this moment: what was not given is left out. */
export function viewOf(grant: Omit<Grant, 'covers' | 'credential'>, now: number): GrantView {
  const { id, agent, service, scopes, credentials, rpm, uses, used, expiresAt, createdAt, revokedAt } = grant
  const several = credentials.length > 1 ? [...credentials] : undefined
  const unnamed = grant.reach === 'unnamed' ? true : undefined
  const told = { credential: credentials[0], credentials: several, unnamed, label: grant.label?.text, door: grant.door }
  const given = Object.entries({ ...told, rpm, uses, expiresAt, revokedAt }).filter(([, value]) => value !== undefined)
  const status = statusOf(grant, now)
  return { id, agent, service, scopes: [...scopes], used, status, createdAt, ...Object.fromEntries(given) }
}

function statusOf(
  { status, expiresAt, uses, used }: Pick<Grant, 'status' | 'expiresAt' | 'uses' | 'used'>,
  now: number,
): GrantView['status'] {
  if (status === 'revoked') return 'revoked'
  if (expiresAt !== undefined && now >= expiresAt) return 'expired'
  return uses !== undefined && used >= uses ? 'used_up' : 'active'
}
