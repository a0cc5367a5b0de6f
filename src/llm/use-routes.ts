import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, IdParam, listOf } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import { type Budget, llmProblems, Period, Unit, type UsageRow, VendorId } from './contract.ts'
import type { Ledger } from './ledger.ts'
import { priceId } from './prices.ts'
import type { UsageFilter, UsageSums } from './usage-store.ts'

const Time = z.int().nonnegative()
const Named = z.string().min(1).max(128)
const Dollars = z.number().nonnegative().max(1_000_000)
const ModelStart = z.string().max(200)
export const MICROS = 1_000_000

export const BudgetAmounts = z.strictObject({
  unit: Unit,
  /** Requests, tokens, or dollars. */
  amount: z.number().positive().max(1_000_000_000_000),
  per: Period,
  cut: z.boolean().optional(),
})

export const LlmBudgetView = z.object({
  id: z.string(),
  agent: z.string().optional(),
  vendor: z.string().optional(),
  unit: Unit,
  amount: z.number(),
  per: Period,
  cut: z.boolean(),
  /** In the time that runs now. */
  spent: z.number(),
  since: Time,
})

export const LlmPriceView = z.object({
  vendor: z.string(),
  /** Of a usual price the model, whatever date or `-latest` follows; of an operator’s the beginning of names, empty for all. */
  model: z.string(),
  input: z.number(),
  output: z.number(),
  /** Whether an operator said so. */
  own: z.boolean(),
})

export const LlmUsageView = z.object({
  at: Time,
  agent: z.string(),
  vendor: z.string(),
  key: z.string().optional(),
  status: z.int(),
  model: z.string().optional(),
  tokensIn: z.int().optional(),
  tokensOut: z.int().optional(),
  /** Estimated by the prices that were known then. */
  usd: z.number().optional(),
  ms: z.int(),
  bytesIn: z.int(),
  bytesOut: z.int(),
  aborted: z.boolean(),
  /** Whether the vendor left something of it to be guessed. */
  estimated: z.boolean(),
  rid: z.string(),
})

const operator = { caller: 'operator', problems: llmProblems } as const

export const listLlmBudgets = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/llm/budgets',
  summary: 'What agents and vendors may use of requests, tokens or dollars in a time, and what is spent of it',
  reply: listOf(LlmBudgetView),
})

export const setLlmBudget = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/llm/budgets',
  summary: 'Bound an agent, a vendor, or an agent at a vendor; one with the same unit and time is replaced',
  body: BudgetAmounts.extend({ agent: Named.optional(), vendor: VendorId.optional() }).refine(
    ({ agent, vendor }) => agent !== undefined || vendor !== undefined,
    'an agent or a vendor is wanted',
  ),
  reply: LlmBudgetView,
  status: 201,
})

export const removeLlmBudget = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/llm/budgets/{id}',
  summary: 'Take a budget away: what it bounded is not bounded by it any more',
  params: IdParam,
  reply: Done,
})

export const listLlmPrices = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/llm/prices',
  summary:
    'What models cost, in dollars for a million tokens: usual prices, each of one model, and an operator’s, of all whose names begin so',
  reply: listOf(LlmPriceView),
})

export const setLlmPrice = endpoint({
  ...operator,
  method: 'POST',
  path: '/claviger/v1/llm/prices',
  summary: 'Say what models cost whose names begin so, in the place of usual prices',
  body: z.strictObject({ vendor: VendorId, model: ModelStart, input: Dollars, output: Dollars }),
  reply: LlmPriceView,
})

export const resetLlmPrice = endpoint({
  ...operator,
  method: 'DELETE',
  path: '/claviger/v1/llm/prices',
  summary: 'Forget what was said of a price',
  query: z.strictObject({ vendor: VendorId, model: ModelStart.default('') }),
  reply: Done,
})

export const llmUsage = endpoint({
  ...operator,
  method: 'GET',
  path: '/claviger/v1/llm/usage',
  summary: 'What LLM calls took, the newest first, and the sums of all that fit',
  query: z.strictObject({
    agent: Named.optional(),
    vendor: VendorId.optional(),
    /** Milliseconds since 1970: from the first on, and before the second. */
    from: z.coerce.number().int().nonnegative().optional(),
    to: z.coerce.number().int().nonnegative().optional(),
    limit: z.coerce.number().int().min(1).max(1_000).default(100),
  }),
  reply: z.object({
    rows: z.array(LlmUsageView),
    totals: z.object({ requests: z.int(), tokensIn: z.int(), tokensOut: z.int(), usd: z.number() }),
  }),
})

export interface LlmUseNeeds<Who> {
  readonly ledger: Ledger
  readonly actorOf: (who: Who) => Actor
  /** Throws Problem `agent_unknown`. */
  readonly agentOf: (name: string) => { readonly id: Budget['agent'] & string; readonly name: string }
  readonly agentName: (id: string) => string
  readonly keyHandle: (id: string) => string
  readonly newId: () => string
}

export function llmUseRoutes<Who>(needs: LlmUseNeeds<Who>): BoundEndpoint<Who>[] {
  const { ledger, actorOf, agentOf, newId } = needs
  const by = (caller: unknown) => actorOf(caller as Who)
  const views = () => ledger.budgets.list().map((budget) => budgetView(budget, needs.agentName))
  return [
    bind(listLlmBudgets, () => ({ items: views() })),
    bind(setLlmBudget, async ({ body: { agent, ...body }, caller }) => {
      const id = agent === undefined ? undefined : agentOf(agent).id
      const budget = budgetOf(ledger, { ...body, agent: id, vendor: body.vendor }, newId)
      await ledger.putBudget(budget, by(caller))
      return views().find((one) => one.id === budget.id) as z.input<typeof LlmBudgetView>
    }),
    bind(removeLlmBudget, async ({ params, caller }) => {
      await ledger.removeBudget(params.id, by(caller))
      return done
    }),
    bind(listLlmPrices, () => ({ items: [...ledger.prices.list()] })),
    bind(setLlmPrice, async ({ body, caller }) => {
      await ledger.putPrice(body, by(caller))
      return { ...body, own: true }
    }),
    bind(resetLlmPrice, async ({ query, caller }) => {
      await ledger.removePrice(priceId(query), by(caller))
      return done
    }),
    bind(llmUsage, async ({ query: { agent, ...query } }) => {
      const filter: UsageFilter = { ...query, agent: agent === undefined ? undefined : agentOf(agent).id }
      const { rows, totals } = await ledger.usage(filter)
      return { rows: rows.map((row) => usageView(row, needs)), totals: sumsOf(totals) }
    }),
  ]
}

export type AskedBudget = z.output<typeof BudgetAmounts> & Pick<Budget, 'agent' | 'vendor'>

/** In the place of one of the same unit and time, if there is one. */
export function budgetOf(ledger: Ledger, asked: AskedBudget, newId: () => string): Budget {
  const { agent, vendor, unit, amount, per, cut = false } = asked
  const isSame = (one: Budget) => one.agent === agent && one.vendor === vendor && one.unit === unit && one.per === per
  const id = ledger.budgets.list().find(isSame)?.id ?? newId()
  return { id, agent, vendor, unit, amount: Math.round(unit === 'money' ? amount * MICROS : amount), per, cut }
}

function budgetView(
  {
    id,
    agent,
    vendor,
    unit,
    amount,
    per,
    cut,
    spent,
    since,
  }: Budget & { readonly spent: number; readonly since: number },
  agentName: (id: string) => string,
): z.input<typeof LlmBudgetView> {
  const shown = (sum: number) => (unit === 'money' ? sum / MICROS : sum)
  const whose = { agent: agent && agentName(agent), vendor }
  return { id, ...whose, unit, amount: shown(amount), per, cut, spent: shown(spent), since }
}

function usageView(row: UsageRow, { agentName, keyHandle }: Pick<LlmUseNeeds<unknown>, 'agentName' | 'keyHandle'>) {
  const { cost, agent, key, ...rest } = row
  const named = { agent: agentName(agent), key: key && keyHandle(key) }
  return { ...rest, ...named, usd: cost === undefined ? undefined : cost / MICROS }
}

export function sumsOf({ cost, ...sums }: UsageSums) {
  return { ...sums, usd: cost / MICROS }
}
