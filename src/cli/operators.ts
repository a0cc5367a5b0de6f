// Operators as persons: `claviger operator add | list | link | role | remove`, and tokens for their scripts.
import { Problem } from '../ground/problem.ts'
import type { GatewayClient } from './client.ts'
import { pathOf } from './path-of.ts'
import { facts, table } from './render.ts'
import { say } from './terminal.ts'
import { seconds } from './values.ts'
import type { Verb } from './verb.ts'

const add: Verb = {
  signature: 'add <name>',
  summary: 'add an operator: owner (everything), approver (answers approvals, reads) or auditor (reads)',
  options: [{ flags: '--role <role>', about: 'owner, approver or auditor', required: true }],
  examples: ['claviger operator add ann --role approver'],
  async run({ args: [name], options, operator }) {
    const gateway = operator()
    const json = await gateway.ask({ method: 'POST', path: '/operators', body: { name, role: options.role } })
    const link = await linkOf(gateway, name)
    return { json: { ...json, ...link }, text: `${facts(json)}${link === undefined ? '' : `\n\n${shown(link)}`}` }
  },
}

const link: Verb = {
  signature: 'link [name]',
  summary:
    'make a one-time link by which an operator makes a passkey; your own if no name is given. Good for 15 minutes',
  async run({ args: [name = 'self'], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('operators', name, 'link') })
    return { json, text: shown(json) }
  },
}

interface Link {
  readonly operator: string
  readonly link: string
  readonly expiresAt: number
}

/** None where the operators' pages are off: then tokens are all there is. */
async function linkOf(gateway: GatewayClient, name: string | undefined): Promise<Link | undefined> {
  try {
    return await gateway.ask({ method: 'POST', path: pathOf('operators', name, 'link') })
  } catch (error) {
    if (error instanceof Problem && error.code === 'no_operator_pages') return undefined
    throw error
  }
}

function shown({ operator, link: address, expiresAt }: Link): string {
  const until = new Date(expiresAt).toISOString()
  return `${operator} opens this once, before ${until}, and makes a passkey:\n\n  ${address}`
}

const list: Verb = {
  signature: 'list',
  summary: 'list operators and their roles',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/operators' })
    return { json, text: table(json.items, ['name', 'role', 'status', 'passkeys', 'createdAt', 'id'], 'no operators') }
  },
}

const role: Verb = {
  signature: 'role <name> <role>',
  summary: 'give an operator another role; the last owner stays one',
  async run({ args: [name, wanted], operator }) {
    const body = { role: wanted }
    const json = await operator().ask({ method: 'PUT', path: pathOf('operators', name, 'role'), body })
    return { json, text: facts(json) }
  },
}

const remove: Verb = {
  signature: 'remove <name>',
  summary: 'remove an operator for good, with everything that signs in as them',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('operators', name) })
    return { json, text: `removed ${name}` }
  },
}

export const operatorVerbs: readonly Verb[] = [add, list, link, role, remove]

export const issueToken: Verb = {
  signature: 'issue <name>',
  summary: 'make a token with the role of an operator, for scripts. Printed once, alone on stdout',
  options: [
    { flags: '--ttl <time>', about: 'how long it lives: 12h, 30d; 90 days if not said, and at most' },
    { flags: '--label <text>', about: 'what it is for' },
  ],
  async run({ args: [name], options, operator, terminal }) {
    const body = {
      ...(options.ttl !== undefined && { ttlSeconds: seconds(options.ttl, '--ttl') }),
      ...(options.label !== undefined && { label: options.label }),
    }
    const json = await operator().ask({ method: 'POST', path: pathOf('operators', name, 'tokens'), body })
    say(terminal, `the token of ${name}; it is not shown again`)
    return { json, text: json.token }
  },
}
