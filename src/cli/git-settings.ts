// How git finds its way through the gateway: settings by its environment (git-config(1), GIT_CONFIG_COUNT). Pure.

export interface GitPlace {
  /** Base URL of the gateway, as the command reaches it. */
  readonly gateway: string
  /** Of services that the agent was given. */
  readonly origins: readonly string[]
  /** File with the certificate to trust. */
  readonly ca: string
  /** The program that gives git the token for the gateway itself, as words. */
  readonly helper: readonly string[]
}

type Environment = Readonly<Record<string, string | undefined>>

/** Variables to be added to `env`: after the settings that stand there, so that these count. */
export function gitSettings(env: Environment, { gateway, origins, ca, helper }: GitPlace): Record<string, string> {
  const before = /^\d{1,4}$/.test(env.GIT_CONFIG_COUNT ?? '') ? Number(env.GIT_CONFIG_COUNT) : 0
  const settings: (readonly [key: string, value: string])[] = [
    // Else it asks once without the token, is refused, and that is on record each time.
    ['http.proxyAuthMethod', 'basic'],
    // Some programs drop GIT_SSL_CAINFO.
    ['http.sslCAInfo', ca],
    // What other helpers keep are real passwords.
    ['credential.helper', ''],
    [`credential.${gateway}.helper`, `!${helper.map(quoted).join(' ')}`],
    ...rewritten(origins),
  ]
  const variables = settings.flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${before + at}`, key],
    [`GIT_CONFIG_VALUE_${before + at}`, value],
  ])
  return { ...Object.fromEntries(variables), GIT_CONFIG_COUNT: String(before + settings.length) }
}

/** By SSH nothing goes through the gateway: addresses of it become those of HTTPS. */
function rewritten(origins: readonly string[]): [key: string, value: string][] {
  return origins.flatMap((origin) => {
    const { hostname, protocol } = new URL(origin)
    if (protocol !== 'https:' || hostname.includes('*')) return []
    const key = `url.${origin}/.insteadOf`
    return [`git@${hostname}:`, `ssh://git@${hostname}/`].map((value): [string, string] => [key, value])
  })
}

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`
