import { newToken, storedForm, type TokenKind } from '../crypto/tokens.ts'
import type { TokenId } from '../ground/ids.ts'
import type { Secret } from '../ground/secret.ts'
import type { Actor, ChangeRecord, Tx } from '../storage/storage.ts'
import { identityProblem, LABEL_PATTERN, MAX_TOKEN_LIFE_MS, type TokenView } from './contract.ts'
import type { Token } from './directory.ts'
import type { Room } from './room.ts'
import { putRevokeAll, putToken, type TokenRow } from './store.ts'
import { writeSources } from './token-sources.ts'

export interface NewToken {
  readonly kind: TokenKind
  /** Id of an agent or operator. */
  readonly owner: string
  /** Milliseconds; 90 days if left out, and at most. */
  readonly lifeMs?: number | undefined
  readonly label?: string | undefined
  /** Where it may be shown. */
  readonly from?: readonly string[] | undefined
}

/** A token that was just made. `token` is shown to its owner once and kept by nobody. */
export interface FreshToken {
  readonly row: TokenRow
  readonly token: Secret
}

/** Makes a token's row and its text. Throws Problems `token_life_invalid`, `token_label_invalid`, `vault_sealed`. */
export function makeToken({ clock, pepper }: Room, asked: NewToken): FreshToken {
  const life = asked.lifeMs ?? MAX_TOKEN_LIFE_MS
  if (!Number.isSafeInteger(life) || life < 1_000 || life > MAX_TOKEN_LIFE_MS)
    throw identityProblem('token_life_invalid')
  if (asked.label !== undefined && !LABEL_PATTERN.test(asked.label)) throw identityProblem('token_label_invalid')
  const { version, key } = pepper()
  const { id, token } = newToken(asked.kind)
  const now = clock.now()
  const row: TokenRow = {
    id: `tok_${id}` as TokenId,
    kind: asked.kind,
    owner: asked.owner,
    label: asked.label ?? null,
    hash: storedForm(key, asked.kind, token.reveal().toString('latin1')),
    pepper: version,
    issued_epoch: 0, // known once the change is made
    status: 'active',
    created_at: now,
    expires_at: now + life,
    revoked_at: null,
    sources: asked.from === undefined ? null : writeSources(asked.from),
  }
  return { row, token }
}

/** Writes a token that was made, in the transaction. */
export async function issueInto(tx: Tx, row: TokenRow, by: Actor): Promise<void> {
  const { id, kind, owner, expires_at: expiresAt, sources } = row
  const from = sources?.split(' ')
  const ev = { what: 'token.issued', token: id, kind, owner, expiresAt, ...(from && { from }) }
  const issued = { ...row }
  issued.issued_epoch = await tx.change({
    kind: 'token',
    ref: row.id,
    after: issued,
    record: { type: 'auth', actor: by, ev },
  })
  await putToken(tx, issued)
}

/** Revokes one token in the transaction. `why` goes into the record. */
export async function revokeInto({ clock }: Room, tx: Tx, token: Token, by: Actor, why?: string): Promise<void> {
  await revokeRowInto(tx, revokedRow(token, clock.now()), by, why)
}

/** Writes the row of a token that is revoked, in the transaction. */
export async function revokeRowInto(tx: Tx, row: TokenRow, by: Actor, why?: string): Promise<void> {
  const ev = { what: 'token.revoked', token: row.id, owner: row.owner, why }
  await tx.change({ kind: 'token', ref: row.id, after: row, record: { type: 'revoke', actor: by, ev } })
  await putToken(tx, row)
}

/** Revokes one token. Revoking twice is no error. Throws Problem `token_unknown`. */
export async function revokeToken(room: Room, id: string, by: Actor): Promise<void> {
  const token = room.directory.token(id)
  if (!token) throw identityProblem('token_unknown')
  await revoke(room, token, by)
}

/** The same for a token that is known. */
export async function revoke(room: Room, token: Token, by: Actor, why?: string): Promise<void> {
  await room.storage.write((tx) => revokeInto(room, tx, token, by, why), { urgent: true })
}

/** Revokes every live token of an agent or operator, as one change. Resolves to how many there were. */
export async function revokeTokensOf({ storage, clock, directory }: Room, owner: string, by: Actor): Promise<number> {
  const live: Token[] = []
  for (const token of directory.tokens()) if (token.owner === owner && token.status === 'active') live.push(token)
  const rows = live.map((token) => revokedRow(token, clock.now()))
  const ev = { what: 'tokens.revoked', owner, count: rows.length }
  await storage.write(
    async (tx) => {
      const record: ChangeRecord = { type: 'revoke', actor: by, ev }
      await tx.change({ kind: 'tokens_revoked', ref: owner, after: rows, record })
      for (const row of rows) await putToken(tx, row)
    },
    { urgent: true },
  )
  return rows.length
}

/** Every agent's token that was issued up to now is dead, by one row. Operators' stay. Resolves to the epoch. */
export function revokeEverything({ storage }: Room, by: Actor): Promise<number> {
  const record: ChangeRecord = { type: 'revoke', actor: by, ev: { what: 'emergency.revoked' } }
  return storage.write(
    async (tx) => {
      const epoch = await tx.change({ kind: 'revoke_all', ref: 'all', record })
      await putRevokeAll(tx, epoch)
      return epoch
    },
    { urgent: true },
  )
}

export function viewToken({ clock, directory }: Room, token: Token): TokenView {
  const { id, kind, owner, label, createdAt, expiresAt, revokedAt, sources } = token
  const agent = directory.agent(owner)?.name
  const status = token.status === 'active' && clock.now() >= expiresAt ? 'expired' : token.status
  return {
    id,
    kind,
    owner,
    status,
    createdAt,
    expiresAt,
    ...(agent !== undefined && { agent }),
    ...(label !== undefined && { label }),
    ...(revokedAt !== undefined && { revokedAt }),
    ...(sources !== undefined && { from: sources.text.split(' ') }),
  }
}

function revokedRow(token: Token, now: number): TokenRow {
  return { ...token.toRow(), status: 'revoked', revoked_at: token.revokedAt ?? now }
}
