// What an import from Clauth would do, in the order in which it can be done. Changes nothing.
import { credentialItem } from './clauth-credential.ts'
import type { ClauthHome } from './clauth-home.ts'
import type { ClauthPresent } from './clauth-present.ts'
import { restItems, settingItems } from './clauth-rest.ts'
import { type PlannedServices, servicesOf } from './clauth-services.ts'
import { type Item, leave } from './item.ts'

const MOST_RPM = 100_000
/** Two parts, `*` for a whole one: what the gateway makes of it, it judges itself. */
const SCOPE = /^(\*|[a-z0-9._-]+):(?:\*|[a-z0-9._-]+)$/

export function planClauth(home: ClauthHome, present: ClauthPresent, now: number): Item[] {
  const services = servicesOf(home, present)
  const credentials = [...home.credentials].map(([handle, credential]) =>
    credentialItem({ handle, credential, set: home.tokenSets.get(handle), present, now }, services),
  )
  const orphans = [...home.tokenSets.keys()].filter((handle) => !home.credentials.has(handle))
  return [
    ...services.items,
    ...credentials,
    ...orphans.map((handle) =>
      leave('connection', handle, 'the vault has no credential of that handle: no provider is named', { failed: true }),
    ),
    ...skillTokenItems(home, present),
    ...grantItems(home, present, services),
    ...settingItems(home, present),
    ...restItems(home),
  ]
}

function skillTokenItems({ skillTokens, config }: ClauthHome, { skills }: ClauthPresent): Item[] {
  const salt = config.skillTokenSalt
  return skillTokens.map(({ skillId, tokenHash, active }): Item => {
    const what = 'skill token'
    if (!active) return leave(what, skillId, 'it was revoked')
    if (skills.has(skillId)) return { what, name: skillId, action: 'known' }
    if (salt === undefined) return leave(what, skillId, 'config.json has no skillTokenSalt', { failed: true })
    const body = { skillId, salt, tokenHash: tokenHash.toLowerCase() }
    return {
      ...{ what, name: skillId, action: 'bring' },
      bring: async ({ client }) => {
        const { imported } = await client.ask({ method: 'POST', path: '/clauth/skill-tokens/import', body })
        return imported === true ? {} : { action: 'known' }
      },
    }
  })
}

function grantItems({ grants }: ClauthHome, present: ClauthPresent, services: PlannedServices): Item[] {
  return grants.map(({ skillId, provider, scope, rateLimitPerMinute, active }): Item => {
    const [what, name] = ['grant', `${skillId} ${provider.toLowerCase()} ${scope.toLowerCase()}`] as const
    const rpm = rateLimitPerMinute ?? 60
    const label = scope.trim().toLowerCase()
    const named = SCOPE.exec(label)?.[1]
    const service = provider.toLowerCase()
    const here = present.grants.find(
      (one) => one.skillId === skillId && one.provider === service && one.scope === label,
    )
    const no = (why: string) => leave(what, name, why, { failed: true })
    if (!active) return leave(what, name, 'it was revoked')
    if (named === undefined) return no('its scope is not two parts')
    if (named !== '*' && named !== service) return no('its scope names another provider')
    if (!(Number.isSafeInteger(rpm) && rpm >= 0 && rpm <= MOST_RPM)) return no('its rate is no number of calls')
    if (here !== undefined && !here.active) return leave(what, name, 'it was revoked here')
    if (here !== undefined) return { what, name, action: 'known' }
    if (!services.byName.has(service)) return no(services.why(service))
    const body = { skillId, provider: service, scope: label, rateLimitPerMinute: rpm }
    return {
      ...{ what, name, action: 'bring', facts: { rateLimitPerMinute: rpm } },
      bring: async ({ client }) => {
        await client.ask({ method: 'POST', path: '/clauth/grants', body })
        return {}
      },
    }
  })
}
