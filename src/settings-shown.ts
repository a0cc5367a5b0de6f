import type { Party } from './identity/people/party.ts'
import { type AgentPlace, type Place, placeText } from './listen-places.ts'
import type { Settings } from './settings.ts'
import { settingDocs } from './settings-schema.ts'

type Shown = string | number | boolean | string[]

/** The settings in force by their environment names. None of them is a secret: secrets are never settings. */
export function settingsShown(settings: Settings): Record<string, Shown> {
  return Object.fromEntries(settingDocs().map(({ name, env }) => [env, shown(settings[name])]))
}

function shown(value: Settings[keyof Settings] | Place): Shown {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map((item: string | AgentPlace | Party) => itemText(item))
  return typeof value === 'object' ? placeText(value as Place) : value
}

function itemText(item: string | AgentPlace | Party): string {
  if (typeof item === 'string') return item
  return 'origin' in item ? `${item.origin}=${item.rpId}` : `${item.agent}=${placeText(item.place)}`
}
