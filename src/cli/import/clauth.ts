// `claviger import clauth`: vault, scopes, skill tokens, OAuth sets and configuration of an installation of Clauth.
import { systemClock } from '../../ground/clock.ts'
import { clauthPassphrase } from '../clauth-passphrase.ts'
import type { GatewayClient } from '../client.ts'
import type { Invocation, Result, Verb } from '../verb.ts'
import { type Asked, askGateway } from './ask-gateway.ts'
import { carryOver, result } from './bring-over.ts'
import { readClauthHome } from './clauth-home.ts'
import { planClauth } from './clauth-plan.ts'
import { askClauthPresent, type ClauthPresent, nothingAsked } from './clauth-present.ts'
import { KnownSecrets } from './known-secrets.ts'

export const importClauth: Verb = {
  signature: 'clauth <folder>',
  summary: 'bring an installation of Clauth over: vault, grants, skill tokens, OAuth sets, settings; it stays as it is',
  options: [
    { flags: '--write', about: 'bring it over; without it nothing is touched' },
    {
      flags: '--passphrase-file <file>',
      about: 'the passphrase of its vault; else CLAUTH_PASSPHRASE, CLAUTH_PASSPHRASE_FILE, or a prompt',
    },
  ],
  examples: ['claviger import clauth ~/.clauth', 'claviger import clauth ~/.clauth --write'],
  run: bringOver,
}

async function bringOver(invocation: Invocation): Promise<Result> {
  const { args, options, terminal } = invocation
  const write = options.write === true
  const { learnt, unasked } = await ask(invocation, write)
  const { present, client } = learnt
  const passphrase = () => clauthPassphrase(terminal, options.passphraseFile, 'Passphrase of Clauth’s vault')
  const home = await readClauthHome(args[0] ?? '', passphrase)
  const items = planClauth(home, present, systemClock.now())
  const due = items.some(({ action }) => action === 'bring')
  if (!write || !due || client === undefined) {
    const next = due ? 'Nothing was changed. The same with --write brings it over.' : 'Nothing to do.'
    return result({ from: home.folder, items, next: [next], unasked })
  }
  const { journal, items: done } = await carryOver(items, {
    ...{ what: 'clauth', from: home.folder, client, home: invocation.settings().home },
    known: present.known as KnownSecrets,
  })
  const next = [`Credentials can be taken out again: claviger import undo ${journal} --remove`]
  return result({ from: home.folder, items: done, next, journal })
}

interface Learnt {
  readonly present: ClauthPresent
  readonly client?: GatewayClient
}

function ask(invocation: Invocation, write: boolean): Promise<Asked<Learnt>> {
  const look = async (client: GatewayClient, home: string) => {
    const known = await KnownSecrets.open(home, client, write)
    return { present: await askClauthPresent(client, known, home), client }
  }
  return askGateway<Learnt>(invocation, write, look, async () => ({ present: await nothingAsked() }))
}
