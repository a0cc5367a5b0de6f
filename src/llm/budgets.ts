/**
 * What agents and services may use: so many requests, tokens or dollars in a time. A call takes what it may need before it is
 * sent, and is settled by what it took. Memory only; who keeps the sums is asked for what moved. Invariant: what is taken and
 * what is settled never exceed a budget but by what a call took beyond what it had taken.
 */
import type { Clock } from '../ground/clock.ts'
import type { AgentId } from '../ground/ids.ts'
import { type Budget, llmProblem } from './contract.ts'
import type { Price } from './prices.ts'
import { windowEnd, windowStart } from './window-start.ts'

/** Money in millionths of a dollar; undefined where nobody knows the price. */
export interface Amounts {
  readonly tokens: number
  readonly money: number | undefined
}

export interface Spent {
  readonly budget: string
  /** Start of the time that it is of, milliseconds since 1970. */
  readonly since: number
  readonly spent: number
}

class Account {
  budget: Budget
  since = 0
  spent = 0
  taken = 0
  /** The one with its id that counts something else, from when on nothing new is taken here. */
  next: Account | undefined

  constructor(budget: Budget) {
    this.budget = budget
  }

  /** To one of the same unit. Another time begins with nothing spent. */
  change(budget: Budget, now: number): void {
    const isOtherTime = budget.per !== this.budget.per
    this.budget = budget
    if (!isOtherTime) return
    this.since = windowStart(budget.per, now)
    this.spent = 0
  }

  /** A time that is over takes its sum along; what runs goes on counting. */
  at(now: number): this {
    const since = windowStart(this.budget.per, now)
    if (since > this.since) {
      this.since = since
      this.spent = 0
    }
    return this
  }

  get left(): number {
    return this.budget.amount - this.spent - this.taken
  }
}

const none: readonly Account[] = Object.freeze([])

export class Budgets {
  readonly #clock: Clock
  readonly #accounts = new Map<string, Account>()
  readonly #ofAgents = new Map<string, Account[]>()
  readonly #ofVendors = new Map<string, Account[]>()
  readonly #moved = new Set<Account>()
  #doubt = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** In the place of one with its id. Calls that run hold its account: what they take counts against the new one. */
  put(budget: Budget): void {
    const now = this.#clock.now()
    const old = this.#accounts.get(budget.id)
    if (old?.budget.unit === budget.unit) old.change(budget, now)
    else {
      const account = new Account(budget).at(now)
      if (old !== undefined) old.next = account
      this.#accounts.set(budget.id, account)
    }
    this.#index()
  }

  remove(id: string): void {
    this.#accounts.delete(id)
    this.#index()
  }

  setSpent({ budget, since, spent }: Spent): void {
    const account = this.#accounts.get(budget)
    if (account === undefined) return
    account.since = since
    account.spent = spent
  }

  list(): readonly (Budget & { readonly spent: number; readonly since: number })[] {
    const now = this.#clock.now()
    return [...this.#accounts.values()].map((account) => {
      const { budget, spent, since } = account.at(now)
      return { ...budget, spent, since }
    })
  }

  /** Somebody edited a budget: what is left of any nobody knows until an operator looked. */
  doubt(): void {
    this.#doubt = true
  }

  clear(): void {
    this.#doubt = false
    this.#accounts.clear()
    this.#moved.clear()
    this.#index()
  }

  /** Whether anything bounds what is counted in tokens or money, and so only after the answer. */
  counts(agent: AgentId, vendor: string): boolean {
    return this.#over(agent, vendor).some(({ budget }) => budget.unit !== 'requests')
  }

  hasAgent(agent: string): boolean {
    return this.#ofAgents.has(agent)
  }

  hasVendor(vendor: string): boolean {
    return this.#ofVendors.has(vendor)
  }

  /** As many tokens of answer, `usual` at most and one at least, as all budgets have left beside what goes in. */
  within(agent: AgentId, vendor: string, input: Amounts, price: Price | undefined, usual: number): number {
    const now = this.#clock.now()
    let most = usual
    for (const account of this.#over(agent, vendor)) {
      const { unit } = account.at(now).budget
      if (unit === 'tokens') most = Math.min(most, account.left - input.tokens)
      else if (unit === 'money' && price !== undefined && price.output > 0 && input.money !== undefined) {
        most = Math.min(most, Math.floor((account.left - input.money) / price.output))
      }
    }
    return Math.max(1, most)
  }

  /**
   * Takes what a call may need, from all budgets that it counts against or from none: `output` tokens of answer if so many are
   * left, and at least one. Throws Problem `llm_budget_exceeded`; `llm_not_allowed` (model) where its price is not known.
   */
  take(agent: AgentId, vendor: string, input: Amounts, output: Amounts): Taken | undefined {
    if (this.#doubt) throw llmProblem('llm_budget_exceeded')
    const accounts = this.#over(agent, vendor)
    if (accounts.length === 0) return undefined
    const now = this.#clock.now()
    for (const account of accounts) {
      const needed = needOf(account.at(now).budget, input, output)
      if (account.left < needed) throw exceeded(account, now)
    }
    return new Taken(accounts, input, output, (account) => this.#moved.add(account))
  }

  /** What changed since it was asked for last. */
  takeMoved(): readonly Spent[] {
    const moved = [...this.#moved].filter((account) => this.#accounts.get(account.budget.id) === account)
    this.#moved.clear()
    return moved.map(({ budget, since, spent }) => ({ budget: budget.id, since, spent }))
  }

  /** It could not be written. */
  movedStill(list: readonly Spent[]): void {
    for (const { budget } of list) {
      const account = this.#accounts.get(budget)
      if (account !== undefined) this.#moved.add(account)
    }
  }

  #over(agent: AgentId, vendor: string): readonly Account[] {
    const own = this.#ofAgents.get(agent)
    const all = this.#ofVendors.get(vendor)
    if (own === undefined) return all ?? none
    const fitting = own.filter(({ budget }) => budget.vendor === undefined || budget.vendor === vendor)
    return all === undefined ? fitting : [...fitting, ...all]
  }

  #index(): void {
    this.#ofAgents.clear()
    this.#ofVendors.clear()
    for (const account of this.#accounts.values()) {
      const { agent, vendor } = account.budget
      const index = agent === undefined ? this.#ofVendors : this.#ofAgents
      const key = agent ?? (vendor as string)
      index.set(key, [...(index.get(key) ?? []), account])
    }
  }
}

/** What a call has taken, until it is settled. */
export class Taken {
  readonly #accounts: readonly Account[]
  readonly #taken: number[]
  readonly #moved: (account: Account) => void
  /** Tokens that it may use. */
  tokens: number
  #open = true

  constructor(accounts: readonly Account[], input: Amounts, output: Amounts, moved: (account: Account) => void) {
    this.#accounts = accounts
    this.#moved = moved
    this.tokens = input.tokens + output.tokens
    this.#taken = accounts.map(({ budget }) => needOf(budget, input, output))
    this.#accounts.forEach((account, at) => {
      account.taken += this.#taken[at] ?? 0
    })
  }

  get cuts(): boolean {
    return this.#accounts.some(({ budget }) => budget.cut)
  }

  /** More of the same; false, and nothing taken, where one of the budgets that cut has not so much left. */
  grow(more: Amounts): boolean {
    if (!this.#open) return true
    const needs = this.#accounts.map(({ budget }) => amountOf(budget, more))
    if (this.#accounts.some((account, at) => account.budget.cut && account.left < (needs[at] ?? 0))) return false
    this.#accounts.forEach((account, at) => {
      account.taken += needs[at] ?? 0
      this.#taken[at] = (this.#taken[at] ?? 0) + (needs[at] ?? 0)
    })
    this.tokens += more.tokens
    return true
  }

  /** By what it took. Once. */
  settle(used: Amounts): void {
    this.#close((budget) => (budget.unit === 'requests' ? 1 : amountOf(budget, used)), used)
  }

  /** As if it had used all that it took: nobody knows what it did. */
  settleWhole(): void {
    this.#close((_, at) => this.#taken[at] ?? 0, { tokens: this.tokens, money: undefined })
  }

  /** Nothing was sent. */
  giveBack(): void {
    this.#close(() => 0)
  }

  /** `sent`: what it took where something was sent. */
  #close(usedOf: (budget: Budget, at: number) => number, sent?: Amounts): void {
    if (!this.#open) return
    this.#open = false
    this.#accounts.forEach((account, at) => {
      account.taken -= this.#taken[at] ?? 0
      const now = newest(account)
      if (now === account) account.spent += usedOf(account.budget, at)
      else if (sent !== undefined) now.spent += inUnitOf(now.budget, sent)
      this.#moved(now)
    })
  }
}

function newest(account: Account): Account {
  let now = account
  while (now.next !== undefined) now = now.next
  return now
}

/** By what is known: a call that was let through without its price being known cannot be refused any more. */
function inUnitOf({ unit }: Budget, { tokens, money = 0 }: Amounts): number {
  if (unit === 'requests') return 1
  return unit === 'tokens' ? tokens : money
}

function needOf(budget: Budget, input: Amounts, output: Amounts): number {
  if (budget.unit === 'requests') return 1
  return amountOf(budget, input) + amountOf(budget, output)
}

/** Throws Problem `llm_not_allowed` where money is counted and nobody knows the price. */
function amountOf({ unit }: Budget, { tokens, money }: Amounts): number {
  if (unit === 'requests') return 0
  if (unit === 'tokens') return tokens
  if (money === undefined)
    throw llmProblem('llm_not_allowed', { facts: { what: 'model' }, detail: 'Its price is not known.' })
  return money
}

function exceeded({ budget }: Account, now: number) {
  const end = windowEnd(budget.per, now)
  const facts = { budget: budget.id, ...(end !== undefined && { retryAfterSeconds: Math.ceil((end - now) / 1_000) }) }
  return llmProblem('llm_budget_exceeded', { facts })
}
