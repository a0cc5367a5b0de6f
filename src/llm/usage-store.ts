import type { AgentId, CredentialId } from '../ground/ids.ts'
import type { Storage, Tx } from '../storage/storage.ts'
import type { Spent } from './budgets.ts'
import type { Budget, Period, Unit, UsageRow } from './contract.ts'
import { type PriceRow, priceId } from './prices.ts'

interface BudgetRow {
  readonly id: string
  readonly agent: string | null
  readonly vendor: string | null
  readonly unit: string
  readonly amount: number
  readonly per: string
  readonly cut: number
}

interface StoredUsage {
  readonly id: number
  readonly rid: string
  readonly at: number
  readonly agent: string
  readonly vendor: string
  readonly key: string | null
  readonly status: number
  readonly model: string | null
  readonly tokens_in: number | null
  readonly tokens_out: number | null
  readonly cost: number | null
  readonly ms: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly aborted: number
  readonly estimated: number
}

/** Of one agent, vendor, time; milliseconds since 1970, from the first on and before the second. */
export interface UsageFilter {
  readonly agent?: string | undefined
  readonly vendor?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly limit: number
}

/** Money in millionths of a dollar. */
export interface UsageSums {
  readonly requests: number
  readonly tokensIn: number
  readonly tokensOut: number
  readonly cost: number
}

/** Of no rows there is no sum. */
type Sums = { readonly [Name in keyof UsageSums]: number | null }

export const putBudget = (tx: Tx, { id, agent, vendor, unit, amount, per, cut }: Budget): Promise<void> =>
  tx.put('llm_budgets', { id, agent: agent ?? null, vendor: vendor ?? null, unit, amount, per, cut: cut ? 1 : 0 })

/** Its sum goes with it. */
export async function removeBudget(tx: Tx, id: string): Promise<void> {
  await tx.remove('llm_budgets', id)
  await tx.remove('llm_spent', id)
}

export const putPrice = (tx: Tx, row: PriceRow): Promise<void> =>
  tx.put('llm_prices', {
    id: priceId(row),
    vendor: row.vendor,
    model: row.model,
    input: String(row.input),
    output: String(row.output),
  })
export const removePrice = (tx: Tx, id: string): Promise<void> => tx.remove('llm_prices', id)

export async function putSpent(storage: Storage, list: readonly Spent[]): Promise<void> {
  await storage.write(async (tx) => {
    for (const { budget, since, spent } of list) await tx.put('llm_spent', { id: budget, since, spent })
  })
}

/** What is lost in a power cut are the last moments. */
export async function putUsage(storage: Storage, rows: readonly UsageRow[]): Promise<void> {
  await storage.write(
    async ({ db }) => {
      for (const row of rows) await db.insertInto('llm_usage').values(stored(row)).execute()
    },
    { volatile: true },
  )
}

export async function prune(storage: Storage, before: number): Promise<void> {
  await storage.write(async ({ db }) => void (await db.deleteFrom('llm_usage').where('at', '<', before).execute()), {
    volatile: true,
  })
}

export async function usageOf(storage: Storage, filter: UsageFilter): Promise<{ rows: UsageRow[]; totals: UsageSums }> {
  const { agent, vendor, from, to, limit } = filter
  return storage.read(async (db) => {
    let fitting = db.selectFrom('llm_usage')
    if (agent !== undefined) fitting = fitting.where('agent', '=', agent)
    if (vendor !== undefined) fitting = fitting.where('vendor', '=', vendor)
    if (from !== undefined) fitting = fitting.where('at', '>=', from)
    if (to !== undefined) fitting = fitting.where('at', '<', to)
    const rows = (await fitting.selectAll().orderBy('id', 'desc').limit(limit).execute()) as StoredUsage[]
    const sums = fitting.select(({ fn }) => [
      fn.countAll().as('requests'),
      fn.sum('tokens_in').as('tokensIn'),
      fn.sum('tokens_out').as('tokensOut'),
      fn.sum('cost').as('cost'),
    ])
    const { requests, tokensIn, tokensOut, cost } = (await sums.executeTakeFirstOrThrow()) as Sums
    const totals = { requests: requests ?? 0, tokensIn: tokensIn ?? 0, tokensOut: tokensOut ?? 0, cost: cost ?? 0 }
    return { rows: rows.map(read), totals }
  })
}

function stored({ tokensIn, tokensOut, bytesIn, bytesOut, key, model, cost, aborted, estimated, ...row }: UsageRow) {
  return {
    ...row,
    ...{ key: key ?? null, model: model ?? null, cost: cost ?? null },
    ...{ tokens_in: tokensIn ?? null, tokens_out: tokensOut ?? null, bytes_in: bytesIn, bytes_out: bytesOut },
    ...{ aborted: aborted ? 1 : 0, estimated: estimated ? 1 : 0 },
  }
}

function read({
  id: _,
  tokens_in,
  tokens_out,
  bytes_in,
  bytes_out,
  key,
  model,
  cost,
  aborted,
  estimated,
  ...row
}: StoredUsage): UsageRow {
  return {
    ...row,
    agent: row.agent as AgentId,
    ...{ key: (key as CredentialId | null) ?? undefined, model: model ?? undefined, cost: cost ?? undefined },
    ...{ tokensIn: tokens_in ?? undefined, tokensOut: tokens_out ?? undefined, bytesIn: bytes_in, bytesOut: bytes_out },
    ...{ aborted: aborted === 1, estimated: estimated === 1 },
  }
}

export interface LoadedLedger {
  readonly budgets: readonly Budget[]
  readonly spent: readonly Spent[]
  readonly prices: readonly PriceRow[]
  readonly bad: readonly string[]
  /** Other hands changed a budget or its sum. */
  readonly budgetsBad: boolean
}

export async function loadLedger(storage: Storage): Promise<LoadedLedger> {
  const [budgets, spent, prices] = await Promise.all([
    storage.load<BudgetRow>('llm_budgets'),
    storage.load<{ id: string; since: number; spent: number }>('llm_spent'),
    storage.load<{ id: string; vendor: string; model: string; input: string; output: string }>('llm_prices'),
  ])
  return {
    budgets: budgets.rows.map(({ id, agent, vendor, unit, amount, per, cut }) => ({
      ...{ id, agent: (agent as AgentId | null) ?? undefined, vendor: vendor ?? undefined },
      ...{ unit: unit as Unit, amount, per: per as Period, cut: cut === 1 },
    })),
    spent: spent.rows.map(({ id, since, spent: sum }) => ({ budget: id, since, spent: sum })),
    prices: prices.rows.map(({ vendor, model, input, output }) => ({
      vendor,
      model,
      input: Number(input),
      output: Number(output),
    })),
    bad: [...budgets.bad, ...spent.bad, ...prices.bad],
    budgetsBad: budgets.bad.length + spent.bad.length > 0,
  }
}
