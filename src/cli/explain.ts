import type { Command } from 'commander'
import { exitCode } from './exit-codes.ts'
import { cliProblem } from './problems.ts'
import { facts, table } from './render.ts'
import { agentToken, operatorToken } from './tokens.ts'
import { query } from './values.ts'
import { addVerb, type Session } from './verb.ts'

/** `claviger explain [agent] <service> <method> <path>`. */
export function explainCommand(program: Command, session: Session): void {
  const command = addVerb(program, session, {
    signature: 'explain <words...>',
    summary: 'say which check would answer what, without making the call',
    options: [{ flags: '--query <name=value>', about: 'a query parameter; may be repeated', many: true }],
    examples: [
      'claviger explain coder github GET /user      # any agent; with the operator token',
      'claviger explain github GET /user            # yourself; with CLAVIGER_TOKEN',
    ],
    async run({ args, options, operator, agent, terminal }) {
      if (args.length !== 3 && args.length !== 4)
        throw cliProblem('usage', { detail: '[agent] service method path are wanted.' })
      if (args.length === 3 && agentToken(terminal) === undefined && operatorToken(terminal) !== undefined)
        throw cliProblem('usage', {
          detail: 'Which agent? Without CLAVIGER_TOKEN four words are wanted: agent service method path.',
        })
      const [service, method, path] = args.slice(-3)
      const asked = query(options.query ?? [], '--query')
      const body = { service, method: method?.toUpperCase(), path, ...(asked !== undefined && { query: asked }) }
      const json =
        args.length === 4
          ? await operator().ask({ method: 'POST', path: '/explain', body: { agent: args[0], ...body } })
          : await agent().ask({ method: 'POST', path: '/explain', body })
      const { checks, rules, ...answer } = json
      const said = [rules.effect, ...rules.names].join(' ')
      const text = `${facts({ ...answer, rules: said })}\n\n${table(checks, ['check', 'say', 'why'])}`
      return { json, text, code: json.outcome === 'allow' ? exitCode.ok : exitCode.refused }
    },
  })
  command.usage('[options] [agent] <service> <method> <path>')
}
