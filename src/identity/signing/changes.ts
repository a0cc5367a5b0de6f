/** How a signing key goes from one status to the next. Each function gives rows and records; write() commits them as one. */
import type { Canonical } from '../../ground/canonical-json.ts'
import type { Actor, Change, Storage } from '../../storage/storage.ts'
import type { MadeKey } from './key-maker.ts'
import { overlapMs } from './next-step.ts'
import { type EndReason, putSigningKey, type SigningKeyRow } from './store.ts'

const KIND = 'signing_key'

export interface KeyChange {
  readonly row: SigningKeyRow
  /** After `key.`. */
  readonly type: string
  readonly ev: Readonly<Record<string, Canonical | undefined>>
}

/** All of them or none. `urgent`: they take authority away, so the disk's reserve may be used. */
export async function write(storage: Storage, by: Actor, changes: readonly KeyChange[], urgent = false): Promise<void> {
  await storage.write(
    async (tx) => {
      for (const { row, type, ev } of changes) {
        const record = { type: `key.${type}`, actor: by, ev: { kid: row.id, ...ev } }
        await tx.change({ kind: KIND, ref: row.id, after: row, record })
        await putSigningKey(tx, row)
      }
    },
    { urgent },
  )
}

/** The row that a commit left behind, if it was one of these. */
export function rowIn({ kind, after }: Change): SigningKeyRow | undefined {
  return kind === KIND ? (after as SigningKeyRow) : undefined
}

export function added(made: MadeKey, status: 'next' | 'active', now: number, longestMs: number): KeyChange {
  const row: SigningKeyRow = {
    ...made,
    status,
    longest_ms: longestMs,
    created_at: now,
    active_at: status === 'active' ? now : null,
    retired_at: null,
    ends_at: null,
    revoked_at: null,
    reason: null,
  }
  return { row, type: 'signing_added', ev: { status, place: made.place } }
}

export function activated(row: SigningKeyRow, now: number, longestMs: number): KeyChange {
  return { row: { ...row, status: 'active', active_at: now, longest_ms: longestMs }, type: 'signing_activated', ev: {} }
}

/** It signs no more, so nothing is left of its private half; what it signed is believed until `ends_at`. */
export function retired(row: SigningKeyRow, now: number): KeyChange {
  const endsAt = now + overlapMs(row.longest_ms)
  return {
    row: { ...row, status: 'retiring', sealed: null, retired_at: now, ends_at: endsAt },
    type: 'signing_retiring',
    ev: { until: endsAt },
  }
}

export function revoked(row: SigningKeyRow, now: number, reason: EndReason): KeyChange {
  return {
    row: { ...row, status: 'revoked', sealed: null, ends_at: null, revoked_at: now, reason },
    type: 'signing_revoked',
    ev: { was: row.status, reason },
  }
}

export function lengthened(row: SigningKeyRow, longestMs: number): KeyChange {
  return { row: { ...row, longest_ms: longestMs }, type: 'signing_lengthened', ev: { longestMs } }
}

/** The token has let it go. */
export function erased(row: SigningKeyRow): KeyChange {
  return { row: { ...row, hsm: null }, type: 'signing_erased', ev: {} }
}
