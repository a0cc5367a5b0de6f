import { parseOrigin } from '../ground/origin.ts'
import { llmProblem, type Vendor } from '../llm/contract.ts'
import { serviceIn } from '../llm/vendor-regions.ts'
import type { Rooms } from '../rooms.ts'
import type { Service } from '../services/contract.ts'
import { findTemplate } from '../services/templates/catalogue.ts'
import type { Actor } from '../storage/storage.ts'

const IDLE_MS = 600_000

/**
 * The vendor's service in a region; made of its template where it is not there. Throws Problem `llm_region_unknown`,
 * `llm_service_elsewhere`, `service_unknown`.
 */
export async function ensureService(
  { services, vaultBook }: Pick<Rooms, 'services' | 'vaultBook'>,
  vendor: Vendor,
  region: string | undefined,
  by: Actor,
): Promise<Service> {
  const name = serviceIn(vendor, region)
  if (name === undefined) {
    const detail = `${vendor.id} has ${Object.keys(vendor.regions ?? {}).join(', ') || 'none'}.`
    throw llmProblem('llm_region_unknown', { facts: { vendor: vendor.id }, detail })
  }
  const known = services.byName(name)
  const origin = name === vendor.service || region === undefined ? undefined : vendor.regions?.[region]?.origin
  if (known !== undefined) {
    // Operators may have a service of their own by a vendor's name. Who may only add services at the door of
    // agentic-credential-vault is not to get the vendor's keys by it.
    const isTheirs = origin === undefined ? vaultBook.service(name) === undefined : isThere(known, vendor, origin)
    if (!isTheirs) throw llmProblem('llm_service_elsewhere', { facts: { vendor: vendor.id, service: name } })
    return known
  }
  findTemplate(vendor.service)
  const timeouts = { connectMs: 10_000, headersMs: IDLE_MS, idleMs: IDLE_MS }
  const origins = origin === undefined ? undefined : [origin]
  return services.add({ name, template: vendor.service, timeouts, ...(origins && { origins }) }, by)
}

/**
 * Nobody who names a region names a service, and others than operators make services too (the door of agentic-credential-vault): one
 * that happens to have the name is the vendor's where it leads there alone, or where somebody made it of the vendor's template.
 */
function isThere({ view, originHrefs }: Service, vendor: Vendor, origin: string): boolean {
  return view.template === vendor.service || originHrefs.every((href) => href === parseOrigin(origin).href)
}
