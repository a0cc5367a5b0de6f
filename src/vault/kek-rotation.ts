/**
 * Rotating the key-encryption key: a new generation becomes primary, every data key is rewrapped in batches, and the old
 * generations are retired when none is left under them. Each step is a transaction of its own and both generations are
 * alive in between, so a crash at any point leaves every credential readable and the next call goes on from there.
 */
import type { CredentialId } from '../ground/ids.ts'
import type { Actor, Storage, Tx } from '../storage/storage.ts'
import type { KekRotation } from './contract.ts'
import { type CredentialEntries, type Entry, entryOf } from './credential-entries.ts'
import { kekNumber, rewrapEnvelope } from './envelope.ts'
import type { Keyholders } from './keyholders.ts'
import { bindingOf } from './open-entry.ts'
import type { Sealing } from './sealing.ts'
import { countUnderOthers, getCredential, getVersion, putVersion, versionsUnderOthers } from './store.ts'

/** Credentials in one transaction. */
export const BATCH = 100

export interface RotationParts {
  readonly storage: Storage
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  readonly keyholders: Keyholders
}

export class KekRotator {
  readonly #parts: RotationParts
  #running: Promise<KekRotation> | undefined

  constructor(parts: RotationParts) {
    this.#parts = parts
  }

  /** Whether a rotation was begun and not finished. */
  get unfinished(): boolean {
    return this.#kek().alive.length > 1
  }

  /** Finishes the rotation that is under way, or makes a new generation and rotates to it. One at a time. */
  rotate(by: Actor): Promise<KekRotation> {
    this.#running ??= this.#rotate(by).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #rotate(by: Actor): Promise<KekRotation> {
    if (!this.unfinished) await this.#begin(by)
    const rewrapped = await this.#rewrapAll(by)
    const remaining = await this.#retire(by)
    return { primary: this.#kek().primary, rewrapped, remaining }
  }

  async #begin(by: Actor): Promise<void> {
    await this.#parts.storage.write((tx) =>
      this.#parts.keyholders.changeSettings(tx, 'key.kek_begun', by, (settings) => {
        const primary = Math.max(...settings.kek.alive) + 1
        return { ...settings, kek: { primary, alive: [...settings.kek.alive, primary] } }
      }),
    )
  }

  async #rewrapAll(by: Actor): Promise<number> {
    let after = ''
    let total = 0
    for (;;) {
      const { primary } = this.#kek()
      const ids = await this.#parts.storage.read((db) => versionsUnderOthers(db, primary, after, BATCH))
      if (ids.length === 0) return total
      total += await this.#parts.storage.write((tx) => this.#rewrap(tx, ids, by))
      after = ids.at(-1)!
    }
  }

  /** What cannot be rewrapped is left as it is: it is counted in the end, and keeps its generation alive. */
  async #rewrap(tx: Tx, ids: readonly string[], by: Actor): Promise<number> {
    const set: Entry[] = []
    for (const id of ids) {
      const entry = await this.#rewrapOne(tx, id)
      if (entry) set.push(entry)
    }
    if (set.length === 0) return 0
    const { primary } = this.#kek()
    const record = { type: 'key.rewrapped', actor: by, ev: { kek: primary, count: set.length } }
    await tx.change({ kind: 'rewrap', ref: 'kek', after: { set, removed: [] }, record })
    return set.length
  }

  async #rewrapOne(tx: Tx, id: string): Promise<Entry | undefined> {
    const { keyring, settings } = this.#parts.sealing.unlocked()
    const version = await believedOrNone(() => getVersion(tx, id))
    const row = version && (await believedOrNone(() => getCredential(tx, version.credential as CredentialId)))
    if (!version?.envelope || !row || row.version !== version.version) return undefined
    const number = kekNumber(version.envelope)
    if (number === undefined || !settings.kek.alive.includes(number)) return undefined
    const old = entryOf(row, version)
    const [from, to] = [keyring.kek(number), keyring.kek(settings.kek.primary)]
    const envelope = rewrapEnvelope(from, to, bindingOf(keyring.installId, old), version.envelope)
    if (envelope === undefined) return undefined
    await putVersion(tx, { ...version, kek: to.number, envelope })
    return { ...old, envelope, failed: this.#parts.entries.byId(old.id)?.failed ?? false }
  }

  /** Retires the old generations if no version is under one of them, by what the database and what the envelopes say. */
  async #retire(by: Actor): Promise<number> {
    return this.#parts.storage.write(async (tx) => {
      const { primary } = this.#kek()
      const stored = await countUnderOthers(tx.db, primary)
      const held = this.#parts.entries.all().filter((entry) => kekNumber(entry.envelope) !== primary).length
      const remaining = Math.max(stored, held)
      if (remaining > 0) return remaining
      await this.#parts.keyholders.changeSettings(tx, 'key.kek_retired', by, (settings) => ({
        ...settings,
        kek: { primary, alive: [primary] },
      }))
      return 0
    })
  }

  #kek() {
    return this.#parts.sealing.unlocked().settings.kek
  }
}

/** A row that other hands changed is passed over here: its credential is disabled already. */
async function believedOrNone<T>(get: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await get()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'row_tampered') return undefined
    throw error
  }
}
