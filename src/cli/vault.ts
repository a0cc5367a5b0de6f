import type { Command } from 'commander'
import { exitCode } from './exit-codes.ts'
import { facts, table } from './render.ts'
import { readSecret, textOf } from './secret-source.ts'
import { say } from './terminal.ts'
import { addVerb, type Session, secretOptions, type Verb } from './verb.ts'

const slotColumns = ['id', 'type', 'kdf', 'createdAt']

/** What to do about a vault that has its keys and is not believed, by the reason. */
const staysSealed: Readonly<Record<string, string>> = {
  integrity:
    '  why:  the log or the database was changed by other hands; the gateway’s log says where\n' +
    '  hint: Run `claviger audit verify`. Put a good copy of the home back; edited rows, but not an edited log, can be gone on from with --accept.',
  rollback_suspected:
    '  why:  the database or the log is older than the other one, or than its witness, knows\n' +
    '  hint: Put the newer copy back; or go on from what is there with --accept, which is recorded.',
}

const seal: Verb = {
  signature: 'seal',
  summary: 'lock the vault: running calls end, nothing is forwarded until it is unsealed',
  async run({ operator }) {
    const json = await operator().ask({ method: 'POST', path: '/seal' })
    return { json, text: facts(json) }
  },
}

const unseal: Verb = {
  signature: 'unseal',
  summary: 'open the vault with the passphrase, or with the key file of the gateway',
  options: [
    { flags: '--key-file', about: 'use the key file that the gateway was started with' },
    {
      flags: '--accept',
      about: 'go on although the database or the log looks rolled back or edited: you looked at it. Recorded',
    },
    ...secretOptions,
  ],
  async run({ options, operator, terminal }) {
    const client = operator()
    const key =
      options.keyFile === true
        ? { keyFile: true }
        : { passphrase: textOf(await readSecret(options, terminal, 'Passphrase')) }
    const body = { ...key, ...(options.accept === true && { accept: true }) }
    const json = await client.ask({ method: 'POST', path: '/unseal', body })
    if (json.state === 'unsealed') return { json, text: facts(json) }
    say(terminal, `claviger: the key fits, and the vault stays sealed\n${staysSealed[json.reason] ?? ''}`.trimEnd())
    return { json, text: facts(json), code: exitCode.refused }
  },
}

const setPassphrase: Verb = {
  signature: 'set',
  summary: 'set or replace the passphrase',
  options: [
    {
      flags: '--only',
      about: 'and take every other keyslot away: then every start is sealed until `claviger unseal`',
    },
    ...secretOptions,
  ],
  async run({ options, operator, terminal }) {
    const client = operator()
    const only = options.only === true ? { only: true } : {}
    const body = { passphrase: textOf(await readSecret(options, terminal, 'New passphrase', true)), ...only }
    const json = await client.ask({ method: 'POST', path: '/passphrase', body })
    if (options.only === true)
      say(
        terminal,
        'A key file opens older copies of the home only, from now on: delete it when you need none of them.',
      )
    return { json, text: table(json.items, slotColumns, 'done') }
  },
}

const slots: Verb = {
  signature: 'slots',
  summary: 'list what opens the vault: a key file, a passphrase, or both',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/slots' })
    return { json, text: table(json.items, slotColumns, 'none') }
  },
}

/** `claviger seal`, `claviger unseal`, `claviger passphrase set | slots`. */
export function vaultCommands(program: Command, session: Session): void {
  addVerb(program, session, seal)
  addVerb(program, session, unseal)
  const passphrase = program.command('passphrase').description('the passphrase that opens the vault')
  addVerb(passphrase, session, setPassphrase)
  addVerb(passphrase, session, slots)
}
