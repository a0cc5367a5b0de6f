/** The rows of receipt keys. */
import type { Storage, Tx } from '../../storage/storage.ts'

export interface ReceiptKeyRow {
  /** The `kid`. */
  readonly id: string
  readonly spki: Uint8Array
  /** PKCS #8, sealed by the vault; null once it signs no more. */
  readonly sealed: Uint8Array | null
  readonly created_at: number
  readonly retired_at: number | null
  readonly compromised_since: number | null
}

export const putReceiptKey = (tx: Tx, row: ReceiptKeyRow): Promise<void> => tx.put('receipt_keys', { ...row })

export const loadReceiptKeys = (storage: Storage): Promise<{ rows: ReceiptKeyRow[]; bad: string[] }> =>
  storage.load<ReceiptKeyRow>('receipt_keys')
