import type { Command } from 'commander'
import { agentClient } from './client.ts'
import { openNewFile } from './new-file.ts'
import { placeholderVariables } from './placeholder-variables.ts'
import { cliProblem } from './problems.ts'
import { table } from './render.ts'
import { say } from './terminal.ts'
import { seconds } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

interface Listed {
  readonly variables: readonly string[]
  readonly [member: string]: unknown
}

const issue: Verb = {
  signature: 'issue <agent>',
  summary: 'make placeholders for the services that an agent was given something on, as NAME=value lines of a new file',
  options: [
    { flags: '--out <file>', about: 'the new file (mode 0600), such as .env', required: true },
    { flags: '--service <name>', about: 'for this service alone; may be repeated', many: true },
    { flags: '--ttl <time>', about: 'how long they live: 12h if not said, at most 90d' },
  ],
  examples: [
    'claviger placeholder issue coder --out .env',
    'claviger placeholder issue coder --service github --out gh.env',
  ],
  async run({ args: [agent], options, operator, agentUrl, terminal }) {
    const ttlSeconds = seconds(options.ttl ?? '12h', '--ttl', { most: '90d' })
    const out = openNewFile(options.out)
    try {
      // What they hang on: its text is kept by nobody, so that nobody calls with it.
      const body = { agent, ttlSeconds, label: 'placeholders of a file' }
      const { id, token } = await operator().ask({ method: 'POST', path: '/tokens', body })
      const client = agentClient(agentUrl(), token)
      try {
        const wanted = options.service === undefined ? {} : { services: options.service }
        const { items } = await client.ask({ method: 'POST', path: '/agents/self/placeholders', body: wanted })
        const variables = Object.entries(placeholderVariables(items))
        if (variables.length === 0) throw cliProblem('nothing_to_stand_for', { facts: { agent: agent ?? '' } })
        out.write(variables.map(([name, value]) => `${name}=${value}\n`).join(''))
        say(terminal, `they end with the token ${id}: \`claviger token revoke ${id}\` ends all of them`)
        const shown = items.map(({ placeholder: _, ...rest }: { placeholder: string }) => rest)
        return {
          json: { token: id, file: options.out, items: shown },
          text: variables.map(([name]) => name).join('\n'),
        }
      } catch (error) {
        await operator().ask({ method: 'DELETE', path: `/tokens/${id}` })
        throw error
      } finally {
        await client.close()
      }
    } catch (error) {
      return out.drop(error)
    }
  },
}

const list: Verb = {
  signature: 'list [agent]',
  summary: 'list placeholders that live, of one agent or of all',
  async run({ args: [agent], operator }) {
    const query = agent === undefined ? '' : `?${new URLSearchParams({ agent })}`
    const json = await operator().ask({ method: 'GET', path: `/placeholders${query}` })
    const items = json.items.map((item: Listed) => ({ ...item, variables: item.variables.join(' ') }))
    const columns = ['id', 'agent', 'service', 'credential', 'variables', 'token', 'expiresAt']
    return { json, text: table(items, columns, 'no placeholders') }
  },
}

const end: Verb = {
  signature: 'end <id>',
  summary: 'end a placeholder: calls that bring it are refused',
  async run({ args: [id = ''], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: `/placeholders/${encodeURIComponent(id)}` })
    return { json, text: `ended ${id}` }
  },
}

/** `claviger placeholder issue | list | end`. */
export function placeholderCommands(program: Command, session: Session): void {
  const placeholder = program.command('placeholder').description('what stands for keys in environments and files')
  addVerb(placeholder, session, issue)
  addVerb(placeholder, session, list)
  addVerb(placeholder, session, end)
}
