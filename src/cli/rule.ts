import type { Command } from 'commander'
import { exitCode } from './exit-codes.ts'
import { jsonFile, jsonGiven } from './json-file.ts'
import { cliProblem } from './problems.ts'
import { facts, table } from './render.ts'
import { query, wholeNumber } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const at = (name: string) => `/rules/${encodeURIComponent(name)}`

const add: Verb = {
  signature: 'add <rule>',
  summary: 'add a rule: a JSON file, - for stdin, or the JSON itself',
  options: [{ flags: '--replace', about: 'put it in the place of the rule of that name' }],
  examples: [
    'claviger rule add ask-before-refunds.json',
    `claviger rule add '{"name": "no-deletes", "effect": "deny", "match": {"methods": ["DELETE"]}}'`,
  ],
  async run({ args: [given = ''], options, operator, terminal }) {
    const body = await jsonGiven(given, terminal)
    const replaces = options.replace === true
    const json = await operator().ask({
      method: replaces ? 'PUT' : 'POST',
      path: replaces ? at(String(body.name)) : '/rules',
      body,
    })
    return { json, text: shown(json) }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'list rules, and what holds where none is about a call',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/rules' })
    const items = json.items.map((rule: Rule) => ({ ...rule, match: matchText(rule), asks: rule.ask?.assurance }))
    const rows = table(items, ['name', 'effect', 'match', 'asks', 'version', 'note'], 'no rules')
    return { json, text: `${rows}\n\ndefault: ${json.default}` }
  },
}

const show: Verb = {
  signature: 'show <rule>',
  summary: 'show a rule, by name or id',
  async run({ args: [name = ''], operator }) {
    const json = await operator().ask({ method: 'GET', path: at(name) })
    return { json, text: shown(json) }
  },
}

const remove: Verb = {
  signature: 'remove <rule>',
  summary: 'remove a rule; one that is not believed any more goes by its id',
  async run({ args: [name = ''], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: at(name) })
    return { json, text: `removed ${name}` }
  },
}

const test: Verb = {
  signature: 'test <rule>',
  summary: 'try a rule, given as to add, on the calls of the last days, as they are on record; it is not added',
  options: [{ flags: '--days <number>', about: 'of how many days, 7 unless told; at most 90' }],
  examples: ['claviger rule test ask-before-refunds.json --days 30'],
  async run({ args: [given = ''], options, operator, terminal }) {
    const days = options.days === undefined ? undefined : wholeNumber(options.days, '--days')
    const body = { rule: await jsonGiven(given, terminal), ...(days !== undefined && { days }) }
    const json = await operator().ask({ method: 'POST', path: '/rule-test', body })
    const { examples, from, to, ...counts } = json
    const iso = (ms: number) => new Date(ms).toISOString()
    const rows = table(examples, ['at', 'agent', 'service', 'method', 'path', 'said'], 'no call that it is about')
    return { json, text: `${facts({ from: iso(from), to: iso(to), ...counts })}\n\n${rows}` }
  },
}

const explain: Verb = {
  signature: 'explain <agent> <service> <method> <path>',
  summary: 'say which rules are about a call, and why, without making it',
  options: [
    { flags: '--query <name=value>', about: 'a query parameter; may be repeated', many: true },
    { flags: '--body <file>', about: 'a file with the JSON that the call would have as its body' },
  ],
  examples: ['claviger rule explain coder stripe POST /v1/refunds --body refund.json'],
  async run({ args: [agent, service, method, path], options, operator }) {
    const asked = query(options.query ?? [], '--query')
    const body = {
      ...{ agent, service, method, path },
      ...(asked !== undefined && { query: asked }),
      ...(options.body !== undefined && { body: jsonFile(options.body) }),
    }
    const json = await operator().ask({ method: 'POST', path: '/rule-explain', body })
    const { rules, ...said } = json
    const rows = rules.map((rule: { parts: Record<string, string> }) => ({ ...rule, parts: pairsText(rule.parts) }))
    const text = `${facts(said)}\n\n${table(rows, ['name', 'effect', 'about', 'parts'], 'no rule is about this service')}`
    const passes = json.effect === 'none' || json.effect === 'allow'
    return { json, text, code: passes ? exitCode.ok : exitCode.refused }
  },
}

const EFFECTS = ['allow', 'ask', 'deny']

const byDefault: Verb = {
  signature: 'default [effect]',
  summary: 'say, or set, what holds for a call that no rule is about: allow, ask or deny',
  async run({ args: [effect], operator }) {
    if (effect !== undefined && !EFFECTS.includes(effect)) {
      throw cliProblem('usage', { detail: `${EFFECTS.join(', ')}: one of them is wanted.` })
    }
    if (effect !== undefined) await operator().ask({ method: 'PUT', path: '/rule-default', body: { effect } })
    const json = { effect: effect ?? (await operator().ask({ method: 'GET', path: '/rules' })).default }
    return { json, text: `default: ${json.effect}` }
  },
}

const schema: Verb = {
  signature: 'schema',
  summary: 'print what rules are written by, as JSON Schema',
  async run() {
    const json = (await import('../rules/rule-schema.ts')).ruleSchema()
    return { json, text: JSON.stringify(json, null, 2) }
  },
}

/** `claviger rule add | list | show | remove | test | explain | default | schema`. */
export function ruleCommands(program: Command, session: Session): void {
  const rule = program
    .command('rule')
    .description('what is refused, what a human is asked about, and what is passed through')
  for (const verb of [add, list, show, remove, test, explain, byDefault, schema]) addVerb(rule, session, verb)
}

interface Rule {
  readonly match: Readonly<Record<string, unknown>>
  readonly when?: string
  readonly ask?: { readonly assurance: string }
}

function shown({ match, ask, ...rest }: Rule): string {
  const asks = ask === undefined ? {} : { ask: pairsText(ask) }
  return facts({ ...rest, match: matchText({ match }), ...asks })
}

function matchText({ match, when }: Pick<Rule, 'match' | 'when'>): string {
  const parts = Object.entries(match).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return [...parts, ...(when === undefined ? [] : [`when ${when}`])].join(' ')
}

function pairsText(pairs: object): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(' ')
}
