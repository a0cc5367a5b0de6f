// The keys that a gateway signs receipts with, those of the past too, and which of them somebody else may have had.
import type { WebKey } from '../platform.ts'
import { readPublicKey } from '../public-key.ts'
import { isObject, type JsonObject } from '../strict-json.ts'

export interface ReceiptKey {
  readonly key: WebKey
  /** Seconds since 1970: what it signed from then on counts for nothing. */
  readonly compromisedSince: number | undefined
}

export type ReceiptKeys = ReadonlyMap<string, ReceiptKey>

/** They are published for ever, so there may be many. */
const MAX_KEYS = 4_096

/** By their thumbprints. A mark that cannot be read holds from the beginning. Throws TypeError for what is no set. */
export async function readReceiptKeys(set: JsonObject): Promise<ReceiptKeys> {
  const { keys: given } = set
  if (!Array.isArray(given) || given.length > MAX_KEYS) throw new TypeError('no key set')
  const keys = new Map<string, ReceiptKey>()
  for (const jwk of given as unknown[]) {
    if (!isObject(jwk) || jwk.use !== 'sig' || jwk.alg !== 'ES256') continue
    const read = await readPublicKey(jwk).catch(() => undefined)
    if (read === undefined) continue
    const before = keys.get(read.thumbprint)
    const marks = [markOf(jwk), before?.compromisedSince].filter((mark) => mark !== undefined)
    keys.set(read.thumbprint, { key: read.key, compromisedSince: marks.length === 0 ? undefined : Math.min(...marks) })
  }
  return keys
}

function markOf({ compromisedSince: since }: JsonObject): number | undefined {
  if (since === undefined) return undefined
  return typeof since === 'number' && Number.isFinite(since) ? since : 0
}
