import { join } from 'node:path'
import { SetClock } from '../ground/clock.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import { Secret } from '../ground/secret.ts'
import { createMint } from '../policy/mint.ts'
import type { Permit, PermitFields } from '../policy/permit.ts'
import { testDatabase } from '../storage/storage.support.ts'
import type { Actor, Storage } from '../storage/storage.ts'
import type { CredentialView, NewCredential, Opener } from './contract.ts'
import { vaultMigrations } from './schema.ts'
import { createVault, type Vault, type VaultOptions } from './vault.ts'

export const operator: Actor = { kind: 'operator', id: 'op_1' }
export const service = 'srv_1' as ServiceId
export const origins = Object.freeze(['https://api.example.com:443', 'https://uploads.example.com:443'])
/** Slow enough for nobody; within the reader's limits. */
export const cheap = { memoryKiB: 16_384, passes: 1, lanes: 1 } as const

export interface OpenVault {
  readonly vault: Vault
  readonly storage: Storage
}

/** For tests: a vault on a real database that can be closed, edited by other hands, and opened again. */
export function testVault(more: Pick<VaultOptions, 'outbound' | 'placesOf'> = {}, clock = new SetClock()) {
  const database = testDatabase(vaultMigrations, clock)
  const keyFile = join(database.directory, 'vault.key')
  const mint = createMint()
  const alarms: CredentialId[] = []
  const opened: Storage[] = []

  /** A process starts; `wrap` may come between the vault and its storage. The vault is as it finds itself. */
  async function start(wrap = (storage: Storage) => storage): Promise<OpenVault> {
    const real = await database.open({ sealed: true })
    opened.push(real)
    const storage = wrap(real)
    const onIntegrityFailure = (id: CredentialId) => void alarms.push(id)
    const vault = await createVault({ storage, clock, redeem: mint.redeem, onIntegrityFailure, kdf: cheap, ...more })
    return { vault, storage }
  }

  /** A process starts and opens the vault with its key file, or with what is given. */
  async function open(opener: Opener = { keyFile }, wrap = (storage: Storage) => storage): Promise<OpenVault> {
    const started = await start(wrap)
    const { vault, storage } = started
    if (vault.state().state === 'uninitialised') await vault.initialise(opener)
    else await vault.unseal(opener)
    storage.authenticateWith(vault.keys().rowMac)
    await vault.load()
    return started
  }

  function permitFor(credential: string | undefined, changes: Partial<PermitFields> = {}): Permit {
    const call = { rid: 'call_1', agent: 'agent_1', token: 'tok_1', service, serviceName: 'demo', method: 'GET' }
    const fields = { call, grant: 'grt_1', credential, origins, intentSeq: 1, ...changes }
    return mint.mint(fields as unknown as PermitFields)
  }

  return {
    clock,
    database,
    keyFile,
    alarms,
    start,
    open,
    permitFor,
    /** The text of a credential's secret, through a permit, as the proxy gets it. */
    reveal(vault: Vault, credential: CredentialView | undefined): string | undefined {
      return vault.open(permitFor(credential?.id))?.value.reveal().toString()
    },
    async remove() {
      for (const storage of opened) await storage.close().catch(() => {})
      database.remove()
    },
  }
}

export function credential(handle: string, text: string, changes: Partial<NewCredential> = {}): NewCredential {
  return { handle, service, origins, secret: Secret.fromText(text), ...changes }
}

export type Death = 'before' | 'inside' | 'after'

/** Storage of a process that dies at its n-th write: before it, inside it, or between its commit and the answer. */
export function dying(at: number, death: Death): (storage: Storage) => Storage {
  let left = at
  const died = () => new Error('the process died')
  return (storage) => ({
    ...storage,
    write: async (work, options) => {
      if (left-- > 0) return storage.write(work, options)
      if (death === 'before') throw died()
      const broken = async (tx: Parameters<typeof work>[0]) => {
        const value = await work(tx)
        if (death === 'inside') throw died()
        return value
      }
      await storage.write(broken, options)
      throw died()
    },
  })
}
