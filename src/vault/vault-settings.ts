import { z } from 'zod'
import { canonicalJson } from '../ground/canonical-json.ts'

const Generation = z.int().min(1).max(0xffff_ffff)

const Settings = z.strictObject({
  v: z.literal(1),
  /** base64url, 16 bytes: salt of every derived key, part of every binding. Not secret. */
  installId: z.string().length(22),
  /** Generations of the key-encryption key that still open something; the primary wraps new keys. */
  kek: z.strictObject({ primary: Generation, alive: z.array(Generation).min(1).max(1_000) }),
  tokenPepper: Generation,
  auditTail: Generation,
  auditRedact: Generation,
  /** base64url: the seed of the log's Ed25519 key, wrapped under the root key. */
  logKey: z.string(),
})

/** What the vault must know before it serves and nobody may edit offline: one row, with a MAC of its own. */
export type Settings = z.output<typeof Settings>

export function settingsText(settings: Settings): string {
  return canonicalJson(settings)
}

/** Undefined unless `text` is exactly what settingsText() writes. */
export function readSettings(text: string): Settings | undefined {
  try {
    const settings = Settings.parse(JSON.parse(text))
    return settingsText(settings) === text ? settings : undefined
  } catch {
    return undefined
  }
}
