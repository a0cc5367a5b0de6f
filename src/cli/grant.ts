import type { Command } from 'commander'
import { facts, named, table } from './render.ts'
import { seconds, wholeNumber } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const grant: Verb = {
  signature: 'grant <agent> <service>',
  summary: 'let an agent use a service, within these scopes; the same scopes again replace the grant and its limits',
  options: [
    {
      flags: '--scope <scope>',
      about: 'such as github:read or github:repo.get; may be repeated',
      many: true,
      required: true,
    },
    { flags: '--credential <handle>', about: 'the credential to use; without it the only one of the service' },
    { flags: '--rpm <number>', about: 'at most this many calls a minute' },
    { flags: '--uses <number>', about: 'at most this many calls in all' },
    { flags: '--ttl <time>', about: 'until when: 30m, 12h, 30d' },
  ],
  examples: [
    'claviger grant coder github --scope github:read --ttl 12h',
    'claviger grant coder openai --scope openai:* --rpm 60',
  ],
  async run({ args: [agent, service], options, operator }) {
    const body = {
      agent,
      service,
      scopes: options.scope,
      ...(options.credential !== undefined && { credential: options.credential }),
      ...(options.rpm !== undefined && { rpm: wholeNumber(options.rpm, '--rpm', 0) }),
      ...(options.uses !== undefined && { uses: wholeNumber(options.uses, '--uses') }),
      ...(options.ttl !== undefined && { ttlSeconds: seconds(options.ttl, '--ttl') }),
    }
    const json = await operator().ask({ method: 'POST', path: '/grants', body })
    return { json, text: facts(named(json)) }
  },
}

const grants: Verb = {
  signature: 'grants',
  summary: 'list grants',
  options: [
    { flags: '--agent <name>', about: 'of this agent' },
    { flags: '--service <name>', about: 'of this service' },
  ],
  async run({ options, operator }) {
    const asked = new URLSearchParams()
    for (const name of ['agent', 'service']) if (options[name] !== undefined) asked.set(name, options[name])
    const json = await operator().ask({ method: 'GET', path: `/grants${asked.size > 0 ? `?${asked}` : ''}` })
    const columns = [
      'id',
      'agent',
      'service',
      'scopes',
      'label',
      'credential',
      'rpm',
      'uses',
      'used',
      'expiresAt',
      'status',
    ]
    return { json, text: table(json.items.map(named), columns, 'no grants') }
  },
}

const revoke: Verb = {
  signature: 'revoke <grant>',
  summary: 'take a grant back; running calls under it end',
  async run({ args: [id = ''], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: `/grants/${encodeURIComponent(id)}` })
    return { json, text: `revoked ${id}` }
  },
}

/** `claviger grant`, `claviger grants`, `claviger revoke`. */
export function grantCommands(program: Command, session: Session): void {
  addVerb(program, session, grant)
  addVerb(program, session, grants)
  addVerb(program, session, revoke)
}
