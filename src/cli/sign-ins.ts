import { pathOf } from './path-of.ts'
import { table } from './render.ts'
import { wholeNumber } from './values.ts'
import type { Verb } from './verb.ts'

type Item = Readonly<Record<string, unknown>>

const COLUMNS = ['at', 'what', 'result', 'door', 'form', 'address', 'country', 'key', 'userAgent', 'count', 'details']

/** `claviger agent sign-ins`. */
export const signInsVerb: Verb = {
  signature: 'sign-ins <name>',
  summary: 'attempts to sign in as an agent and what was found in them, newest first',
  options: [
    { flags: '--limit <n>', about: 'how many; 50 if not said, at most 200' },
    { flags: '--before <seq>', about: 'older ones than this record' },
    { flags: '--own', about: 'ask as the agent itself, with its token' },
  ],
  examples: ['claviger agent sign-ins coder --limit 10', 'claviger agent sign-ins coder --own'],
  async run({ args: [name], options, operator, agent }) {
    const query = new URLSearchParams()
    if (options.limit !== undefined) query.set('limit', String(wholeNumber(options.limit, '--limit', 1, 200)))
    if (options.before !== undefined) query.set('before', String(wholeNumber(options.before, '--before', 0)))
    const path = `${pathOf('agents', name, 'sign-ins')}${query.size === 0 ? '' : `?${query}`}`
    const json = await (options.own === true ? agent() : operator()).ask({ method: 'GET', path })
    const text = table(json.items.map(line), COLUMNS, 'no sign-ins')
    return { json, text: json.next === undefined ? text : `${text}\n(older: --before ${json.next})` }
  },
}

/** A finding says its type and score where an attempt says how it ended. */
function line({ at, what, result, type, riskScore, ...rest }: Item): Item {
  const shown = what === 'finding' ? `${type} (${riskScore})` : result
  return { ...rest, what, result: shown, at: new Date(Number(at)).toISOString() }
}
