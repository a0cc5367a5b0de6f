// `clauth store`: a credential under its handle, for the service of its provider, which is made where Clauth knew its hosts.

import type { GatewayClient } from '../client.ts'
import { SERVICE_METADATA, wantedService } from '../import/clauth-provider.ts'
import { misfitOf } from '../import/clauth-services.ts'
import { IMPORTED } from '../import/present.ts'
import { pathOf } from '../path-of.ts'
import { cliProblem } from '../problems.ts'
import { readSecret, textOf } from '../secret-source.ts'
import { type ClauthVerb, iso } from './clauth-verb.ts'
import { readMetadata } from './flags.ts'

const LONGEST_LIFE_S = 315_360_000

export const store: ClauthVerb = {
  about: '--handle H --provider P (--secret-env NAME | --secret-stdin) [--ttl s] [--metadata k=v,…]',
  flags: {
    handle: 'text',
    provider: 'text',
    'secret-env': 'text',
    'secret-stdin': 'bare',
    ttl: 'text',
    metadata: 'many',
  },
  async run(flags, { terminal, operator }) {
    const [handle, provider] = [flags.required('handle'), flags.required('provider').toLowerCase()]
    const [secretEnv, secretStdin] = [flags.text('secret-env'), flags.is('secret-stdin')]
    if ((secretEnv !== undefined) === secretStdin) {
      throw cliProblem('usage', { detail: 'Exactly one of --secret-env NAME and --secret-stdin is wanted.' })
    }
    const ttlSeconds = flags.number('ttl', 1, LONGEST_LIFE_S)
    const metadata = readMetadata(flags.all('metadata'))
    const client = operator()
    await serviceFor(client, provider, metadata)
    const source = secretEnv === undefined ? { secretStdin: true } : { secretEnv }
    const secret = textOf(await readSecret(source, terminal, 'Secret'))
    const kept = Object.entries(metadata).filter(([name]) => !SERVICE_METADATA.has(name))
    const life = ttlSeconds === undefined ? {} : { ttlSeconds }
    const view = await put(client, { handle, service: provider, secret, meta: Object.fromEntries(kept), ...life })
    const expiresAt = view.expiresAt === undefined ? null : iso(view.expiresAt)
    return { json: { handle, provider, createdAt: iso(view.createdAt), expiresAt } }
  },
}

interface NewCredential {
  readonly handle: string
  readonly service: string
  readonly secret: string
  readonly meta: Readonly<Record<string, string>>
  readonly ttlSeconds?: number
}

/** The same handle again is the next version of it, as long as nothing else about it is said to be different. */
async function put(client: GatewayClient, wanted: NewCredential): Promise<{ createdAt: number; expiresAt?: number }> {
  const { handle, service, secret, meta, ...life } = wanted
  const { items } = await client.ask({ method: 'GET', path: '/credentials' })
  const here = items.find((one: { handle: string }) => one.handle === handle)
  if (here === undefined) return client.ask({ method: 'POST', path: '/credentials', body: wanted })
  const other = Object.entries(meta).find(([name, value]) => name !== IMPORTED && here.meta[name] !== value)
  if (here.serviceName !== service || other !== undefined) {
    const hint = `claviger credential remove ${handle} takes it away first.`
    throw cliProblem('usage', { detail: `${handle} is another provider's, or has other metadata.`, hint })
  }
  return client.ask({ method: 'POST', path: pathOf('credentials', handle, 'rotate'), body: { secret, ...life } })
}

/** Makes the provider's service where there is none and its hosts are known. Throws Problem `usage`. */
export async function serviceFor(
  client: GatewayClient,
  provider: string,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const { items } = await client.ask({ method: 'GET', path: '/services' })
  const there = items.find((one: { name: string }) => one.name === provider)
  const wanted = wantedService(provider, { metadata })
  if (there !== undefined) {
    // What nobody said is what the service says.
    const said = metadata.authType !== undefined || metadata.headerName !== undefined || wanted.own
    const why = said ? misfitOf(provider, wanted, there) : undefined
    if (why !== undefined) throw cliProblem('usage', { detail: `${why}.` })
    return
  }
  const { items: templates } = await client.ask({ method: 'GET', path: '/service-templates' })
  const fits = ({ name, origins }: { name: string; origins: readonly string[] }) =>
    name === provider && origins.every((origin) => !origin.includes('{'))
  const template = templates.find(fits)
  const origins = wanted.own ? wanted.origins : (template?.origins ?? wanted.origins)
  if (origins === undefined) {
    throw cliProblem('usage', {
      detail: `No endpoint policy for provider '${provider}'.`,
      hint: 'Give --metadata allowedHosts=HOST,… or describe it with claviger service add.',
    })
  }
  const body = { name: provider, ...(template && { template: provider }), origins, injection: wanted.injection }
  await client.ask({ method: 'POST', path: '/services', body })
}
