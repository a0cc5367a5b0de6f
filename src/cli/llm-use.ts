import type { Command } from 'commander'
import { pathOf } from './path-of.ts'
import { cliProblem } from './problems.ts'
import { facts, table } from './render.ts'
import { seconds } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const UNITS = ['requests', 'tokens', 'usd'] as const

const setBudget: Verb = {
  signature: 'set',
  summary: 'bound an agent, a vendor, or an agent at a vendor; one of the same unit and time is replaced',
  options: [
    { flags: '--agent <agent>', about: 'name or id' },
    { flags: '--vendor <vendor>', about: 'a vendor; of all agents where none is named' },
    { flags: '--requests <count>', about: 'so many requests' },
    { flags: '--tokens <count>', about: 'so many tokens, in and out' },
    { flags: '--usd <dollars>', about: 'so many dollars, by the prices that are known' },
    { flags: '--per <time>', about: 'hour, day (if not said), month or ever' },
    { flags: '--cut', about: 'end an answer in its middle where the budget ends' },
  ],
  examples: [
    'claviger llm budget set --agent writer --usd 5 --per day',
    'claviger llm budget set --vendor openai --tokens 2000000 --per month --cut',
  ],
  async run({ options, operator }) {
    const { agent, vendor, per = 'day', cut } = options
    const said = UNITS.filter((unit) => options[unit] !== undefined)
    const [unit] = said
    const amount = unit === undefined ? Number.NaN : Number(options[unit])
    if (unit === undefined || said.length > 1 || !(amount > 0)) {
      throw cliProblem('usage', { detail: 'One of --requests, --tokens and --usd is wanted, with a number.' })
    }
    const body = { agent, vendor, unit: unit === 'usd' ? 'money' : unit, amount, per, cut }
    const json = await operator().ask({ method: 'POST', path: '/llm/budgets', body })
    return { json, text: facts({ ...json, since: new Date(json.since as number).toISOString() }) }
  },
}

const listBudgets: Verb = {
  signature: 'list',
  summary: 'list budgets and what is spent of them',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/llm/budgets' })
    return {
      json,
      text: table(json.items, ['id', 'agent', 'vendor', 'unit', 'amount', 'spent', 'per', 'cut'], 'no budgets'),
    }
  },
}

const removeBudget: Verb = {
  signature: 'remove <id>',
  summary: 'take a budget away',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('llm', 'budgets', id) })
    return { json, text: `removed ${id}` }
  },
}

const setPrice: Verb = {
  signature: 'set <vendor> [model]',
  summary: 'say what models cost whose names begin so, in dollars for a million tokens',
  options: [
    { flags: '--input <dollars>', about: 'for tokens that go in', required: true },
    { flags: '--output <dollars>', about: 'for tokens that come out', required: true },
  ],
  examples: ['claviger llm price set openai gpt-5.2 --input 1.75 --output 14'],
  async run({ args: [vendor, model = ''], options: { input, output }, operator }) {
    const body = { vendor, model, input: Number(input), output: Number(output) }
    const json = await operator().ask({ method: 'POST', path: '/llm/prices', body })
    return { json, text: facts(json) }
  },
}

const listPrices: Verb = {
  signature: 'list',
  summary: 'list what models cost, in dollars for a million tokens: own prices are of all models whose names begin so',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/llm/prices' })
    return { json, text: table(json.items, ['vendor', 'model', 'input', 'output', 'own'], 'no prices') }
  },
}

const resetPrice: Verb = {
  signature: 'reset <vendor> [model]',
  summary: 'forget what was said of a price',
  async run({ args: [vendor = '', model = ''], operator }) {
    const query = new URLSearchParams({ vendor, model })
    const json = await operator().ask({ method: 'DELETE', path: `/llm/prices?${query}` })
    return { json, text: `reset ${vendor} ${model}`.trimEnd() }
  },
}

const usage: Verb = {
  signature: 'usage',
  summary: 'what LLM calls took: tokens, dollars, time; the newest first',
  options: [
    { flags: '--agent <agent>', about: 'of one agent' },
    { flags: '--vendor <vendor>', about: 'of one vendor' },
    { flags: '--last <time>', about: 'of the last 12h, 7d; all that is kept if not said' },
    { flags: '--limit <count>', about: 'so many rows; 100 if not said' },
  ],
  examples: ['claviger llm usage --agent writer --last 7d'],
  async run({ options: { agent, vendor, last, limit }, operator }) {
    const from = last === undefined ? undefined : Date.now() - seconds(last as string, '--last') * 1_000
    const asked = Object.entries({ agent, vendor, from, limit }).filter(([, value]) => value !== undefined)
    const query = new URLSearchParams(Object.fromEntries(asked.map(([name, value]) => [name, String(value)])))
    const json = await operator().ask({ method: 'GET', path: `/llm/usage?${query}` })
    const columns = ['at', 'agent', 'vendor', 'key', 'model', 'status', 'tokensIn', 'tokensOut', 'usd', 'ms', 'aborted']
    const { rows, totals } = json as unknown as { rows: Record<string, unknown>[]; totals: Record<string, unknown> }
    const shown = rows.map(({ at, ...row }) => ({ at: new Date(at as number).toISOString(), ...row }))
    return { json, text: `${table(shown, columns, 'no usage')}\n\n${facts(totals)}` }
  },
}

export function llmUseCommands(llm: Command, session: Session): void {
  const budget = llm.command('budget').description('what agents and vendors may use')
  for (const verb of [setBudget, listBudgets, removeBudget]) addVerb(budget, session, verb)
  const price = llm.command('price').description('what models cost')
  for (const verb of [setPrice, listPrices, resetPrice]) addVerb(price, session, verb)
  addVerb(llm, session, usage)
}
