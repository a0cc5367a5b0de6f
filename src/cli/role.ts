import type { Command } from 'commander'
import { pathOf } from './path-of.ts'
import { facts, named, removed, table } from './render.ts'
import { seconds } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const set: Verb = {
  signature: 'set <service> <role>',
  summary: 'make a role of a relying service, or give it other permissions',
  options: [{ flags: '--permission <name>', about: 'such as orders.read; may be repeated', many: true }],
  examples: ['claviger role set shop buyer --permission orders.read --permission orders.create'],
  async run({ args: [service, role], options, operator }) {
    const body = { permissions: options.permission ?? [] }
    const json = await operator().ask({ method: 'PUT', path: pathOf('relying', service, 'roles', role), body })
    return { json, text: facts(json) }
  },
}

const list: Verb = {
  signature: 'list <service>',
  summary: 'list the roles of a relying service, or who has them',
  options: [
    { flags: '--assigned', about: 'who has which role, and until when' },
    { flags: '--agent <name>', about: 'what this agent has' },
  ],
  async run({ args: [service], options, operator }) {
    if (options.assigned !== true && options.agent === undefined) {
      const json = await operator().ask({ method: 'GET', path: pathOf('relying', service, 'roles') })
      return { json, text: table(json.items, ['id', 'permissions', 'agents', 'createdAt'], 'no roles') }
    }
    const query = options.agent === undefined ? '' : `?agent=${encodeURIComponent(options.agent)}`
    const json = await operator().ask({ method: 'GET', path: `${pathOf('relying', service, 'assignments')}${query}` })
    const columns = ['agent', 'role', 'expiresAt', 'expired', 'createdAt']
    return { json, text: table(json.items.map(named), columns, 'nobody has a role') }
  },
}

const remove: Verb = {
  signature: 'remove <service> <role>',
  summary: 'remove a role; every agent that has it loses it with its permissions',
  async run({ args: [service, role], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('relying', service, 'roles', role) })
    return { json, text: removed(`${role} of ${service}`, { assignment: json.revoked }) }
  },
}

const assign: Verb = {
  signature: 'assign <agent> <service> <role>',
  summary: 'give an agent a role of a relying service; again gives it a new end',
  options: [{ flags: '--ttl <time>', about: 'until when: 12h, 30d; until it is taken back, if not said' }],
  async run({ args: [agent, service, role], options, operator }) {
    const ttl = options.ttl === undefined ? {} : { ttlSeconds: seconds(options.ttl, '--ttl') }
    const body = { agent, role, ...ttl }
    const json = await operator().ask({ method: 'PUT', path: pathOf('relying', service, 'assignments'), body })
    return { json, text: facts(named(json)) }
  },
}

const revoke: Verb = {
  signature: 'revoke <agent> <service> <role>',
  summary: 'take a role back',
  async run({ args: [agent, service, role], operator }) {
    const path = pathOf('relying', service, 'assignments', agent, role)
    const json = await operator().ask({ method: 'DELETE', path })
    return { json, text: `revoked ${role} of ${agent}` }
  },
}

/** `claviger role set | list | remove | assign | revoke`. */
export function roleCommands(program: Command, session: Session): void {
  const role = program.command('role').description('what agents are at relying services')
  for (const verb of [set, list, remove, assign, revoke]) addVerb(role, session, verb)
}
