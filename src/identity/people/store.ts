/** The only file of this part that speaks SQL. */
import type { Id, OperatorId } from '../../ground/ids.ts'
import type { Storage, Tx } from '../../storage/storage.ts'

export type PasskeyId = Id<'pky'>

export interface PasskeyRow {
  readonly id: PasskeyId
  readonly operator: OperatorId
  readonly name: string
  /** The authenticator's name of it, base64url. */
  readonly credential: string
  /** COSE_Key. */
  readonly public_key: Uint8Array
  readonly counter: number
  /** JSON list, as the browser said: a hint for browsers. */
  readonly transports: string
  /** The host name that it is good for; `localhost` is this machine only. */
  readonly rp_id: string
  readonly aaguid: string
  /** 1 where it is kept by a provider and copied to other devices: then its counter means nothing. */
  readonly synced: number
  readonly created_at: number
  readonly last_used_at: number | null
}

export interface LinkRow {
  readonly id: string
  readonly operator: OperatorId
  readonly hash: Uint8Array
  readonly status: 'open' | 'used' | 'revoked'
  readonly created_at: number
  readonly expires_at: number
}

export interface RecoveryCodeRow {
  readonly id: string
  readonly operator: OperatorId
  readonly hash: Uint8Array
  readonly created_at: number
}

/** An address that nobody proved yet, or that an operator invited. */
export interface MemberRequestRow {
  readonly id: Id<'reg'>
  /** In lower case. */
  readonly email: string
  readonly kind: 'invited' | 'registered'
  /** Of the invite. */
  readonly hash: Uint8Array | null
  readonly created_at: number
  readonly expires_at: number
  /** As whoever registers wants to be called. */
  readonly display_name?: string | null
}

export const putPasskey = (tx: Tx, row: PasskeyRow): Promise<void> => tx.put('passkeys', { ...row })
export const getPasskey = (tx: Tx, id: string): Promise<PasskeyRow | undefined> => tx.get<PasskeyRow>('passkeys', id)
export const dropPasskey = (tx: Tx, id: string): Promise<void> => tx.remove('passkeys', id)
export const putLink = (tx: Tx, row: LinkRow): Promise<void> => tx.put('operator_links', { ...row })
export const getLink = (tx: Tx, id: string): Promise<LinkRow | undefined> => tx.get<LinkRow>('operator_links', id)
export const dropLink = (tx: Tx, id: string): Promise<void> => tx.remove('operator_links', id)
export const putCode = (tx: Tx, row: RecoveryCodeRow): Promise<void> => tx.put('recovery_codes', { ...row })
export const getCode = (tx: Tx, id: string) => tx.get<RecoveryCodeRow>('recovery_codes', id)
export const dropCode = (tx: Tx, id: string): Promise<void> => tx.remove('recovery_codes', id)

export const putMemberRequest = (tx: Tx, row: MemberRequestRow): Promise<void> => tx.put('member_requests', { ...row })
export const getMemberRequest = (tx: Tx, id: string) => tx.get<MemberRequestRow>('member_requests', id)
export const dropMemberRequest = (tx: Tx, id: string): Promise<void> => tx.remove('member_requests', id)
export const loadMemberRequests = (storage: Storage, take: (row: MemberRequestRow) => void): Promise<string[]> =>
  storage.loadEach<MemberRequestRow>('member_requests', take)

/** Ids of an operator's passkeys, as this transaction sees them. */
export async function passkeysOf(tx: Tx, operator: string): Promise<string[]> {
  const rows: { id: string }[] = await tx.db
    .selectFrom('passkeys')
    .select('id')
    .where('operator', '=', operator)
    .execute()
  return rows.map(({ id }) => id)
}

/** Whose passkeys there are and where they are good, as this transaction sees them. */
export function passkeysIn(tx: Tx): Promise<Pick<PasskeyRow, 'operator' | 'rp_id'>[]> {
  return tx.db.selectFrom('passkeys').select(['operator', 'rp_id']).execute()
}

export async function credentialTaken(tx: Tx, credential: string): Promise<boolean> {
  const row = await tx.db.selectFrom('passkeys').select('id').where('credential', '=', credential).executeTakeFirst()
  return row !== undefined
}

export interface PeopleRowTaker {
  passkey(row: PasskeyRow): void
  link(row: LinkRow): void
  code(row: RecoveryCodeRow): void
}

/** Hands over every row whose MAC holds. Resolves to the ids of those whose MAC does not. */
export async function loadPeople(storage: Storage, take: PeopleRowTaker): Promise<string[]> {
  const bad = await Promise.all([
    storage.loadEach<PasskeyRow>('passkeys', take.passkey),
    storage.loadEach<LinkRow>('operator_links', take.link),
    storage.loadEach<RecoveryCodeRow>('recovery_codes', take.code),
  ])
  return bad.flat()
}
