import type { Command } from 'commander'
import { agentCareCommands } from './agent-care.ts'
import { agentKeyCommands } from './agent-keys.ts'
import { agentSelfCommands } from './agent-login.ts'
import { facts, table } from './render.ts'
import { signInsVerb } from './sign-ins.ts'
import { addVerb, type Session } from './verb.ts'

/** `claviger agent add | list | lock | unlock | sign-ins`, and what stands in agent-care.ts, agent-keys.ts and agent-login.ts. */
export function agentCommands(program: Command, session: Session): void {
  const agent = program.command('agent').description('programs that act, with tokens and never with credentials')
  addVerb(agent, session, {
    signature: 'add <name>',
    summary: 'add an agent',
    options: [{ flags: '--email <address>', about: 'of whoever answers for it' }],
    async run({ args: [name], options, operator }) {
      const body = options.email === undefined ? { name } : { name, email: options.email }
      const json = await operator().ask({ method: 'POST', path: '/agents', body })
      return { json, text: facts(json) }
    },
  })
  addVerb(agent, session, {
    signature: 'list',
    summary: 'list agents',
    async run({ operator }) {
      const json = await operator().ask({ method: 'GET', path: '/agents' })
      return { json, text: table(json.items, ['name', 'label', 'id', 'status', 'createdAt'], 'no agents') }
    },
  })
  addVerb(agent, session, signInsVerb)
  agentCareCommands(agent, session)
  agentSelfCommands(agent, agentKeyCommands(agent, session), session)
  for (const [word, summary] of [
    ['lock', 'stop an agent: its calls end, its tokens are refused until it is unlocked'],
    ['unlock', 'let a locked agent act again'],
  ] as const) {
    addVerb(agent, session, {
      signature: `${word} <name>`,
      summary,
      async run({ args: [name = ''], operator }) {
        const json = await operator().ask({ method: 'POST', path: `/agents/${encodeURIComponent(name)}/${word}` })
        return { json, text: `${word}ed ${name}` }
      },
    })
  }
}
