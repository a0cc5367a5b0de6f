import type { Command } from 'commander'
import { pathOf } from './path-of.ts'
import { table } from './render.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const columns = ['id', 'prefix', 'name', 'agentId', 'createdAt', 'lastUsedAt', 'expiresAt', 'revokedAt']

const add: Verb = {
  signature: 'add <agent>',
  summary: 'make an API key for an agent; it is printed once',
  options: [
    { flags: '--name <name>', about: 'what the key is for' },
    { flags: '--expires-at <time>', about: 'until when it counts, ISO 8601; without it there is no end' },
  ],
  async run({ args: [agent], options, operator }) {
    const body = { agent, name: options.name ?? 'key', ...(options.expiresAt && { expiresAt: options.expiresAt }) }
    const json = await operator().ask({ method: 'POST', path: '/clawgate/api-keys', body })
    return { json, text: json.key }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'list the API keys of agents',
  async run({ operator }) {
    const json = await operator().ask({
      method: 'GET',
      path: '/clawgate/api-keys',
    })
    return { json, text: table(json.items, columns, 'no keys') }
  },
}

const revoke: Verb = {
  signature: 'revoke <id>',
  summary: 'revoke an API key; what was approved for it is void',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('clawgate', 'api-keys', id) })
    return { json, text: `revoked ${id}` }
  },
}

const listPeople: Verb = {
  signature: 'list',
  summary: 'list people who are no operators, and addresses that were invited or are not proved yet',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/clawgate/people' })
    const columns = ['email', 'displayName', 'status', 'agents', 'passkeys', 'createdAt', 'expiresAt', 'id']
    return { json, text: table(json.items, columns, 'nobody') }
  },
}

const invite: Verb = {
  signature: 'invite <address>',
  summary: 'invite an address: who registers with both is in, or back. Good once, for a day; printed once',
  async run({ args: [email], operator }) {
    const json = await operator().ask({ method: 'POST', path: '/clawgate/people/invites', body: { email } })
    return { json, text: json.invite }
  },
}

const code: Verb = {
  signature: 'code <address>',
  summary: 'show the code that proves the address of a registration, to be sent there and nowhere else',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('clawgate', 'people', name, 'code') })
    return { json, text: json.code }
  },
}

const removePerson: Verb = {
  signature: 'remove <address>',
  summary: 'remove somebody for good, with their agents and keys',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('clawgate', 'people', name) })
    return { json, text: `removed ${name}` }
  },
}

/** `claviger clawgate key add | list | revoke`, `claviger clawgate person list | invite | code | remove`. */
export function clawGateCommands(program: Command, session: Session): void {
  const door = program.command('clawgate').description('the ClawGate door')
  const key = door.command('key').description('API keys that agents ask for approvals with')
  for (const verb of [add, list, revoke]) addVerb(key, session, verb)
  const person = door.command('person').description('people who are no operators, with agents of their own')
  for (const verb of [listPeople, invite, code, removePerson]) addVerb(person, session, verb)
}
