// What operators sign in with, and where they are signed in.
import type { Command } from 'commander'
import { pathOf } from './path-of.ts'
import { table } from './render.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const whose = { flags: '--operator <name>', about: 'of this operator alone' }
const queryOf = (operator: string | undefined) =>
  operator === undefined ? '' : `?operator=${encodeURIComponent(operator)}`

const listPasskeys: Verb = {
  signature: 'list',
  summary: 'list the passkeys of operators',
  options: [whose],
  async run({ options, operator }) {
    const json = await operator().ask({ method: 'GET', path: `/passkeys${queryOf(options.operator)}` })
    const columns = ['operator', 'name', 'rpId', 'thisMachineOnly', 'synced', 'lastUsedAt', 'id']
    return { json, text: table(json.items, columns, 'no passkeys') }
  },
}

const removePasskey: Verb = {
  signature: 'remove <id>',
  summary: 'remove a passkey and end the sessions that it opened; the last one of an operator stays',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('passkeys', id) })
    return { json, text: `removed ${id}` }
  },
}

const listSessions: Verb = {
  signature: 'list',
  summary: 'list who is signed in at the operators’ pages',
  options: [whose],
  async run({ options, operator }) {
    const json = await operator().ask({ method: 'GET', path: `/people/sessions${queryOf(options.operator)}` })
    const columns = ['operator', 'origin', 'recovery', 'createdAt', 'lastSeenAt', 'expiresAt', 'id']
    return { json, text: table(json.items, columns, 'nobody is signed in') }
  },
}

const endSession: Verb = {
  signature: 'end <id>',
  summary: 'sign somebody out',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('people', 'sessions', id) })
    return { json, text: `ended ${id}` }
  },
}

/** `claviger passkey list | remove`, `claviger session list | end`. */
export function personCommands(program: Command, session: Session): void {
  const passkeys = program.command('passkey').description('what operators sign in with')
  for (const verb of [listPasskeys, removePasskey]) addVerb(passkeys, session, verb)
  const sessions = program.command('session').description('where operators are signed in')
  for (const verb of [listSessions, endSession]) addVerb(sessions, session, verb)
}
