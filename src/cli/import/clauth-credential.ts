import { textOf } from '../secret-source.ts'
import type { ClauthCredential, ClauthTokenSet } from './clauth-formats.ts'
import type { ClauthPresent } from './clauth-present.ts'
import { SERVICE_METADATA } from './clauth-provider.ts'
import { misfit, type PlannedServices } from './clauth-services.ts'
import { type Bringing, type Brought, type Item, leave } from './item.ts'
import { unstorable } from './look-at-secret.ts'
import { IMPORTED, JOURNAL } from './present.ts'

const HANDLE = /^(?!crd_)[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/
const META_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/
const LONGEST_LIFE_S = 315_360_000

interface Asked {
  readonly handle: string
  readonly credential: ClauthCredential
  /** Present where the handle renews itself. */
  readonly set: ClauthTokenSet | undefined
  readonly present: ClauthPresent
  readonly now: number
}

/** A credential keeps its handle, whatever it is called: skills name it. */
export function credentialItem(asked: Asked, services: PlannedServices): Item {
  const { handle, credential, set, present, now } = asked
  const what = set === undefined ? 'credential' : 'connection'
  const provider = credential.provider.toLowerCase()
  const facts = { provider }
  const no = (why: string) => leave(what, handle, why, { facts, failed: true })
  const here = present.credentials.get(handle)
  const tag = present.known?.tagOf(credential.secret)
  if (here !== undefined) {
    const same = here.service === provider && tag !== undefined && here.meta[IMPORTED] === tag
    return same ? { what, name: handle, action: 'known', facts } : no('another credential has this handle')
  }
  if (!HANDLE.test(handle)) return no('no credential can have this handle: letters, digits and . _ -, at most 64')
  const service = services.byName.get(provider)
  if (service === undefined) return no(services.why(provider))
  const why = misfit(provider, credential, service) ?? (set === undefined ? unstorable(credential.secret) : undefined)
  if (why !== undefined) return no(why)
  if (set === undefined && credential.expiresAt != null && credential.expiresAt <= now) {
    return leave(what, handle, 'it has expired', { facts })
  }
  return { what, name: handle, action: 'bring', facts, bring: (bringing) => store(asked, provider, bringing) }
}

async function store(
  { handle, credential, set, now }: Asked,
  service: string,
  { client, journal, known }: Bringing,
): Promise<Brought> {
  const tag = known.tagOf(credential.secret) ?? known.tag(credential.secret)
  const meta = { ...ownMetadata(credential), [IMPORTED]: tag, [JOURNAL]: journal.id }
  journal.append({ storing: handle, service })
  const body =
    set === undefined
      ? { handle, service, secret: textOf(credential.secret), meta, ...lifeOf(credential, now) }
      : { handle, service, meta, connection: connectionOf(set) }
  await client.ask({ method: 'POST', path: set === undefined ? '/credentials' : '/connections', body })
  return {}
}

/** What the vault keeps as facts: the rest speaks of the service. */
function ownMetadata({ metadata }: ClauthCredential): Record<string, string> {
  const own = Object.entries(metadata ?? {}).filter(
    ([key, value]) => !SERVICE_METADATA.has(key) && META_KEY.test(key) && value.length <= 512,
  )
  return Object.fromEntries(own.slice(0, 24))
}

function lifeOf({ expiresAt }: ClauthCredential, now: number): { ttlSeconds?: number } {
  if (expiresAt == null) return {}
  return { ttlSeconds: Math.min(LONGEST_LIFE_S, Math.ceil((expiresAt - now) / 1_000)) }
}

function connectionOf({
  accessToken,
  refreshToken,
  expiresAt,
  tokenUrl,
  clientId,
  clientSecret,
  scopes,
}: ClauthTokenSet) {
  return {
    kind: 'oauth',
    accessToken: textOf(accessToken),
    tokenUrl,
    ...(refreshToken && { refreshToken: textOf(refreshToken) }),
    ...(expiresAt != null && { expiresAt }),
    ...(clientId && { clientId }),
    ...(clientSecret && { clientSecret: textOf(clientSecret) }),
    ...(scopes && { scopes }),
  }
}
