// What bots and keys are, from what is said and kept of them. Pure.
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import {
  type Bot,
  type BotBudget,
  type BotLimits,
  KEY_META,
  type Key,
  LABEL_META,
  TAG_META,
  type Vendor,
} from '../llm/contract.ts'
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

/** Services' ids by their vendor, of those that are there: whose keys are whose. */
export function keysIn(
  { vault, services }: Pick<Rooms, 'vault' | 'services'>,
  vendors: readonly Vendor[],
): readonly Key[] {
  const serviceOf = new Map<string, ServiceId | undefined>()
  for (const { id, service } of vendors) serviceOf.set(id, services.byName(service)?.id)
  const keys = vault.list().flatMap(({ id, handle, service, meta, createdAt }): Key[] => {
    const vendor = meta[KEY_META]
    if (vendor === undefined || serviceOf.get(vendor) !== service) return []
    return [{ id: id as CredentialId, handle, vendor, tag: meta[TAG_META], label: meta[LABEL_META], createdAt }]
  })
  return keys.sort((one, other) => one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1))
}
