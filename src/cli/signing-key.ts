import type { Command } from 'commander'
import { pathOf } from './path-of.ts'
import { table } from './render.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const columns = ['kid', 'status', 'place', 'createdAt', 'activeAt', 'rotatesAt', 'endsAt', 'revokedAt', 'reason']
const shown = (json: { items: readonly Record<string, unknown>[] }) => ({
  json,
  text: table(json.items, columns, 'no signing keys'),
})

const list: Verb = {
  signature: 'list',
  summary: 'list the keys that access tokens are signed with, past ones too',
  async run({ operator }) {
    return shown(await operator().ask({ method: 'GET', path: '/signing-keys' }))
  },
}

const rotate: Verb = {
  signature: 'rotate',
  summary: 'sign with the next key from now on; tokens of the old one stay good',
  options: [
    { flags: '--emergency', about: 'revoke every key and with it every token they signed; new keys sign at once' },
  ],
  async run({ options, operator }) {
    const body = options.emergency === true ? { emergency: true } : {}
    return shown(await operator().ask({ method: 'POST', path: '/signing-keys/rotate', body }))
  },
}

const revoke: Verb = {
  signature: 'revoke <kid>',
  summary: 'revoke one key: every token that it signed is refused at once',
  async run({ args: [kid], operator }) {
    return shown(await operator().ask({ method: 'DELETE', path: pathOf('signing-keys', kid) }))
  },
}

/** `claviger signing-key list | rotate | revoke`. */
export function signingKeyCommands(program: Command, session: Session): void {
  const key = program.command('signing-key').description('what access tokens are signed with; rotated by itself')
  addVerb(key, session, list)
  addVerb(key, session, rotate)
  addVerb(key, session, revoke)
}
