// config.json of docker: logins to registries, as base64 of name and password, and identity tokens.
import { Secret } from '../../ground/secret.ts'
import type { Around } from './around.ts'
import { type Findings, type Found, lineAt } from './found.ts'
import { type JsonString, parseJson5, stringsIn } from './json-values.ts'
import type { Source } from './read-source.ts'
import { loginIn, registryService } from './registry.ts'

const tokens = new Set(['identitytoken', 'registrytoken'])

/** Docker gives names of images to registries at the root of their hosts: no address of the gateway can stand before that. */
const KEEPS =
  'docker itself can only go on with it: what it pulls comes through Claviger when there is a proxy for HTTPS; `docker logout` takes it out of the file'

/** Logins are stored and stay in the file; tokens that change when they are used stay, and are told. */
export async function findInDocker(source: Source, around: Around): Promise<Findings> {
  const found = stringsIn(await parseJson5(source)).flatMap((one): Found[] => {
    const [auths, registry, member = ''] = one.path
    if (auths !== 'auths' || registry === undefined || one.value.length < 8) return []
    const at = { source, place: `${registry} ${member}`, line: lineAt(source.text, one.start) }
    const service = registryService('docker', originsOf(registry), 'basic', around)
    if (tokens.has(member))
      return [{ ...at, ...service, secret: Secret.fromText(one.value), stays: 'the registry gave it to docker alone' }]
    return member === 'auth' ? loginAt(one, { ...at, ...service }) : []
  })
  return { found, remarks: [] }
}

function loginAt(
  { value }: JsonString,
  at: Pick<Found, 'source' | 'place' | 'line' | 'service' | 'makes' | 'origin'>,
): Found[] {
  const login = loginIn(value)
  // Beside an identity token docker leaves the name alone there.
  if (login === undefined) return []
  const { user, secret } = login
  const known = { ...at, label: user, secret, wants: 'basic', parts: [Secret.fromText(value)] } as const
  return [{ ...known, meta: { username: user }, keeps: KEEPS }]
}

/** `ghcr.io`, `registry.example:5000`, or a URL. Docker Hub takes logins at another host than the one that is named. */
function originsOf(registry: string): string[] {
  const text = /^https?:\/\//.test(registry) ? registry : `https://${registry}`
  if (!URL.canParse(text)) return []
  const { origin, hostname } = new URL(text)
  const isHub = hostname === 'docker.io' || hostname.endsWith('.docker.io')
  return isHub ? ['https://auth.docker.io', 'https://registry-1.docker.io'] : [origin]
}
