/**
 * The vault: sealed credentials, and the keys of the house.
 * Owns the root key and everything derived from it, keyslots, credentials and their versions.
 * Invariant: a secret is in the clear only in memory, only while unsealed, and is handed out only for a permit that the
 * gate minted and that was not used before. Unknown, changed or sealed means no.
 * Refuses: to open for anything but a permit; to go on when slots or settings were changed by other hands.
 */
import type { Argon2idCost } from '../crypto/phc.ts'
import type { Clock } from '../ground/clock.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import type { Secret } from '../ground/secret.ts'
import type { Outbound } from '../http/outbound.ts'
import type { Permit } from '../policy/permit.ts'
import type { Actor, Change, Storage, Tx } from '../storage/storage.ts'
import { type Connections, createConnections } from './connections/connections.ts'
import type { PlacesOf } from './connections/places.ts'
import type {
  Assigned,
  CredentialState,
  CredentialView,
  KekRotation,
  NewCredential,
  NewVersion,
  OpenedCredential,
  Opener,
  SealReason,
  SecretShape,
  SlotView,
  VaultKeys,
  VaultStatus,
  VersionView,
} from './contract.ts'
import { CredentialEntries, stateOf, viewOf } from './credential-entries.ts'
import { Credentials, isEntriesChange } from './credentials.ts'
import { KekRotator } from './kek-rotation.ts'
import { isVaultChange, Keyholders } from './keyholders.ts'
import { loadEntries } from './load-entries.ts'
import { PermitOpener } from './open-permit.ts'
import { OpenedCache } from './opened-cache.ts'
import { openRoomKey, sealRoomKey } from './room-keys.ts'
import { Sealing } from './sealing.ts'
import { readVault } from './store.ts'

export interface VaultOptions {
  readonly storage: Storage
  readonly clock: Clock
  /** The other half of the gate's mint. */
  readonly redeem: (permit: Permit) => boolean
  /** A credential that does not open: it is disabled already; raise the alarm. Must not throw. */
  readonly onIntegrityFailure?: (credential: CredentialId) => void
  /** How tokens are asked for, and where a service's may come from; without them nothing is renewed. */
  readonly outbound?: Outbound
  readonly placesOf?: PlacesOf
  /** What the secrets of a service must look like, where they are more than a text. */
  readonly shapeOf?: (service: ServiceId) => SecretShape | undefined
  /** What stretching a new passphrase costs. Default Argon2id 256 MiB, 3 passes, 4 lanes. */
  readonly kdf?: Argon2idCost
}

export interface Vault extends Connections {
  state(): VaultStatus
  /** Called with every new state, after it holds. On `sealed`, drop the keys you were given. */
  watch(listener: (status: VaultStatus) => void): void
  /** Makes the root key and the first slot, and leaves the vault open. A key file is made if it is not there. */
  initialise(opener: Opener): Promise<void>
  unseal(opener: Opener): Promise<void>
  /** At once: zeroes what is open and drops the keys. */
  seal(reason: SealReason): void
  /** Throws Problem `vault_sealed`. */
  keys(): VaultKeys
  /**
   * Seals a small key of another room under the root key. `purpose` says whose key it is and which one
   * (`signing-key/<kid>`): it opens for this purpose in this installation and no other. Throws Problem `vault_sealed`.
   */
  sealKey(purpose: string, bytes: Uint8Array): Buffer
  /** Opens what sealKey() made. Throws Problem `vault_sealed`, `room_key_damaged`. */
  openKey(purpose: string, sealed: Uint8Array): Secret
  /** Takes the credentials into memory: after unsealing, once storage has the key that authenticates rows. */
  load(): Promise<void>
  /** Give `tx`, here and below, to write more with it, or none of it. */
  store(input: NewCredential, by: Actor, tx?: Tx): Promise<CredentialView>
  rotate(handleOrId: string, input: NewVersion, by: Actor, tx?: Tx): Promise<CredentialView>
  remove(handleOrId: string, by: Actor, tx?: Tx): Promise<void>
  assign(handleOrId: string, to: Assigned, by: Actor, tx?: Tx): Promise<CredentialView>
  list(): CredentialView[]
  find(handleOrId: string): CredentialView | undefined
  idOf(handleOrId: string): CredentialId | undefined
  /** For the gate: whether this credential can be used now. */
  stateOf(id: CredentialId): CredentialState
  /** For the gate: whose it is, and what its metadata says under `restricted`. */
  aboutOf(
    id: CredentialId,
  ): { readonly service: ServiceId; readonly handle: string; readonly restricted: string | undefined } | undefined
  versions(handleOrId: string): Promise<VersionView[]>
  rebind(
    service: ServiceId,
    origins: readonly string[],
    by: Actor,
    tx?: Tx,
    each?: (credential: CredentialView) => void,
  ): Promise<void>
  open(permit: Permit): OpenedCredential | undefined
  slots(): SlotView[]
  setPassphrase(passphrase: Secret, options: { readonly only: boolean }, by: Actor): Promise<void>
  addKeyFile(path: string, by: Actor): Promise<void>
  removeSlot(id: string, by: Actor): Promise<void>
  /** Makes a new key-encryption key, or finishes a rotation that was interrupted. */
  rotateKek(by: Actor): Promise<KekRotation>
  /** Whether a rotation was interrupted: rotateKek() finishes it. */
  kekRotationUnfinished(): boolean
}

/** Sealed with reason `boot`, or uninitialised; `integrity` if the vault's own row is gone and its credentials are not. */
export async function createVault(options: VaultOptions): Promise<Vault> {
  const { storage, clock, redeem, onIntegrityFailure = () => {} } = options
  const stored = await storage.read(readVault)
  const reason = stored === 'damaged' ? 'integrity' : 'boot'
  const sealing = new Sealing(stored ? { state: 'sealed', reason } : { state: 'uninitialised' }, () => clock.mono())
  const entries = new CredentialEntries()
  const cache = new OpenedCache(clock)
  const keyholders = new Keyholders({ storage, clock, sealing, kdf: options.kdf })
  const credentials = new Credentials({ storage, clock, sealing, entries, shapeOf: options.shapeOf })
  const opener = new PermitOpener({ clock, sealing, entries, cache, redeem, onIntegrityFailure })
  const { outbound, placesOf, shapeOf } = options
  const shared = { storage, clock, sealing, entries, cache, credentials }
  const connections = createConnections({ ...shared, outbound, placesOf, shapeOf })
  const rotator = new KekRotator({ storage, sealing, entries, keyholders })

  storage.follow((change) => followChange(change, { sealing, entries, cache }))
  sealing.watch(({ state }) => {
    if (state !== 'sealed') return
    cache.clear()
    entries.replaceAll([])
  })
  const load = async () => {
    sealing.unlocked()
    const { loaded, failed } = await loadEntries(storage)
    sealing.unlocked()
    entries.replaceAll(loaded)
    await connections.begin()
    for (const id of failed) onIntegrityFailure(id)
  }
  const parts = { clock, sealing, entries, keyholders, credentials, opener, rotator, load }
  return { ...connections, ...vaultOver(parts) }
}

interface Parts {
  readonly clock: Clock
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  readonly keyholders: Keyholders
  readonly credentials: Credentials
  readonly opener: PermitOpener
  readonly rotator: KekRotator
  readonly load: () => Promise<void>
}

function vaultOver(parts: Parts): Omit<Vault, keyof Connections> {
  const { clock, sealing, entries, keyholders, credentials, opener, rotator, load } = parts
  return {
    state: () => sealing.status(),
    watch: (listener) => sealing.watch(listener),
    initialise: (first) => keyholders.initialise(first),
    unseal: (presented) => keyholders.unseal(presented),
    seal: (why) => sealing.seal(why),
    keys: () => sealing.unlocked().keys,
    sealKey: (purpose, bytes) => sealRoomKey(sealing.unlocked().keyring, purpose, bytes),
    openKey: (purpose, sealed) => openRoomKey(sealing.unlocked().keyring, purpose, sealed),
    load,
    store: (input, by, tx) => credentials.store(input, by, tx),
    rotate: (handleOrId, input, by, tx) => credentials.rotate(handleOrId, input, by, tx),
    remove: (handleOrId, by, tx) => credentials.remove(handleOrId, by, tx),
    assign: (handleOrId, to, by, tx) => credentials.assign(handleOrId, to, by, tx),
    list: () => entries.all().map((entry) => viewOf(entry, clock.now())),
    find: (handleOrId) => {
      const entry = entries.find(handleOrId)
      return entry && viewOf(entry, clock.now())
    },
    idOf: (handleOrId) => entries.find(handleOrId)?.id,
    stateOf: (id) => stateOf(entries.byId(id), clock.now()),
    aboutOf: (id) => {
      const entry = entries.byId(id)
      return entry && { service: entry.service, handle: entry.handle, restricted: entry.meta.restricted }
    },
    versions: (handleOrId) => credentials.versions(handleOrId),
    rebind: (service, origins, by, tx, each) => credentials.rebind(service, origins, by, tx, each),
    open: (permit) => opener.open(permit),
    slots: () => keyholders.slots(),
    setPassphrase: (passphrase, { only }, by) => keyholders.setPassphrase(passphrase, only, by),
    addKeyFile: (path, by) => keyholders.addKeyFile(path, by),
    removeSlot: (id, by) => keyholders.removeSlot(id, by),
    rotateKek: (by) => rotator.rotate(by),
    kekRotationUnfinished: () => rotator.unfinished,
  }
}

interface ReadModels {
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  readonly cache: OpenedCache
}

/** In the turn of the commit. While sealed there is nothing to follow: load() reads it all after the next unsealing. */
function followChange({ kind, after }: Change, { sealing, entries, cache }: ReadModels): void {
  if (sealing.status().state !== 'unsealed') return
  if (isVaultChange(kind, after)) sealing.renew(after)
  if (!isEntriesChange(kind, after)) return
  for (const id of after.removed) {
    cache.drop(id)
    entries.remove(id)
  }
  for (const entry of after.set) {
    if (kind !== 'rewrap') cache.drop(entry.id)
    entries.set(entry)
  }
}
