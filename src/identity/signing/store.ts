/** The only file of this part that speaks to the database. */
import type { Storage, Tx } from '../../storage/storage.ts'
import type { SigningKeyStatus } from './contract.ts'

/** Why a key is no more. `retired`: its overlap is over. `replaced`: it never signed, another took its place. */
export type EndReason = 'retired' | 'replaced' | 'revoked' | 'emergency'

export interface SigningKeyRow {
  /** The `kid`. */
  readonly id: string
  readonly status: SigningKeyStatus
  readonly spki: Uint8Array
  readonly place: 'vault' | 'hsm'
  /** PKCS #8 under the vault's root key; null once it signs no more, and for a key in a token. */
  readonly sealed: Uint8Array | null
  /** Name of the key in the token; null for a key of the vault, and once the token has let it go. */
  readonly hsm: string | null
  /** The longest life of a token that it may have signed, milliseconds. */
  readonly longest_ms: number
  readonly created_at: number
  readonly active_at: number | null
  readonly retired_at: number | null
  /** Until when it is listed for tokens that it signed. */
  readonly ends_at: number | null
  readonly revoked_at: number | null
  readonly reason: EndReason | null
}

export const putSigningKey = (tx: Tx, row: SigningKeyRow): Promise<void> => tx.put('signing_keys', { ...row })

export const loadSigningKeys = (storage: Storage): Promise<{ rows: SigningKeyRow[]; bad: string[] }> =>
  storage.load<SigningKeyRow>('signing_keys')
