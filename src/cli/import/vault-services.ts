// The services of an installation of agentic-credential-vault, judged as the door will: each comes over whole, with its secret, or not at all.
import { checkForm } from '../../doors/agentvault/check-form.ts'
import type { VaultService } from '../../doors/agentvault/contract.ts'
import { nativeName } from '../../doors/agentvault/native-service.ts'
import { type Canonical, canonicalJson } from '../../ground/canonical-json.ts'
import type { Secret } from '../../ground/secret.ts'
import { textOf } from '../secret-source.ts'
import { type Bringing, type Item, leave } from './item.ts'
import { unstorable } from './look-at-secret.ts'
import { IMPORTED, JOURNAL } from './present.ts'
import type { VaultForm, VaultHome } from './vault-home.ts'
import type { VaultPresent } from './vault-present.ts'

export interface PlannedVault {
  readonly items: readonly Item[]
  /** Those that come over or are here, as the door reads them. */
  readonly definitions: ReadonlyMap<string, VaultService>
  /** References whose secret comes with a service. */
  readonly carried: ReadonlySet<string>
}

export function planServices({ forms, secrets }: VaultHome, present: VaultPresent): PlannedVault {
  const definitions = new Map<string, VaultService>()
  const carried = new Set<string>()
  const taken = new Set<string>()
  const items = forms.map((found): Item => {
    const { name } = found
    const read = found.form === undefined ? (found.why ?? 'it cannot be understood') : checkForm(name, found.form)
    if (typeof read === 'string') return leave('service', name, read, { failed: true })
    const no = (why: string) => leave('service', name, why, { failed: true })
    const here = present.services.get(name)
    const facts = { from: found.from, baseUrl: read.baseUrl }
    if (here !== undefined) {
      if (!same(here.form, read)) return no('it is here already, described otherwise: what is here stays')
      definitions.set(name, read)
      taken.add(nativeName(name))
      return { what: 'service', name, action: 'known', facts }
    }
    if (present.names.has(nativeName(name))) return no('a service of another door, or the house’s own, has this name')
    if (taken.has(nativeName(name))) return no('names differ in more than capitals here')
    const ref = read.secretRef
    const secret = ref === undefined || present.refs.has(ref) ? undefined : secrets.byRef.get(ref)
    const why = secret === undefined ? undefined : unstorable(secret)
    if (why !== undefined) return no(`its secret cannot be stored (${why}), so nothing of it comes over`)
    definitions.set(name, read)
    taken.add(nativeName(name))
    if (ref !== undefined && secret !== undefined) carried.add(ref)
    const told = { why: remarks(read, ref !== undefined && secret !== undefined ? ref : undefined), facts }
    const form = found.form as VaultForm
    return {
      what: 'service',
      name,
      action: 'bring',
      ...told,
      bring: (bringing) => add(name, form, ref, secret, bringing),
    }
  })
  return { items, definitions, carried }
}

function remarks({ allowedAgents }: VaultService, ref: string | undefined): string | undefined {
  const parts = [
    ref === undefined ? [] : [`with its secret ${ref}`],
    allowedAgents.includes('*') ? ['`*`: every agent here may use it'] : [],
  ].flat()
  return parts.length === 0 ? undefined : parts.join('; ')
}

function same(one: object, other: VaultService): boolean {
  return canonicalJson(one as Canonical) === canonicalJson(other as unknown as Canonical)
}

async function add(
  service: string,
  form: VaultForm,
  ref: string | undefined,
  secret: Secret | undefined,
  bringing: Bringing,
) {
  const carried = ref === undefined || secret === undefined ? {} : sealed(ref, service, secret, bringing)
  await bringing.client.ask({ method: 'POST', path: '/agentvault/services', body: { service, form, ...carried } })
  return {}
}

/** A secret on its way, and what says later that this import stored it. */
export function sealed(ref: string, service: string, secret: Secret, { known, journal }: Bringing) {
  const tag = known.tagOf(secret) ?? known.tag(secret)
  journal.append({ storing: ref, service })
  return { secret: textOf(secret), meta: { [IMPORTED]: tag, [JOURNAL]: journal.id } }
}
