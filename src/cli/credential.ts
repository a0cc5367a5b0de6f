import type { Command } from 'commander'
import { exitCode } from './exit-codes.ts'
import { pathOf } from './path-of.ts'
import { cliProblem } from './problems.ts'
import { facts, named, table } from './render.ts'
import { readSecret, textOf } from './secret-source.ts'
import { say } from './terminal.ts'
import { pairs, seconds } from './values.ts'
import { addVerb, type Session, secretOptions, type Verb } from './verb.ts'

const ttl = { flags: '--ttl <time>', about: 'how long it may be used: 12h, 30d, 1y' }
const meta = {
  flags: '--meta <name=value>',
  about: 'note something about it, never secret; may be repeated',
  many: true,
}

const store: Verb = {
  signature: 'store <handle>',
  summary: 'seal a credential in the vault, for one service',
  options: [{ flags: '--service <name>', about: 'the service it is for', required: true }, meta, ttl, ...secretOptions],
  examples: [
    'claviger store github-main --service github            # asks without echo',
    'claviger store github-main --service github --secret-file ~/github.key',
    'pass show github | claviger store github-main --service github --secret-stdin',
  ],
  async run({ args: [handle], options, operator, terminal }) {
    const known = {
      handle,
      service: options.service,
      ...(options.meta !== undefined && { meta: pairs(options.meta, '--meta') }),
      ...(options.ttl !== undefined && { ttlSeconds: seconds(options.ttl, '--ttl') }),
    }
    const client = operator()
    const body = { ...known, secret: textOf(await readSecret(options, terminal, `Secret for ${handle}`)) }
    const json = await client.ask({ method: 'POST', path: '/credentials', body })
    const service = await client.ask({ method: 'GET', path: `/services/${encodeURIComponent(options.service)}` })
    if ((service.injection?.kind ?? 'none') === 'none')
      say(terminal, `${options.service} is described without a place for it: no call will carry it (--inject)`)
    return { json, text: facts(named(json)) }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'list credentials, never their secrets',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/credentials' })
    const columns = ['handle', 'id', 'service', 'version', 'status', 'createdAt', 'rotatedAt', 'expiresAt', 'meta']
    return { json, text: table(json.items.map(named), columns, 'no credentials') }
  },
}

const rotate: Verb = {
  signature: 'rotate [handle]',
  summary: 'give a credential a new secret, as its next version; or with --kek rewrap all of them',
  options: [
    ttl,
    {
      flags: '--kek',
      about: 'make a new key-encryption key and rewrap every credential under it; goes on where it was cut off',
    },
    ...secretOptions,
  ],
  async run({ args: [handle], options, operator, terminal }) {
    if ((handle === undefined) === (options.kek !== true))
      throw cliProblem('usage', { detail: 'Name a credential, or --kek.' })
    if (handle === undefined) {
      const json = await operator().ask({ method: 'POST', path: '/kek/rotate' })
      return { json, text: facts(json) }
    }
    const life = options.ttl === undefined ? {} : { ttlSeconds: seconds(options.ttl, '--ttl') }
    const client = operator()
    const body = { ...life, secret: textOf(await readSecret(options, terminal, `New secret for ${handle}`)) }
    const json = await client.ask({ method: 'POST', path: `/credentials/${encodeURIComponent(handle)}/rotate`, body })
    return { json, text: facts(named(json)) }
  },
}

const check: Verb = {
  signature: 'check <handle>',
  summary: 'ask the service whose a credential is: one recorded call of its probe, through the gate',
  examples: ['claviger credential check github-main'],
  async run({ args: [handle], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('credentials', handle, 'check') })
    return { json, text: facts(json), code: json.outcome === 'works' ? exitCode.ok : exitCode.refused }
  },
}

const remove: Verb = {
  signature: 'remove <handle>',
  summary: 'remove a credential and every version of it',
  async run({ args: [handle = ''], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: `/credentials/${encodeURIComponent(handle)}` })
    return { json, text: `removed ${handle}` }
  },
}

/** `claviger store` and `claviger credential list | rotate | check | remove`. */
export function credentialCommands(program: Command, session: Session): void {
  addVerb(program, session, store)
  const credential = program.command('credential').description('secrets sealed in the vault, by their handles')
  addVerb(credential, session, list)
  addVerb(credential, session, rotate)
  addVerb(credential, session, check)
  addVerb(credential, session, remove)
}
