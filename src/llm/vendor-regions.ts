/** A vendor with several addresses, of which a key knows one alone: each is a service of its own, the usual one the vendor's. Pure. */
import type { Region, Vendor } from './contract.ts'
import type { VendorOverride } from './store.ts'

/** What a template says: addresses by the names of regions; the one of the service itself is usual. */
export function regionsOf(
  service: string,
  usual: string,
  origins: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, Region>> | undefined {
  if (origins === undefined) return undefined
  const regions = Object.entries(origins).map(([name, origin]): [string, Region] => [
    name,
    { service: origin === usual ? service : `${service}-${name}`, origin },
  ])
  return Object.fromEntries(regions)
}

/** Name of the service that a key of this region is of; undefined where the vendor has no such region. */
export function serviceIn({ service, regions }: Vendor, region: string | undefined): string | undefined {
  if (region === undefined) return service
  return regions !== undefined && Object.hasOwn(regions, region) ? regions[region]?.service : undefined
}

export function servicesOf({ service, regions = {} }: Vendor): ReadonlySet<string> {
  return new Set([service, ...Object.values(regions).map((region) => region.service)])
}

/** Vendors by their ids: what an operator said in the place of what is known without being told. */
export function vendorTable(presets: readonly Vendor[], said: Iterable<VendorOverride>): ReadonlyMap<string, Vendor> {
  const table = new Map(presets.map((preset) => [preset.id, preset]))
  for (const given of said) {
    const preset = table.get(given.id)
    // Another service is at another address, in whatever region.
    const regions = preset?.service === given.service ? preset.regions : undefined
    table.set(given.id, { group: 'own', ...preset, ...given, regions })
  }
  return table
}
