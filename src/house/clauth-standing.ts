import type { AskedCall, Standing } from '../doors/clauth/needs.ts'
import type { Grant } from '../grants/contract.ts'
import { originMatches } from '../ground/origin.ts'
import { type Label, labelCovers, stars } from '../policy/label.ts'
import type { Rooms } from '../rooms.ts'
import type { Service } from '../services/contract.ts'
import type { CredentialView } from '../vault/contract.ts'

/** How a call of the Clauth door stands that the gate refused. Decides nothing: it says which of its reasons come first. */
export function clauthStanding({ services, grants, vault, clock }: Rooms, call: AskedCall): Standing {
  const service = services.byName(call.provider)
  const held = service === undefined ? [] : grants.of(call.principal.agent.id, service.id)
  const labelled = held.filter((grant) => isLive(grant, clock.now()) && covers(grant, call.label))
  const credential = vault.find(call.handle)
  const restricted = credential?.meta.restricted
  const giving = labelled.filter((grant) => credential !== undefined && grants.gives(grant, credential.id, restricted))
  const [grant] = (giving.length > 0 ? giving : labelled).sort((one, other) => starsOf(one) - starsOf(other))
  return {
    granted: grant !== undefined && service !== undefined && means(service, call),
    rpm: grant?.rpm,
    waitMs: grant === undefined ? 0 : grants.rateWaitMs(grant),
    handle: handleOf(service, credential, giving.length > 0),
    onProvider: service?.origins.some((one) => isOn(one, call)) === true,
    hosts: service?.origins.map(({ host }) => host) ?? [],
  }
}

function covers({ label }: Grant, asked: Label): boolean {
  return label !== undefined && labelCovers(label, asked)
}

function starsOf({ label }: Grant): number {
  return label === undefined ? 2 : stars(label)
}

function isLive({ status, expiresAt, uses, used }: Grant, now: number): boolean {
  if (status !== 'active' || (expiresAt !== undefined && now >= expiresAt)) return false
  return uses === undefined || used < uses
}

/** Whether the word of the call means what it does, and its session leaves that word in. */
function means(service: Service, { principal, label, method, target }: AskedCall): boolean {
  const { labelScope } = principal.token
  if (labelScope !== undefined && !labelCovers(labelScope, label)) return false
  return service.wordAllows(label.word, method, target)
}

function handleOf(service: Service | undefined, credential: CredentialView | undefined, given: boolean) {
  if (credential === undefined) return 'unknown'
  if (credential.status === 'expired') return 'expired'
  if (credential.service !== service?.id) return 'foreign'
  return given ? 'given' : 'kept'
}

function isOn(origin: Service['origins'][number], { origin: asked }: AskedCall): boolean {
  return originMatches(origin, asked.host, asked.port, asked.scheme)
}
