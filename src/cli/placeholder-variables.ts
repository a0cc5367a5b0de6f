import { awsEndpoint } from '../ground/aws-endpoint.ts'

/** As the gateway gives them. */
export interface GivenPlaceholder {
  readonly variables: readonly string[]
  readonly placeholder: string
  /** Where it may be sent. */
  readonly origins: readonly string[]
}

/**
 * What clients would take in the place of a placeholder, or what makes them take it for over: AWS's session and end of keys, and a
 * profile, for which its SDK for JavaScript leaves the variables alone.
 */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  AWS_ACCESS_KEY_ID: [
    ...['AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN', 'AWS_CREDENTIAL_EXPIRATION'],
    ...['AWS_PROFILE', 'AWS_DEFAULT_PROFILE'],
  ],
}

/** Of these names those that are not to stand beside these placeholders. */
export function besidePlaceholders(standing: Readonly<Record<string, string>>, names: readonly string[]): string[] {
  const beside = Object.keys(standing).flatMap((name) => BESIDE[name] ?? [])
  return names.filter((name) => beside.includes(name))
}

/** The region of AWS that the pair is good in, for clients that are told none; by either name, as one or the other looks for it. */
export function regionOf(given: readonly GivenPlaceholder[], env: NodeJS.ProcessEnv): Record<string, string> {
  if (env.AWS_REGION || env.AWS_DEFAULT_REGION) return {}
  const { origins = [] } = given.find(({ variables }) => variables.includes('AWS_ACCESS_KEY_ID')) ?? {}
  const hosts = origins.map((origin) => new URL(origin).hostname)
  const regions = hosts.flatMap((host) => {
    const { region } = awsEndpoint(host) ?? {}
    return region !== undefined && host.includes(region) ? [region] : []
  })
  const [region, ...others] = new Set(regions)
  if (region === undefined || others.length > 0) return {}
  return { AWS_REGION: region, AWS_DEFAULT_REGION: region }
}

/** Variables for an environment or a file. */
export function placeholderVariables(given: readonly GivenPlaceholder[]): Record<string, string> {
  return Object.fromEntries(given.flatMap(({ variables, placeholder }) => variables.map((name) => [name, placeholder])))
}
