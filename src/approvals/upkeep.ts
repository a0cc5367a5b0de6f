/** What time and crashes do to approvals. */
import type { Clock } from '../ground/clock.ts'
import type { CallId } from '../ground/ids.ts'
import type { Actor, Storage, Tx } from '../storage/storage.ts'
import { type Book, standing } from './book.ts'
import type { Changed } from './changed.ts'
import type { Approval } from './contract.ts'
import { KEY_KNOWN_MS } from './idempotency.ts'
import { getApproval, putApproval, removeApproval } from './store.ts'
import { isWindow } from './windows/open-window.ts'

/** Ended ones that are kept to look back at; the log keeps every one. All of a day's are: keys and denials hold so long. */
const KEPT_MS = 30 * 24 * 3_600_000
const MOST_KEPT = 5_000
const SYSTEM: Actor = { kind: 'system', id: 'claviger' }

export interface UpkeepNeeds {
  readonly storage: Storage
  readonly clock: Clock
  readonly book: Book
  put(tx: Tx, changed: Changed): Promise<void>
  change(id: string, work: (approval: Approval) => Promise<Changed | undefined>): Promise<Approval>
}

/** Those that ran out are said to have; those that ended long ago are forgotten. */
export async function sweep({ storage, clock, book, change }: UpkeepNeeds): Promise<void> {
  const now = clock.now()
  const over = [...book.all()].filter((one) => standing(one, now).status !== one.status)
  for (const { id } of over) {
    await change(id, async (approval) => {
      const next = standing(approval, now)
      if (next.status === approval.status) return undefined
      const { agent, used } = next
      if (isWindow(next)) return { next, what: 'window_ended', actor: SYSTEM, ev: { why: 'expired', agent, used } }
      return { next, what: 'expired', actor: SYSTEM, ev: { was: approval.status } }
    })
  }
  const old = toForget([...book.all()], now)
  if (old.length === 0) return
  const record = { type: 'approval.forgotten', actor: SYSTEM, ev: { count: old.length } }
  await storage.write(async (tx) => {
    for (const { id } of old) await removeApproval(tx, id)
    await tx.change({ kind: 'approvals_forgotten', ref: 'old', after: old.map(({ id }) => id), record })
  })
}

/** Of all, the oldest first: those that ended, and are too old or too many. */
export function toForget(all: readonly Approval[], now: number): readonly Approval[] {
  const ended = all.filter(({ status }) => status !== 'pending' && status !== 'approved')
  return ended.filter(({ expiresAt, openedAt }, at) => {
    if (now - openedAt <= KEY_KNOWN_MS) return false
    return now - expiresAt > KEPT_MS || at < ended.length - MOST_KEPT
  })
}

/** Nothing that was asked or granted stands any more: in one transaction. */
export async function withdrawAll({ storage, book, put }: UpkeepNeeds, by: Actor): Promise<void> {
  const runs = [...book.all()].filter(({ status }) => status === 'pending' || status === 'approved')
  await storage.write(
    async (tx) => {
      for (const { id } of runs) {
        const known = await getApproval(tx, id)
        if (known?.status !== 'pending' && known?.status !== 'approved') continue
        const next: Approval = { ...known, status: 'cancelled' }
        await put(tx, { next, what: 'withdrawn', actor: by, ev: aboutOf(known) })
      }
    },
    { urgent: true },
  )
}

/** A window is told of by what its record says. */
const aboutOf = ({ status: was, action: { kind }, agent, used }: Approval) => ({ was, kind, agent, used })

/** At boot: how many uses no intent follows. `recorded` says which of the calls are in the log. */
export async function settle(
  { storage, book, change }: UpkeepNeeds,
  recorded: (rids: readonly CallId[]) => Promise<ReadonlySet<string>>,
): Promise<number> {
  const used = [...book.all()].filter(({ rid }) => rid !== undefined)
  if (used.length === 0) return 0
  const known = await recorded(used.map(({ rid }) => rid as CallId))
  let lost = 0
  for (const { id, rid } of used) {
    if (known.has(rid as string)) {
      await storage.write(async (tx) => {
        const approval = await getApproval(tx, id)
        if (approval !== undefined) await putApproval(tx, { ...approval, rid: undefined })
      })
      continue
    }
    lost += 1
    await change(id, async (one) => ({ next: { ...one, rid: undefined }, what: 'lost', actor: SYSTEM, ev: { rid } }))
  }
  return lost
}
