// What a start finds in its environment that was meant for the systems it takes the place of. Secrets do not stay there: what
// is started from here would get them, and what shows the environment would show them.
import { DoorSecrets } from '../doors/agentvault/door-secrets.ts'
import { VAULT_ADMIN } from '../doors/agentvault/needs.ts'
import { isSecretName } from '../env-file.ts'
import { CLAWGATE_DATABASE, MASTER_SECRETS, withoutMeaning } from '../foreign-variables.ts'
import type { Log } from '../ground/log.ts'
import { Problem } from '../ground/problem.ts'
import type { Rooms } from '../rooms.ts'
import { HANDLE_PATTERN } from '../vault/contract.ts'
import { takeTelegram } from './channels.ts'
import { takeVapid } from './vapid-environment.ts'

/** Says in one line what means nothing here, and seals what `MASTER_SECRETS_JSON` holds. */
export async function takeForeignEnvironment(env: NodeJS.ProcessEnv, rooms: Rooms, log: Log): Promise<void> {
  const names = withoutMeaning(env)
  for (const name of names) if (isSecretName(name) || name === CLAWGATE_DATABASE) delete env[name]
  if (names.length > 0) {
    const text =
      'these variables of other systems mean nothing here; those that are secrets were taken out of the environment'
    log.warn({ name: names.join(' '), count: names.length }, text)
  }
  await takeTelegram(env, rooms, log)
  await takeVapid(env, rooms, log)
  const master = env[MASTER_SECRETS]
  delete env[MASTER_SECRETS]
  if (master !== undefined && master !== '') await sealMasterSecrets(master, rooms, log)
}

/** Each reference once: what was sealed under it stays as it is, and may be newer. */
async function sealMasterSecrets(text: string, rooms: Rooms, log: Log): Promise<void> {
  const given = readMasterSecrets(text)
  const name = MASTER_SECRETS
  if (given === undefined)
    return log.error({ name }, 'it is no object of references and secrets: nothing was taken over')
  if (rooms.vault.state().state !== 'unsealed') {
    return log.error({ name }, 'the vault is sealed: nothing was taken over. Start again when it opens by itself')
  }
  const fresh = given.filter(([ref]) => rooms.vaultBook.credentials(ref).length === 0)
  const taken: string[] = []
  for (const [ref, secret] of fresh) {
    try {
      await sealOne(ref, secret, rooms)
      taken.push(ref)
    } catch (error) {
      // In the door's own words or the vault's: they name no value.
      if (!(error instanceof Problem)) throw error
      log.error({ name, id: ref, code: error.code }, 'this secret was not taken over')
    }
  }
  if (taken.length > 0) log.info({ name, count: taken.length }, 'secrets were sealed, and taken out of the environment')
}

async function sealOne(
  ref: string,
  secret: string,
  { storage, services, vault, grants, vaultBook }: Rooms,
): Promise<void> {
  const naming = vaultBook.services().filter(({ definition }) => definition.secretRef === ref)
  const natives = naming.flatMap(({ id }) => services.byId(id) ?? [])
  const secrets = new DoorSecrets({ book: vaultBook, vault, grants })
  await storage.write(async (tx) => {
    await secrets.put(ref, secret, natives, 'SECRET_INVALID', tx)
    const ev = { event: 'secret.migrated.from_env', refs: [ref] }
    await tx.change({ kind: 'agentvault_told', ref, record: { type: 'config', actor: VAULT_ADMIN, ev } })
  })
}

function readMasterSecrets(text: string): [ref: string, secret: string][] | undefined {
  try {
    const read: unknown = JSON.parse(text)
    if (typeof read !== 'object' || read === null || Array.isArray(read)) return undefined
    const entries = Object.entries(read)
    const wellFormed = entries.every(([ref, secret]) => HANDLE_PATTERN.test(ref) && typeof secret === 'string')
    return wellFormed ? (entries as [string, string][]) : undefined
  } catch {
    return undefined
  }
}
