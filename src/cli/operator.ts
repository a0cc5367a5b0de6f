import type { Command } from 'commander'
import { say } from './terminal.ts'
import { addVerb, type Session } from './verb.ts'

/** `claviger operator token rotate | reset`. */
export function operatorCommands(program: Command, session: Session): void {
  const token = program
    .command('operator')
    .description('the human side')
    .command('token')
    .description('the operator token')
  addVerb(token, session, {
    signature: 'rotate',
    summary: 'make a new operator token; the old one dies at once. Printed once, alone on stdout',
    async run({ operator, terminal }) {
      const json = await operator().ask({ method: 'POST', path: '/operator/token/rotate' })
      say(terminal, 'the new operator token; it is not shown again')
      return { json, text: json.token }
    },
  })
  addVerb(token, session, {
    signature: 'reset',
    summary: 'with the gateway stopped: make a new operator token, by the key file',
    async run({ settings, terminal }) {
      const checked = settings()
      const { resetOperatorToken } = await import('../main.ts')
      const json = await resetOperatorToken(checked)
      say(terminal, 'the new operator token; it is not shown again')
      return { json, text: json.token }
    },
  })
}
