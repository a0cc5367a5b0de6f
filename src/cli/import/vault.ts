// `claviger import vault`: services, revocations and secrets of an installation of agentic-credential-vault.
import type { GatewayClient } from '../client.ts'
import type { Invocation, Result, Verb } from '../verb.ts'
import { type Asked, askGateway } from './ask-gateway.ts'
import { carryOver, result } from './bring-over.ts'
import { KnownSecrets } from './known-secrets.ts'
import { readVaultHome } from './vault-home.ts'
import { planVault } from './vault-plan.ts'
import { askVaultPresent, nothingOfVault, type VaultPresent } from './vault-present.ts'

export const importVault: Verb = {
  signature: 'vault <folder>',
  summary: 'bring an installation of agentic-credential-vault over: services, revocations, secrets; it stays as it is',
  options: [{ flags: '--write', about: 'bring it over; without it nothing is touched' }],
  examples: [
    'claviger import vault ~/agentic-credential-vault',
    'claviger import vault ~/agentic-credential-vault --write     # secrets: MASTER_SECRETS_JSON, here or in its .env',
  ],
  run: bringOver,
}

async function bringOver(invocation: Invocation): Promise<Result> {
  const { args, options, terminal } = invocation
  const write = options.write === true
  const { learnt, unasked } = await ask(invocation, write)
  const { present, client } = learnt
  const home = await readVaultHome(args[0] ?? '', terminal.env)
  const items = planVault(home, present)
  const due = items.some(({ action }) => action === 'bring')
  if (!write || !due || client === undefined || present.known === undefined) {
    const next = due ? 'Nothing was changed. The same with --write brings it over.' : 'Nothing to do.'
    return result({ from: home.folder, items, next: [next], unasked })
  }
  const around = { what: 'vault', from: home.folder, client, known: present.known, home: invocation.settings().home }
  const { journal, items: done } = await carryOver(items, around)
  const next = [`Secrets can be taken out again: claviger import undo ${journal} --remove`]
  return result({ from: home.folder, items: done, next, journal })
}

interface Learnt {
  readonly present: VaultPresent
  readonly client?: GatewayClient
}

function ask(invocation: Invocation, write: boolean): Promise<Asked<Learnt>> {
  const look = async (client: GatewayClient, home: string) => {
    const known = await KnownSecrets.open(home, client, write)
    return { present: await askVaultPresent(client, known, home), client }
  }
  return askGateway<Learnt>(invocation, write, look, () => ({ present: nothingOfVault }))
}
