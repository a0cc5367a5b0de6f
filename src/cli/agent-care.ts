import type { Command } from 'commander'
import { openNewFile } from './new-file.ts'
import { pathOf } from './path-of.ts'
import { facts, table } from './render.ts'
import { say } from './terminal.ts'
import { seconds } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const invite: Verb = {
  signature: 'invite [agent]',
  summary: 'make a one-time invite for a new agent, or for a new key of the one that is named; printed once',
  options: [
    { flags: '--ttl <time>', about: 'how long it is good: 1m to 24h; 15m if not said' },
    { flags: '--name <name>', about: 'what the new agent is called; without it the agent chooses' },
  ],
  examples: ['claviger agent invite', 'claviger agent invite --name tony', 'claviger agent invite coder --ttl 1h'],
  async run({ args: [agent], options, operator, terminal }) {
    const ttl =
      options.ttl === undefined ? {} : { ttlSeconds: seconds(options.ttl, '--ttl', { least: '1m', most: '24h' }) }
    const { name } = options
    const body = { ...ttl, ...(agent !== undefined && { agent }), ...(name !== undefined && { name }) }
    const json = await operator().ask({ method: 'POST', path: '/agents/invite', body })
    const use =
      agent === undefined ? (name === undefined ? 'a new agent' : `a new agent '${name}'`) : `a new key of ${agent}`
    say(
      terminal,
      `invite ${json.id} for ${use}, until ${new Date(json.expiresAt).toISOString()}; it is not shown again`,
    )
    return { json, text: json.invite }
  },
}

const listInvites: Verb = {
  signature: 'list',
  summary: 'list the invites that may still be used',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/invites' })
    return {
      json,
      text: table(json.items, ['id', 'agentName', 'name', 'operator', 'createdAt', 'expiresAt'], 'no invites'),
    }
  },
}

const revokeInvite: Verb = {
  signature: 'revoke <id>',
  summary: 'end an invite that nobody has used',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('invites', id) })
    return { json, text: `revoked ${id}` }
  },
}

const contain: Verb = {
  signature: 'contain <name>',
  summary: 'after an incident: lock it, end its keys, sign-ins, tokens and grants, list its calls, print an invite',
  options: [{ flags: '--since <time>', about: 'list calls since then: 24h (ago) if not said' }],
  examples: ['claviger agent contain coder --since 3d'],
  async run({ args: [name], options, operator }) {
    const ago = options.since === undefined ? undefined : seconds(options.since, '--since') * 1_000
    const body = ago === undefined ? {} : { since: Date.now() - ago }
    const json = await operator().ask({ method: 'POST', path: pathOf('agents', name, 'contain'), body })
    const calls = json.calls.map(lineOf)
    const parts = [
      facts({ agent: json.agent, ...json.stopped }),
      table(calls, ['at', 'service', 'method', 'path', 'rid'], 'no calls in that time'),
      `Register a new key with this invite, then \`claviger agent unlock ${name}\` and grant anew:\n${json.invite}`,
    ]
    return { json, text: parts.join('\n\n') }
  },
}

/** Of a record as the log has it. */
interface Call {
  readonly ts: number
  readonly rid?: string
  readonly req?: { readonly service: string; readonly method: string; readonly path: string }
}

function lineOf({ ts, rid, req }: Call) {
  return { at: new Date(ts).toISOString(), service: req?.service, method: req?.method, path: req?.path, rid }
}

const exportData: Verb = {
  signature: 'export <name>',
  summary: 'everything that is kept about an agent and whoever stands behind it, as JSON',
  options: [{ flags: '--out <file>', about: 'write it to this new file (mode 0600) and not to stdout' }],
  async run({ args: [name], options, operator }) {
    const client = operator()
    const out = options.out === undefined ? undefined : openNewFile(options.out)
    const json = await client.ask({ method: 'GET', path: pathOf('agents', name, 'export') }).catch(out?.drop)
    const text = JSON.stringify(json, null, 2)
    if (out === undefined) return { json, text }
    out.write(`${text}\n`)
    return { json: { file: options.out }, text: options.out }
  },
}

const erase: Verb = {
  signature: 'erase <name>',
  summary: 'remove what names a person from a revoked agent; the log keeps its id, which then names nobody',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('agents', name, 'erase') })
    return { json, text: facts(json) }
  },
}

function status(word: string, summary: string): Verb {
  return {
    signature: `${word} <name>`,
    summary,
    async run({ args: [name], operator }) {
      const json = await operator().ask({ method: 'POST', path: pathOf('agents', name, word) })
      return { json, text: `${name} is ${json.status}` }
    },
  }
}

/** `claviger agent invite [list | revoke] | approve | revoke | contain | export | erase`. */
export function agentCareCommands(agent: Command, session: Session): void {
  const approve = status('approve', 'let in an agent that registered itself')
  const revoke = status('revoke', 'end an agent for good; to stop it for a while, lock it')
  const invites = addVerb(agent, session, invite)
  for (const verb of [listInvites, revokeInvite]) addVerb(invites, session, verb)
  for (const verb of [approve, revoke, contain, exportData, erase]) addVerb(agent, session, verb)
}
