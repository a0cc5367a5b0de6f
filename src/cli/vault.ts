import type { Command } from 'commander'
import { facts, table } from './render.ts'
import { readSecret, textOf } from './secret-source.ts'
import { addVerb, type Session, secretOptions, type Verb } from './verb.ts'

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
    return { json, text: facts(json) }
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
    return { json, text: table(json.items, ['id', 'type', 'kdf', 'createdAt'], 'done') }
  },
}

/** `claviger seal`, `claviger unseal`, `claviger passphrase set`. */
export function vaultCommands(program: Command, session: Session): void {
  addVerb(program, session, seal)
  addVerb(program, session, unseal)
  const passphrase = program.command('passphrase').description('the passphrase that opens the vault')
  addVerb(passphrase, session, setPassphrase)
}
