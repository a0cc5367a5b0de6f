import type { Command } from 'commander'
import { facts, table } from './render.ts'
import { signInsVerb } from './sign-ins.ts'
import { addVerb, type Session } from './verb.ts'

/** `claviger agent add | list | lock | unlock | sign-ins`. */
export function agentCommands(program: Command, session: Session): void {
  const agent = program.command('agent').description('programs that act, with tokens and never with credentials')
  addVerb(agent, session, {
    signature: 'add <name>',
    summary: 'add an agent',
    async run({ args: [name], operator }) {
      const json = await operator().ask({ method: 'POST', path: '/agents', body: { name } })
      return { json, text: facts(json) }
    },
  })
  addVerb(agent, session, {
    signature: 'list',
    summary: 'list agents',
    async run({ operator }) {
      const json = await operator().ask({ method: 'GET', path: '/agents' })
      return { json, text: table(json.items, ['name', 'id', 'status', 'createdAt'], 'no agents') }
    },
  })
  addVerb(agent, session, signInsVerb)
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
