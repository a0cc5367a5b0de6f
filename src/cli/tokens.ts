// Tokens that the command line presents: from the environment or a file, never argv.
import { lstatSync } from 'node:fs'
import { cliProblem } from './problems.ts'
import { readSmallFile } from './secret-source.ts'
import type { Terminal } from './terminal.ts'

/** The operator token, or undefined if none is given. Throws `token_file_invalid`. */
export function operatorToken(terminal: Terminal): string | undefined {
  return token(terminal, 'CLAVIGER_OPERATOR_TOKEN')
}

/** The agent token, or undefined if none is given. Throws `token_file_invalid`. */
export function agentToken(terminal: Terminal): string | undefined {
  return token(terminal, 'CLAVIGER_TOKEN')
}

/** The invite, or undefined if none is given. Throws `token_file_invalid`. */
export function invite(terminal: Terminal): string | undefined {
  return token(terminal, 'CLAVIGER_INVITE')
}

function token(terminal: Terminal, name: string): string | undefined {
  const text = terminal.env[name] || fileNamedBy(`${name}_FILE`, terminal)
  if (text === undefined) return undefined
  if (/^[\x21-\x7e]{1,8192}$/.test(text)) return text
  throw cliProblem('token_file_invalid', { detail: `${name}: not one word of printable characters.` })
}

function fileNamedBy(name: string, terminal: Terminal): string | undefined {
  const path = terminal.env[name]
  if (!path) return undefined
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat?.isFile() && (stat.mode & 0o077) !== 0) {
    throw cliProblem('token_file_invalid', {
      detail: `${name}: other users may read or write ${path}.`,
      hint: `Run: chmod 600 ${path}`,
    })
  }
  return readSmallFile(path, 'token_file_invalid').toString('utf8').trim()
}
