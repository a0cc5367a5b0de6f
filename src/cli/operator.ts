import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { Problem } from '../ground/problem.ts'
import { issueToken, operatorVerbs } from './operators.ts'
import { cliProblem } from './problems.ts'
import { readSecret } from './secret-source.ts'
import { say } from './terminal.ts'
import { addVerb, type Invocation, type Session, secretOptions } from './verb.ts'

/** `claviger operator add | list | link | role | remove | token issue | rotate | off | reset`. */
export function operatorCommands(program: Command, session: Session): void {
  const operators = program.command('operator').description('the human side')
  for (const verb of operatorVerbs) addVerb(operators, session, verb)
  const token = operators.command('token').description('the operator token')
  addVerb(token, session, issueToken)
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
    signature: 'off',
    summary: 'end every operator token of everybody, this one too: from then on operators sign in with passkeys',
    async run({ operator, terminal }) {
      const json = await operator().ask({ method: 'POST', path: '/operator/token/off' })
      say(terminal, 'with the gateway stopped `claviger operator token reset` makes a new one')
      return { json, text: `ended ${json.ended}` }
    },
  })
  addVerb(token, session, {
    signature: 'reset',
    summary: 'with the gateway stopped: make a new operator token, by the key file or else by the passphrase',
    options: secretOptions,
    async run(invocation) {
      const json = await reset(invocation)
      say(invocation.terminal, 'the new operator token; it is not shown again')
      return { json, text: json.token }
    },
  })
}

async function reset({ options, settings, terminal }: Invocation) {
  const checked = settings()
  const { resetOperatorToken } = await import('../main.ts')
  const byPassphrase = async () => {
    const passphrase = await readSecret(options, terminal, 'Passphrase').catch((error) => {
      if (!(error instanceof Problem && error.code === 'secret_source_missing')) throw error
      throw cliProblem(error.code, {
        detail: `No key file at ${checked.keyFile} opens the vault: the passphrase is wanted.`,
      })
    })
    return resetOperatorToken(checked, { passphrase })
  }
  const given = [options.secretEnv, options.secretFile, options.secretStdin].some((source) => source !== undefined)
  if (given || !existsSync(checked.keyFile)) return byPassphrase()
  try {
    return await resetOperatorToken(checked, { keyFile: checked.keyFile })
  } catch (error) {
    // A key file whose slot was taken away may still lie there.
    if (!(error instanceof Problem && error.code === 'unseal_failed')) throw error
    return byPassphrase()
  }
}
