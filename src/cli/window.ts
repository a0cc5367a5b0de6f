import type { Command } from 'commander'
import { facts, table } from './render.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

interface Window {
  readonly agent: { readonly name: string }
  readonly service: { readonly name: string }
  readonly calls: { readonly used: number; readonly of: number }
  readonly rules: readonly { readonly name: string }[]
  readonly openedBy: readonly string[]
  readonly action?: string
  readonly method: string
  readonly origin: string
  readonly path?: string
}

const COLUMNS = ['id', 'agent', 'service', 'may', 'credential', 'calls', 'endsAt', 'openedBy']

function shown({ agent, service, calls, rules, openedBy, action, method, origin, path, ...rest }: Window) {
  const may = action === undefined ? `${method} ${origin}${path}` : `${action} (${method} ${origin})`
  return {
    ...rest,
    ...{ agent: agent.name, service: service.name, may, calls: `${calls.used} of ${calls.of}` },
    rules: rules.map(({ name }) => name),
    openedBy,
  }
}

const list: Verb = {
  signature: 'list',
  summary: 'trust windows that hold now: what agents may do without being asked again',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/windows' })
    return { json, text: table((json as { items: Window[] }).items.map(shown), COLUMNS, 'no trust window is open') }
  },
}

const end: Verb = {
  signature: 'end <id>',
  summary: 'end a trust window: the next call asks again',
  async run({ args: [id = ''], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: `/windows/${encodeURIComponent(id)}` })
    return { json, text: facts(shown(json as Window)) }
  },
}

export function windowCommands(program: Command, session: Session): void {
  const window = program.command('window').description('what humans allowed for a while')
  for (const verb of [list, end]) addVerb(window, session, verb)
}
