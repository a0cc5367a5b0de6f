// What bots and keys are, from what is said and kept of them. Pure.
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import {
  type Bot,
  type BotBudget,
  type BotLimits,
  KEY_META,
  type Key,
  LABEL_META,
  REGION_META,
  TAG_META,
  type Vendor,
} from '../llm/contract.ts'
import { serviceIn, servicesOf } from '../llm/vendor-regions.ts'
import type { Rooms } from '../rooms.ts'

/** What is said is from now on; null takes a bound away. */
export function changedBot(bot: Bot, { tags, vendors, models, paths, anyKey, expiresAt }: BotLimits): Bot {
  const said = <T>(given: T | null | undefined, before: T | undefined) =>
    given === undefined ? before : (given ?? undefined)
  return {
    ...bot,
    ...(tags !== undefined && { tags: tags ?? [], tagsText: tags === null ? undefined : JSON.stringify(tags) }),
    vendors: said(vendors, bot.vendors),
    models: said(models, bot.models),
    paths: said(paths, bot.paths),
    anyKey: anyKey ?? bot.anyKey,
    expiresAt: said(expiresAt, bot.expiresAt),
  }
}

export function budgetsOf({ requests, tokens, usd, per, cut }: BotBudget) {
  const amounts = [
    ['requests', requests],
    ['tokens', tokens],
    ['money', usd],
  ] as const
  return amounts.flatMap(([unit, amount]) => (amount === undefined ? [] : [{ unit, amount, per, cut }]))
}

export function isOpenTo({ vendors, tags = [], anyKey }: Bot, vendor: string, tag: string | undefined): boolean {
  const mayVendor = vendors === undefined || vendors.includes(vendor)
  return mayVendor && (anyKey || tag === undefined || tag === '' || tags.includes(tag))
}

/** Whose keys are whose: of credentials those that are of their vendor's service, in their region. */
export function keysIn(
  { vault, services }: Pick<Rooms, 'vault' | 'services'>,
  vendors: readonly Vendor[],
): readonly Key[] {
  const known = new Map(vendors.map((vendor) => [vendor.id, vendor]))
  const ids = new Map<string, ServiceId | undefined>()
  for (const name of vendors.flatMap((vendor) => [...servicesOf(vendor)])) ids.set(name, services.byName(name)?.id)
  const keys = vault.list().flatMap(({ id, handle, service, meta, createdAt }): Key[] => {
    const vendor = known.get(meta[KEY_META] ?? '')
    const region = meta[REGION_META]
    const name = vendor && serviceIn(vendor, region)
    if (vendor === undefined || name === undefined || ids.get(name) !== service) return []
    const where = { vendor: vendor.id, service: name, region }
    return [{ id: id as CredentialId, handle, ...where, tag: meta[TAG_META], label: meta[LABEL_META], createdAt }]
  })
  return keys.sort((one, other) => one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1))
}
