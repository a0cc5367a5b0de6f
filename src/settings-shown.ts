import type { Settings } from './settings.ts'
import { settingDocs } from './settings-schema.ts'

/** The settings in force by their environment names. None of them is a secret: secrets are never settings. */
export function settingsShown(settings: Settings): Record<string, string | number | boolean | string[]> {
  return Object.fromEntries(settingDocs().map(({ name, env }) => [env, settings[name] ?? '']))
}
