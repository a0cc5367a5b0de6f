/** The one row of the authority's key. */
import type { Storage, Tx } from '../storage/storage.ts'

export interface LocalCaRow {
  readonly id: 'local'
  readonly spki: Uint8Array
  /** PKCS #8, sealed by the vault. */
  readonly sealed: Uint8Array
  readonly created_at: number
}

export const putLocalCa = (tx: Tx, row: LocalCaRow): Promise<void> => tx.put('local_ca', { ...row })

export const loadLocalCa = (storage: Storage): Promise<{ rows: LocalCaRow[]; bad: string[] }> =>
  storage.load<LocalCaRow>('local_ca')
