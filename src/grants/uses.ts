import { randomBytes } from 'node:crypto'
import type { Clock } from '../ground/clock.ts'
import type { CallId, GrantId } from '../ground/ids.ts'
import type { Storage } from '../storage/storage.ts'
import { countUse, earlierUses, forgetCall, forgetCallsBefore, getGrant, uncountUse } from './store.ts'

/** After this long a call is on record or was refused, so nobody asks any more which one took a use. */
const SETTLED_MS = 600_000

/** Counts the uses of grants that are good for so many calls: exactly, and durably before anything is sent. */
export class Uses {
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #counted: (grant: GrantId, change: (before: number) => number) => void
  /** Tells this process's uses from those that an earlier one left behind. */
  readonly #boot = randomBytes(16).toString('hex')

  /** `counted` is told after each commit how the number of uses changed. */
  constructor(storage: Storage, clock: Clock, counted: (grant: GrantId, change: (before: number) => number) => void) {
    this.#storage = storage
    this.#clock = clock
    this.#counted = counted
  }

  async consume(id: GrantId, rid: CallId): Promise<boolean> {
    const now = this.#clock.now()
    const used = await this.#storage.write(async (tx) => {
      const grant = await getGrant(tx, id)
      if (grant === undefined || grant.revokedAt !== undefined) return undefined
      if (grant.expiresAt !== undefined && now >= grant.expiresAt) return undefined
      const count = await countUse(tx, { rid, grant: id }, grant.uses ?? Number.MAX_SAFE_INTEGER, this.#boot, now)
      if (count !== undefined && count % 256 === 0) await forgetCallsBefore(tx, this.#boot, now - SETTLED_MS)
      return count
    })
    if (used === undefined) return false
    this.#counted(id, (before) => Math.max(before, used))
    return true
  }

  async giveBack(id: GrantId, rid: CallId): Promise<boolean> {
    const returned = await this.#storage.write((tx) => uncountUse(tx, { rid, grant: id }))
    if (returned) this.#counted(id, (before) => before - 1)
    return returned
  }

  async settle(recorded: (rids: readonly CallId[]) => Promise<ReadonlySet<string>>): Promise<number> {
    const left = await earlierUses(this.#storage, this.#boot)
    if (left.length === 0) return 0
    const known = await recorded(left.map(({ rid }) => rid))
    // Asked for in one turn, so that all of them share one commit.
    const returned = await Promise.all(
      left.map(async ({ rid, grant }) => {
        if (!known.has(rid)) return this.giveBack(grant, rid)
        await this.#storage.write((tx) => forgetCall(tx, rid))
        return false
      }),
    )
    return returned.filter((one) => one).length
  }
}
