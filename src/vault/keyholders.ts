/**
 * Who can open the vault: makes the first keyslot, opens with any, adds, replaces and takes away.
 * Invariant: at least one slot, and no slot that was not made here; every change of them is verified against what lies in
 * the database inside the transaction that writes it.
 */
import { randomBytes } from 'node:crypto'
import { type Argon2idCost, newArgon2id, newHkdf } from '../crypto/phc.ts'
import type { Clock } from '../ground/clock.ts'
import type { Secret } from '../ground/secret.ts'
import type { Actor, Storage, Tx } from '../storage/storage.ts'
import { type Opener, type SlotView, vaultProblem } from './contract.ts'
import { readOrCreateKeyFile } from './key-file.ts'
import { Keyring } from './keyring.ts'
import { makeSlot, type Slot } from './keyslot.ts'
import { checkPassphrase, passphraseBytes } from './passphrase.ts'
import type { Sealing } from './sealing.ts'
import { readVault, writeVault } from './store.ts'
import { believed, MAX_SLOTS, newSettings, storedForm, unlock, unlockedWith } from './unlock.ts'
import type { Settings } from './vault-settings.ts'

export interface KeyholderParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly sealing: Sealing
  /** What stretching a new passphrase costs. */
  readonly kdf: Argon2idCost | undefined
}

/** What a change of settings or slots hands to the followers in this process. */
export interface VaultChange {
  readonly settings: Settings
  readonly slots: readonly Slot[]
}

const SYSTEM: Actor = { kind: 'system', id: 'vault' }

export class Keyholders {
  readonly #parts: KeyholderParts

  constructor(parts: KeyholderParts) {
    this.#parts = parts
  }

  /** Makes the root key and the first slot; the vault is open afterwards. A key file is made if it is not there. */
  async initialise(opener: Opener): Promise<void> {
    await this.#parts.sealing.attempt('uninitialised', async () => {
      const rootBytes = randomBytes(32)
      // The database's own id: known while sealed, so that the log can begin its chain with it.
      const keyring = new Keyring(rootBytes, Buffer.from(this.#parts.storage.instanceId, 'hex'))
      const settings = newSettings(keyring, randomBytes(32))
      const slot = await this.#slotFor(keyring, opener)
      await this.#parts.storage.write(async (tx) => {
        if ((await readVault(tx.db)) !== undefined) throw vaultProblem('vault_already_initialised')
        await writeVault(tx.db, storedForm(keyring, settings, [slot]))
        await this.#record(tx, 'key.initialised', SYSTEM, { settings, slots: [slot] }, slot)
      })
      return unlockedWith(keyring, settings, [slot])
    })
  }

  /** Throws as unlock() does. Slots or settings that other hands changed leave the vault sealed with `integrity`. */
  async unseal(opener: Opener): Promise<void> {
    const { sealing, storage } = this.#parts
    await sealing.attempt('sealed', async () => {
      try {
        const stored = await storage.read(readVault)
        if (stored === undefined || stored === 'damaged') throw vaultProblem('vault_integrity_failed')
        return await unlock(stored, opener)
      } catch (error) {
        if (isIntegrityFailure(error)) sealing.seal('integrity')
        throw error
      }
    })
  }

  /** Puts a new passphrase in the place of the old; with `only`, in the place of every other slot too. */
  async setPassphrase(passphrase: Secret, only: boolean, by: Actor): Promise<void> {
    const slot = await this.#slotFor(this.#parts.sealing.unlocked().keyring, { passphrase })
    await this.#change('key.passphrase_set', by, slot, (slots) =>
      only ? [slot] : [...slots.filter((each) => each.type !== 'passphrase'), slot],
    )
  }

  /** Adds a slot for a key file, which is made if it is not there. */
  async addKeyFile(path: string, by: Actor): Promise<void> {
    const slot = await this.#slotFor(this.#parts.sealing.unlocked().keyring, { keyFile: path })
    await this.#change('key.slot_added', by, slot, (slots) => [...slots, slot])
  }

  /** Takes a slot away. Throws Problem `slot_unknown`, `slot_is_last`. */
  async removeSlot(id: string, by: Actor): Promise<void> {
    const gone = this.#parts.sealing.unlocked().slots.find((slot) => slot.id === id)
    if (gone === undefined) throw vaultProblem('slot_unknown')
    await this.#change('key.slot_removed', by, gone, (slots) => slots.filter((slot) => slot.id !== id))
  }

  slots(): SlotView[] {
    const { slots } = this.#parts.sealing.unlocked()
    return slots.map(({ id, type, kdf, created }) => ({ id, type, kdf: withoutSalt(kdf), createdAt: created }))
  }

  /** Changes settings in a transaction that the caller runs; the followers renew what is unlocked. */
  async changeSettings(tx: Tx, type: string, by: Actor, change: (settings: Settings) => Settings): Promise<void> {
    const { keyring } = this.#parts.sealing.unlocked()
    const { settings, slots } = await this.#believed(tx, keyring)
    const next = change(settings)
    await writeVault(tx.db, storedForm(keyring, next, slots))
    await this.#record(tx, type, by, { settings: next, slots })
  }

  async #change(type: string, by: Actor, slot: Slot, change: (slots: readonly Slot[]) => Slot[]): Promise<void> {
    await this.#parts.storage.write(async (tx) => {
      const { keyring } = this.#parts.sealing.unlocked()
      const { settings, slots } = await this.#believed(tx, keyring)
      const next = change(slots)
      if (next.length === 0) throw vaultProblem('slot_is_last')
      if (next.length > MAX_SLOTS) throw vaultProblem('slots_full')
      await writeVault(tx.db, storedForm(keyring, settings, next))
      await this.#record(tx, type, by, { settings, slots: next }, slot)
    })
  }

  async #believed(tx: Tx, keyring: Keyring) {
    const stored = await readVault(tx.db)
    if (stored === undefined || stored === 'damaged') throw vaultProblem('vault_integrity_failed')
    return believed(keyring, stored)
  }

  async #slotFor(keyring: Keyring, opener: Opener): Promise<Slot> {
    const { clock, storage, kdf } = this.#parts
    const { type, input } = await presented(opener)
    const head = { created: clock.now(), epoch: storage.epoch(), type }
    try {
      const text = type === 'file' ? newHkdf() : newArgon2id(kdf)
      return await keyring.withRoot((root) => makeSlot({ ...head, kdf: text }, input, root))
    } finally {
      input.fill(0)
    }
  }

  async #record(tx: Tx, type: string, by: Actor, after: VaultChange, slot?: Slot): Promise<void> {
    const { kek } = after.settings
    const slots = after.slots.map(({ id }) => id)
    const ev = slot ? { slot: slot.id, type: slot.type, slots } : { kek: kek.primary, alive: kek.alive }
    await tx.change({ kind: 'vault', ref: slot?.id ?? 'kek', after, record: { type, actor: by, ev } })
  }
}

/** What the holder of a new slot presents. A passphrase passes the gate first. */
async function presented(opener: Opener): Promise<{ type: 'file' | 'passphrase'; input: Buffer }> {
  if ('keyFile' in opener) {
    return { type: 'file', input: (await readOrCreateKeyFile(opener.keyFile)).reveal() }
  }
  await checkPassphrase(opener.passphrase)
  const input = passphraseBytes(opener.passphrase)
  if (input === undefined) throw vaultProblem('passphrase_too_long')
  return { type: 'passphrase', input }
}

function withoutSalt(kdf: string): string {
  return kdf.slice(0, kdf.lastIndexOf('$'))
}

function isIntegrityFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'vault_integrity_failed'
}

export function isVaultChange(kind: string, after: unknown): after is VaultChange {
  return kind === 'vault' && typeof after === 'object' && after !== null
}
