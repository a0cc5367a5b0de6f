// What happens when the vault opens: every room gets its keys and its memory back, or the vault is sealed again.

import { findIntents } from './audit/find-intents.ts'
import { Problem } from './ground/problem.ts'
import { settleVaultDoor } from './house/agentvault.ts'
import { settleLlm } from './house/botmaker.ts'
import { endFallen } from './house/windows.ts'
import { isHsmProblem } from './identity/signing/rotator.ts'
import { recordOf } from './record-of.ts'
import type { Rooms } from './rooms.ts'
import type { Actor } from './storage/storage.ts'
import type { SealReason } from './vault/contract.ts'

/**
 * Brings the house from unsealed to serving. Order matters: the log is checked before it is written with keys, rows are
 * checked before they are believed, and what was committed without a record is recorded before anything new.
 */
export async function wake(rooms: Rooms, accept = false): Promise<void> {
  try {
    await wakeRooms(rooms, accept)
  } catch (error) {
    // Half awake is no state: what could not be checked or recorded is not served.
    rooms.seal(error instanceof Problem && error.code === 'storage_full' ? 'audit_lost' : 'integrity')
    throw error
  }
}

async function wakeRooms(rooms: Rooms, accept: boolean): Promise<void> {
  const { vault, storage, audit, identity, keyEnds, signingKeys, relying, grants, alerts, log } = rooms
  storage.authenticateWith(vault.keys().rowMac)
  const refusal = (await logRefusal(rooms)) ?? (await rowsRefusal(rooms))
  if (refusal !== undefined) alerts.emit({ type: 'audit.doubt', data: { reason: refusal, accepted: accept } })
  if (refusal !== undefined && !accept) {
    log.fatal({ reason: refusal }, 'the house does not open: see `claviger doctor`')
    rooms.seal(refusal)
    return
  }
  if (refusal !== undefined) await acceptRestore(rooms, refusal)
  await vault.load()
  await identity.load()
  keyEnds.look()
  await relying.load()
  await loadOthers(rooms)
  if (refusal !== undefined) await withdraw(rooms)
  await recordPending(rooms)
  // Where the door is off, too: an older version made grants that count everywhere.
  await settleVaultDoor(rooms)
  await grants.settle((rids) => findIntents(audit.dir, rids))
  await rooms.approvals.settle((rids) => findIntents(audit.dir, rids))
  await endFallen(rooms)
  // The first row that is ever authenticated is an operator's: a first start has its keys made after that.
  if (identity.hasOperator) await signingKeys.settle()
  if (identity.hasOperator) await settleLlm(rooms)
  if (vault.kekRotationUnfinished()) await vault.rotateKek({ kind: 'system', id: 'claviger' })
  alerts.start()
  rooms.approvals.start()
  rooms.channels.start()
  await rooms.tokenSockets.look()
}

/** Rooms whose rows are believed one by one: those that are not are told of, and not there. */
async function loadOthers(rooms: Rooms): Promise<void> {
  const {
    people,
    signingKeys,
    services,
    grants,
    rules,
    approvals,
    channels,
    vaultBook,
    alerts,
    alarms,
    localCa,
    placeholders,
    llm,
  } = rooms
  for (const [kind, room] of [
    ['people', people],
    ['signing_keys', signingKeys],
    ['services', services],
    ['grants', grants],
    ['rules', rules],
    ['approvals', approvals],
    ['channels', channels],
    ['receipt_keys', approvals.receiptKeys],
    ['agentvault', vaultBook],
    ['webhooks', alerts],
    ['local_ca', localCa],
    ['placeholders', placeholders],
    ['llm', llm],
  ] as const) {
    const { bad } = await room.load()
    for (const id of bad) alarms.editedRow(kind, id)
  }
}

/**
 * What was committed and may lack its record, because the process ended in between. A row that nobody can vouch for is
 * not recorded as what it says, but as what it is.
 */
async function recordPending({ storage, audit, hear }: Rooms): Promise<void> {
  for (const { id, epoch, record, proven } of await storage.pending()) {
    const told = proven ? record : { type: 'config', ev: { what: 'outbox.unproven' } }
    const seq = audit.recovery.outbox.get(id) ?? (await audit.append({ ...recordOf(told), epoch, outbox: id }))
    if (proven) hear({ id, record })
    await storage.markRecorded(id, seq)
  }
}

async function logRefusal({ audit, vault, log }: Rooms): Promise<SealReason | undefined> {
  const verdict = await audit.keysArrived(vault.keys())
  if (verdict.ok) return undefined
  log.fatal({ reason: verdict.reason, state: verdict.detail }, 'the audit log cannot be gone on from')
  return verdict.reason
}

async function rowsRefusal({ storage, log }: Rooms): Promise<SealReason | undefined> {
  if ((await storage.checkRows()) === 'ok') return undefined
  log.fatal({}, 'rows of the database were deleted, inserted or replayed by other hands')
  return 'integrity'
}

/**
 * After an older database, or rows that other hands had deleted, inserted or replayed, were accepted: what was taken away
 * may have come back with them, and nobody can see that in what is left. So agents get new tokens, or new keys by new
 * invites, and grants that count their uses are given anew; and keys sign that were not there before.
 */
async function withdraw({ identity, signingKeys, relying, grants, approvals, log }: Rooms): Promise<void> {
  const by: Actor = { kind: 'system', id: 'claviger' }
  await identity.emergencyRevoke(by)
  await identity.keys.withdraw(by)
  await relying.revokeAllKeys(by)
  await signingKeys.rotate(by, { emergency: true }).catch((error) => {
    if (!isHsmProblem(error)) throw error
  })
  const ended = await grants.revokeCounted(by)
  await approvals.withdrawAll(by)
  log.warn(
    { count: ended.length },
    'all tokens and keys of agents, all approvals, and all grants that count uses, were revoked',
  )
}

/** An operator looked at it and goes on from what is there. Recorded, and everything before it is older than what follows. */
async function acceptRestore({ storage, audit, log }: Rooms, reason: SealReason): Promise<void> {
  const { removed, epoch } = await storage.acceptRows(Math.max(storage.epoch(), audit.recovery.epoch))
  await audit.append({ type: 'restore.accepted', epoch, ev: { reason, removedRows: removed.length } })
  log.warn({ reason, count: removed.length }, 'an operator accepted the state of the house')
}
