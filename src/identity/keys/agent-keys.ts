/**
 * The public keys by which agents prove who they are. Owns `agent_keys` and `invites`; its invariant: a key speaks for one
 * agent, was proven when it came, and one that was given up never comes back. It holds no private key and wants none.
 */
import type { P256PublicKey } from '../../crypto/p256.ts'
import { newId } from '../../ground/ids.ts'
import type { Actor, ChangeRecord, Tx } from '../../storage/storage.ts'
import { DAY_MS } from '../contract.ts'
import type { Room } from '../room.ts'
import { keyProblem, MOST_LIVE_KEYS, MOST_NEW_KEYS } from './contract.ts'
import type { AgentKey } from './key-ring.ts'
import { getKey, isKeyKnown, type KeyRow, liveKeys, newKeys, putKey } from './store.ts'

export interface NewKey {
  readonly agent: KeyRow['agent']
  readonly key: P256PublicKey
  readonly attestation?: object | undefined
}

/** The row of a new key. Throws Problem `key_taken` for a key that any agent has or had. */
export function newKeyRow({ clock, keys }: Room, { agent, key, attestation }: NewKey): KeyRow {
  if (keys.withThumbprint(key.thumbprint).length > 0) throw keyProblem('key_taken')
  return {
    id: newId('key'),
    agent,
    spki: key.spki,
    thumbprint: key.thumbprint,
    status: 'active',
    bound: 0,
    created_at: clock.now(),
    retires_at: null,
    revoked_at: null,
    attestation: attestation === undefined ? null : JSON.stringify(attestation),
  }
}

/** Throws Problem `key_taken` where another was faster: what is asked for in one turn does not see each other in memory. */
export async function addKeyInto(tx: Tx, row: KeyRow, by: Actor): Promise<void> {
  if (await isKeyKnown(tx, row.thumbprint)) throw keyProblem('key_taken')
  const ev = { what: 'agent.key_added', agent: row.agent, key: row.id, thumbprint: row.thumbprint }
  await writeKey(tx, row, { type: 'auth', actor: by, ev })
}

/**
 * Adds a key to an agent; `retireOthersMs` lets the others sign in for that long yet. Throws Problems `key_taken`,
 * `key_too_many`.
 */
export async function addKey(room: Room, asked: NewKey & { retireOthersMs?: number | undefined }, by: Actor) {
  const { keys, clock, storage } = room
  const row = newKeyRow(room, asked)
  await storage.write(async (tx) => {
    const others = await liveKeys(tx, asked.agent, clock.now())
    const lately = await newKeys(tx, asked.agent, clock.now() - DAY_MS)
    if (others.length >= MOST_LIVE_KEYS || lately >= MOST_NEW_KEYS) throw keyProblem('key_too_many')
    await addKeyInto(tx, row, by)
    if (asked.retireOthersMs === undefined) return
    for (const { id } of others) await retireInto(room, tx, id, asked.retireOthersMs, by)
  })
  return keys.key(row.id) as AgentKey
}

/**
 * Takes a key away: its sign-ins end at once. An agent cannot take its own last key; an operator can. Throws Problems
 * `key_unknown`, `key_last`.
 */
export async function revokeKey(room: Room, asked: { agent: string; key: string; evenLast?: boolean }, by: Actor) {
  const { keys, clock, storage } = room
  const key = keys.key(asked.key)
  if (key?.agent !== asked.agent) throw keyProblem('key_unknown')
  if (key.status === 'revoked') return key
  await storage.write(
    async (tx) => {
      const others = (await liveKeys(tx, key.agent, clock.now())).filter(({ id, active }) => active && id !== key.id)
      if (others.length === 0 && asked.evenLast !== true) throw keyProblem('key_last')
      await revokeKeyInto(room, tx, key, by)
    },
    { urgent: true },
  )
  return key
}

/** From memory, which was authenticated: a row edited since then cannot stop it. Whatever gives reads the row anew. */
export async function revokeKeyInto({ clock }: Room, tx: Tx, { row }: AgentKey, by: Actor): Promise<void> {
  const revoked: KeyRow = { ...row, status: 'revoked', revoked_at: clock.now() }
  const ev = { what: 'agent.key_revoked', agent: row.agent, key: row.id, thumbprint: row.thumbprint }
  await writeKey(tx, revoked, { type: 'revoke', actor: by, ev })
}

async function retireInto({ clock }: Room, tx: Tx, id: string, afterMs: number, by: Actor): Promise<void> {
  const row = await getKey(tx, id)
  if (row?.status !== 'active') return
  const retires_at = clock.now() + afterMs
  const ev = { what: 'agent.key_retiring', agent: row.agent, key: row.id, retiresAt: retires_at }
  await writeKey(tx, { ...row, status: 'retiring', retires_at }, { type: 'auth', actor: by, ev })
}

/** The key signed a form that binds: it is refused the bare nonce from now on. */
export async function markBound({ storage }: Room, { id, bound }: AgentKey): Promise<void> {
  if (bound) return
  await storage.write(async (tx) => {
    // Read here: it may have been revoked since it was proven, and must not come back by this.
    const row = await getKey(tx, id)
    if (row === undefined || row.bound === 1) return
    const actor: Actor = { kind: 'agent', id: row.agent, key: row.thumbprint }
    const ev = { what: 'agent.key_bound', agent: row.agent, key: row.id }
    await writeKey(tx, { ...row, bound: 1 }, { type: 'auth', actor, ev })
  })
}

export async function forgetAttestation(tx: Tx, id: string, by: Actor): Promise<void> {
  const row = await getKey(tx, id)
  if (row === undefined) return
  const ev = { what: 'agent.attestation_erased', agent: row.agent, key: row.id }
  await writeKey(tx, { ...row, attestation: null }, { type: 'auth', actor: by, ev })
}

async function writeKey(tx: Tx, row: KeyRow, record: ChangeRecord): Promise<void> {
  await tx.change({ kind: 'agent_key', ref: row.id, after: row, record })
  await putKey(tx, row)
}
