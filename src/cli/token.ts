import type { Command } from 'commander'
import { openNewFile } from './new-file.ts'
import { cliProblem } from './problems.ts'
import { table } from './render.ts'
import { say } from './terminal.ts'
import { seconds } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const issue: Verb = {
  signature: 'issue <agent>',
  summary: 'issue a token; it is printed once, alone on stdout',
  options: [
    { flags: '--ttl <time>', about: 'how long it lives: 12h, 30d; at most 90d, which is what it gets if not said' },
    { flags: '--label <text>', about: 'what it is for' },
    {
      flags: '--from <place>',
      about: 'an address or a range that it may be shown from; `socket`: a Unix socket of its own; may be repeated',
      many: true,
    },
    { flags: '--out <file>', about: 'write it to this new file (mode 0600) and not to stdout' },
  ],
  examples: [
    'export CLAVIGER_TOKEN=$(claviger token issue coder --ttl 30d)',
    'claviger token issue coder --out coder.token',
    'claviger token issue coder --from 10.75.0.2 --ttl 12h',
  ],
  async run({ args: [agent], options, operator, terminal }) {
    const ttl = options.ttl === undefined ? {} : { ttlSeconds: seconds(options.ttl, '--ttl', { most: '90d' }) }
    const label = options.label === undefined ? {} : { label: options.label }
    const from = options.from === undefined ? {} : { from: options.from }
    const client = operator()
    const out = options.out === undefined ? undefined : openNewFile(options.out)
    const asked = client.ask({ method: 'POST', path: '/tokens', body: { agent, ...ttl, ...label, ...from } })
    const json = await asked.catch(out?.drop)
    say(
      terminal,
      `token ${json.id} for ${agent}, until ${new Date(json.expiresAt).toISOString()}; it is not shown again`,
    )
    if (json.socketFolder !== undefined) say(terminal, `its socket: ${json.socketFolder}/gateway.sock`)
    if (out === undefined) return { json, text: json.token }
    out.write(`${json.token}\n`)
    const { token: _, ...rest } = json
    return { json: { ...rest, file: options.out }, text: options.out }
  },
}

const list: Verb = {
  signature: 'list [agent]',
  summary: 'list tokens, of one agent or of all',
  async run({ args: [agent], operator }) {
    const query = agent === undefined ? '' : `?agent=${encodeURIComponent(agent)}`
    const json = await operator().ask({ method: 'GET', path: `/tokens${query}` })
    return {
      json,
      text: table(
        json.items,
        ['id', 'kind', 'agent', 'label', 'status', 'createdAt', 'expiresAt', 'from'],
        'no tokens',
      ),
    }
  },
}

const revoke: Verb = {
  signature: 'revoke [id]',
  summary: 'revoke one token, or every token of an agent; its running calls end',
  options: [{ flags: '--agent <name>', about: 'revoke every token of this agent' }],
  async run({ args: [id], options, operator }) {
    if ((id === undefined) === (options.agent === undefined)) {
      throw cliProblem('usage', { detail: 'Name a token, or an agent with --agent.' })
    }
    const path =
      id === undefined ? `/agents/${encodeURIComponent(options.agent)}/tokens` : `/tokens/${encodeURIComponent(id)}`
    const json = await operator().ask({ method: 'DELETE', path })
    return { json, text: `revoked ${id ?? `every token of ${options.agent}`}` }
  },
}

/** `claviger token issue | list | revoke`. */
export function tokenCommands(program: Command, session: Session): void {
  const token = program.command('token').description('what agents show; printed once, kept as a keyed hash')
  addVerb(token, session, issue)
  addVerb(token, session, list)
  addVerb(token, session, revoke)
}
