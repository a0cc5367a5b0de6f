/**
 * What LLM calls took, and what they may take. Owns: usage, budgets and what was spent of them, prices. What calls do is kept in
 * memory and written a moment later, many at once, beside them. Invariant: a budget in memory is one whose row was believed.
 */
import type { Clock } from '../ground/clock.ts'
import type { Actor, Change, Storage } from '../storage/storage.ts'
import { Budgets } from './budgets.ts'
import type { Budget, UsageRow } from './contract.ts'
import { type PriceRow, Prices, priceId } from './prices.ts'
import {
  loadLedger,
  prune,
  putBudget,
  putPrice,
  putSpent,
  putUsage,
  removeBudget,
  removePrice,
  type UsageFilter,
  type UsageSums,
  usageOf,
} from './usage-store.ts'

export interface LedgerOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly keepDays: number
}

/** Rows that wait where the database does not take them: the oldest go first. */
const MOST_WAITING = 20_000
const PRUNE_MS = 3_600_000
const DAY_MS = 86_400_000

export class Ledger {
  readonly clock: Clock
  readonly budgets: Budgets
  readonly prices = new Prices()
  readonly #storage: Storage
  readonly #keepDays: number
  readonly #onAdded: () => void
  #waiting: UsageRow[] = []
  #turn: Promise<unknown> = Promise.resolve()
  #pruned = Number.NEGATIVE_INFINITY

  /** `onAdded`: there is something to be written. */
  constructor({ storage, clock, keepDays }: LedgerOptions, onAdded: () => void) {
    this.clock = clock
    this.budgets = new Budgets(clock)
    this.#storage = storage
    this.#keepDays = keepDays
    this.#onAdded = onAdded
    storage.follow((change) => this.#follow(change))
  }

  async load(): Promise<readonly string[]> {
    const { budgets, spent, prices, bad, budgetsBad } = await loadLedger(this.#storage)
    this.clear()
    for (const budget of budgets) this.budgets.put(budget)
    for (const one of spent) this.budgets.setSpent(one)
    for (const one of prices) this.prices.put(one)
    if (budgetsBad) this.budgets.doubt()
    return bad
  }

  clear(): void {
    this.budgets.clear()
    this.prices.clear()
  }

  add(row: UsageRow): void {
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.shift()
    this.#waiting.push(row)
    this.#onAdded()
  }

  /** Writes what waits, after what is being written. Rejects where it cannot be written: then it waits on. */
  flush(): Promise<void> {
    const done = this.#turn.then(() => this.#write())
    this.#turn = done.catch(() => {})
    return done
  }

  async #write(): Promise<void> {
    await this.#writeRows()
    const spent = this.budgets.takeMoved()
    if (spent.length > 0) {
      await putSpent(this.#storage, spent).catch((error) => {
        this.budgets.movedStill(spent)
        throw error
      })
    }
    if (this.clock.mono() - this.#pruned < PRUNE_MS) return
    this.#pruned = this.clock.mono()
    await prune(this.#storage, this.clock.now() - this.#keepDays * DAY_MS)
  }

  async #writeRows(): Promise<void> {
    const rows = this.#waiting
    if (rows.length === 0) return
    this.#waiting = []
    await putUsage(this.#storage, rows).catch((error) => {
      this.#waiting = [...rows, ...this.#waiting].slice(-MOST_WAITING)
      throw error
    })
  }

  /** What was used, the newest first, and the sums of all that fits. */
  async usage(filter: UsageFilter): Promise<{ readonly rows: readonly UsageRow[]; readonly totals: UsageSums }> {
    await this.flush()
    return usageOf(this.#storage, filter)
  }

  async putBudget(budget: Budget, by: Actor): Promise<void> {
    await this.#storage.write(async (tx) => {
      await putBudget(tx, budget)
      const record = { type: 'config', actor: by, ev: { what: 'llm.budget', ...budget } }
      await tx.change({ kind: 'llm_budget', ref: budget.id, after: budget, record })
    })
  }

  async removeBudget(id: string, by: Actor): Promise<void> {
    await this.#storage.write(async (tx) => {
      await removeBudget(tx, id)
      const record = { type: 'config', actor: by, ev: { what: 'llm.budget_removed', id } }
      await tx.change({ kind: 'llm_budget', ref: id, record })
    })
  }

  async putPrice(row: PriceRow, by: Actor): Promise<void> {
    const { vendor, model, input, output } = row
    await this.#storage.write(async (tx) => {
      await putPrice(tx, row)
      const ev = { what: 'llm.price', vendor, model, input: String(input), output: String(output) }
      await tx.change({ kind: 'llm_price', ref: priceId(row), after: row, record: { type: 'config', actor: by, ev } })
    })
  }

  async removePrice(id: string, by: Actor): Promise<void> {
    await this.#storage.write(async (tx) => {
      await removePrice(tx, id)
      await tx.change({
        kind: 'llm_price',
        ref: id,
        record: { type: 'config', actor: by, ev: { what: 'llm.price_reset', id } },
      })
    })
  }

  #follow({ kind, ref, after }: Change): void {
    if (kind === 'llm_budget') {
      if (after === undefined) this.budgets.remove(ref)
      else this.budgets.put(after as Budget)
    } else if (kind === 'llm_price') {
      if (after === undefined) this.prices.remove(ref)
      else this.prices.put(after as PriceRow)
    }
  }
}
