// What a receipt is compared with: the digest of the whole action, and the hash of what its doer is about to do.
import { sha256, toHex, utf8 } from '../bytes.ts'
import { jcs } from '../jcs.ts'

export type Assurance = 'tap' | 'push' | 'passkey' | 'two-people'
export type Risk = 'low' | 'medium' | 'high' | 'critical'

/** What was shown and approved of an action that an agent does itself. All of it is in the digest, so nothing may be added or left out. */
export interface StatedAction {
  readonly kind: 'stated'
  /** Id of the installation. */
  readonly install: string
  readonly agent: { readonly id: string; readonly name: string }
  readonly action: string
  readonly risk: Risk
  /** JSON text, canonical: what the agent said of it. */
  readonly context: string
  /** JSON text, canonical: what its doer compares, where the agent said it. */
  readonly payload?: string
  /** Hex. */
  readonly payloadHash: string
  readonly description?: string
  readonly request: string
  readonly terms: {
    readonly assurance: Assurance
    readonly lifeSeconds: number
    readonly goodSeconds?: number
    readonly uses: number
    readonly notBy?: string
  }
}

const DOMAIN = 'claviger/approval/v1\0'

/** Hex SHA-256 of an action as the gateway gave it, of any kind (docs/protocol/receipt.md). Throws `options_invalid`. */
export async function actionDigest(action: StatedAction | Readonly<Record<string, unknown>>): Promise<string> {
  return toHex(await sha256(utf8(DOMAIN + jcs(action))))
}

/** Hex SHA-256 of the canonical JSON of any value: `payloadHash` of a stated action with this payload. Throws `options_invalid`. */
export async function payloadHash(payload: unknown): Promise<string> {
  return toHex(await sha256(utf8(jcs(payload))))
}
