import type { Command } from 'commander'
import { openNewFile } from './new-file.ts'
import { pathOf } from './path-of.ts'
import { facts, removed, table } from './render.ts'
import { say } from './terminal.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const add: Verb = {
  signature: 'add <name>',
  summary: 'add a service that wants to know which agent calls it',
  options: [
    { flags: '--owner <name>', about: 'whose it is; you, if not said. It cannot report on agents of its owner' },
    { flags: '--default', about: 'make it the audience of tokens that name none' },
  ],
  examples: ['claviger relying add shop --owner acme', 'claviger relying key issue shop --out shop.key'],
  async run({ args: [name], options, operator }) {
    const owner = options.owner === undefined ? {} : { owner: options.owner }
    const isDefault = options.default === true ? { default: true } : {}
    const json = await operator().ask({ method: 'POST', path: '/relying', body: { name, ...owner, ...isDefault } })
    return { json, text: facts(json) }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'list relying services',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/relying' })
    return { json, text: table(json.items, ['name', 'id', 'owner', 'default', 'createdAt'], 'no relying services') }
  },
}

const show: Verb = {
  signature: 'show <name>',
  summary: 'show a relying service with its keys and roles',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'GET', path: pathOf('relying', name) })
    const { keys, roles, ...rest } = json
    const parts = [
      facts(rest),
      table(keys, ['id', 'label', 'status', 'createdAt', 'revokedAt'], 'no keys'),
      table(roles, ['id', 'permissions', 'agents'], 'no roles'),
    ]
    return { json, text: parts.join('\n\n') }
  },
}

const remove: Verb = {
  signature: 'remove <name>',
  summary:
    'remove a relying service with its keys, roles and what agents have of them; its reports weigh nothing any more',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('relying', name) })
    const { keys: key, roles: role, assignments: assignment } = json
    return { json, text: removed(`${name}`, { key, role, assignment }) }
  },
}

const setDefault: Verb = {
  signature: 'default <name>',
  summary: 'make it the audience of tokens that name none',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'PUT', path: pathOf('relying', name, 'default') })
    return { json, text: facts(json) }
  },
}

const issueKey: Verb = {
  signature: 'issue <service>',
  summary: 'issue an API key of the service; it is printed once, alone on stdout',
  options: [
    { flags: '--label <text>', about: 'what it is for' },
    { flags: '--out <file>', about: 'write it to this new file (mode 0600) and not to stdout' },
  ],
  async run({ args: [service], options, operator, terminal }) {
    const body = options.label === undefined ? {} : { label: options.label }
    const client = operator()
    const out = options.out === undefined ? undefined : openNewFile(options.out)
    const asked = client.ask({ method: 'POST', path: pathOf('relying', service, 'keys'), body })
    const json = await asked.catch(out?.drop)
    say(terminal, `key ${json.id} of ${service} (service id ${json.service}); it is not shown again`)
    if (out === undefined) return { json, text: json.key }
    out.write(`${json.key}\n`)
    const { key: _, ...rest } = json
    return { json: { ...rest, file: options.out }, text: options.out }
  },
}

const revokeKey: Verb = {
  signature: 'revoke <service> <id>',
  summary: 'revoke one API key of the service',
  async run({ args: [service, id], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('relying', service, 'keys', id) })
    return { json, text: `revoked ${id}` }
  },
}

/** `claviger relying add | list | show | remove | default | key issue | key revoke`. */
export function relyingCommands(program: Command, session: Session): void {
  const relying = program.command('relying').description('services that want to know which agent calls them')
  for (const verb of [add, list, show, remove, setDefault]) addVerb(relying, session, verb)
  const key = relying.command('key').description('what a relying service shows; printed once, kept as a keyed hash')
  addVerb(key, session, issueKey)
  addVerb(key, session, revokeKey)
}
