// Auth profiles of OpenClaw, of today's stores and of the older files, in whichever of their shapes.
import { z } from 'zod'

/** Fields that older files use for others: `mode` for `type`, `apiKey` for `key`. */
const Profile = z.looseObject({
  type: z.string().optional(),
  mode: z.string().optional(),
  provider: z.string().optional(),
  key: z.unknown().optional(),
  apiKey: z.unknown().optional(),
  token: z.unknown().optional(),
  access: z.unknown().optional(),
  refresh: z.unknown().optional(),
  email: z.string().optional(),
})
const Profiles = z.record(z.string(), Profile.catch({}))
const Store = z.looseObject({ profiles: Profiles })

export interface ProfileSecret {
  /** Such as `openai:default`. */
  readonly profile: string
  readonly provider: string
  readonly type: 'api_key' | 'token' | 'oauth'
  /** The members that lead to it, from the top. */
  readonly path: readonly string[]
  /** Absent for OAuth, which is not taken. */
  readonly value?: string
}

/** Secrets in a store, flat or not; nothing for what is no store. References are passed over. */
export function secretsInProfiles(store: unknown): ProfileSecret[] {
  const whole = Store.safeParse(store)
  if (whole.success)
    return Object.entries(whole.data.profiles).flatMap(([id, profile]) => secretOf(id, profile, ['profiles', id]))
  const flat = Profiles.safeParse(store)
  if (!flat.success) return []
  return Object.entries(flat.data).flatMap(([provider, profile]) =>
    secretOf(`${provider}:default`, profile, [provider]),
  )
}

function secretOf(id: string, profile: z.output<typeof Profile>, path: string[]): ProfileSecret[] {
  const shared = { profile: id, provider: profile.provider ?? id.split(':')[0]! }
  if (typeof profile.access === 'string' || typeof profile.refresh === 'string' || typeOf(profile) === 'oauth')
    return [{ ...shared, type: 'oauth', path }]
  for (const member of ['key', 'apiKey', 'token'] as const) {
    const value = profile[member]
    // A reference beside it wins in OpenClaw; the value is still plaintext.
    if (typeof value === 'string')
      return [{ ...shared, type: member === 'token' ? 'token' : 'api_key', path: [...path, member], value }]
  }
  return []
}

function typeOf({ type, mode }: z.output<typeof Profile>): string | undefined {
  return type ?? mode
}
