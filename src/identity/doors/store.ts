import type { TokenId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { Storage, Tx } from '../../storage/storage.ts'
import type { TokenRow } from '../store.ts'
import type { DoorName } from './contract.ts'

export interface DoorRevocationRow {
  readonly id: string
  readonly door: DoorName
  readonly revoked_at: number
  readonly expires_at: number
  readonly reason: string
}

export interface DoorSaltRow {
  readonly id: string
  readonly door: DoorName
  readonly sealed: Uint8Array
}

/** Whether this owner ever had a token of the kind, or anybody has this one, as this transaction sees it. */
export async function hadToken(tx: Tx, { kind, owner, hash }: TokenRow): Promise<boolean> {
  const tokens = tx.db.selectFrom('tokens').select('id')
  const own = tokens.where((where) => where.and({ kind, owner }).or('hash', '=', hash))
  return (await own.executeTakeFirst()) !== undefined
}

export const putSalt = (tx: Tx, row: DoorSaltRow): Promise<void> => tx.put('door_salts', { ...row })

/** Live tokens of one kind and owner, as this transaction sees them. */
export async function liveTokens(tx: Tx, kind: string, owner: string): Promise<TokenId[]> {
  const tokens = tx.db.selectFrom('tokens').select('id').where('owner', '=', owner)
  const rows = await tokens.where('kind', '=', kind).where('status', '=', 'active').execute()
  return rows.map(({ id }) => id as TokenId)
}

export const putRevocation = (tx: Tx, row: DoorRevocationRow): Promise<void> => tx.put('door_revocations', { ...row })

/** Undefined for a row that other hands wrote: it must not stop a revocation. */
export async function getRevocation(tx: Tx, jti: string): Promise<DoorRevocationRow | undefined> {
  try {
    return await tx.get<DoorRevocationRow>('door_revocations', jti)
  } catch (error) {
    if (error instanceof Problem && error.code === 'row_tampered') return undefined
    throw error
  }
}

export async function dropRevocationsBefore(tx: Tx, time: number): Promise<void> {
  const old = await tx.db.selectFrom('door_revocations').select('id').where('expires_at', '<=', time).execute()
  for (const { id } of old) await tx.remove('door_revocations', id)
}

/** Rows that other hands wrote are none. */
export async function loadRevocations(storage: Storage): Promise<DoorRevocationRow[]> {
  return (await storage.load<DoorRevocationRow>('door_revocations')).rows
}
