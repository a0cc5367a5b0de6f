// What renewals write: leases, the next token set, and why there is none. Its invariant: what a provider gave is sealed in
// the turn in which it came, and is kept, sealed, until the database has it.
import type { Clock } from '../../ground/clock.ts'
import type { CredentialId } from '../../ground/ids.ts'
import type { Actor, Storage, Tx } from '../../storage/storage.ts'
import type { CredentialEntries, Entry } from '../credential-entries.ts'
import type { Credentials } from '../credentials.ts'
import { type Kek, kekNumber, openEnvelope, sealEnvelope } from '../envelope.ts'
import { bindingOf } from '../open-entry.ts'
import type { OpenedCache } from '../opened-cache.ts'
import type { Sealing } from '../sealing.ts'
import { freeLease, freeOthersLeases, hasLeases, takeLease } from '../store.ts'
import type { ConnectionFacts, SealedConnection } from './contract.ts'
import type { RenewalFailure } from './failure.ts'
import type { Cause } from './renewals.ts'
import { bytesOf, type Renewed, withTokens } from './sealed.ts'

export interface KeeperParts {
  readonly storage: Storage
  readonly clock: Clock
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  readonly cache: OpenedCache
  readonly credentials: Credentials
}

/** A lease outlives the longest request for a token. Milliseconds. */
const LEASE_MS = 20_000
/** A token is renewed so long before its end, or when a tenth of its life is left if that is less. Milliseconds. */
const MARGIN_MS = 60_000

const house: Actor = { kind: 'system', id: 'claviger' }

/** A key-encryption key as it was when the request went out: the answer is sealed with it though the vault may be sealed then. */
export interface HeldKek {
  readonly kek: Kek
  readonly installId: Uint8Array
}

export class TokenKeeper {
  readonly #parts: KeeperParts
  readonly #holder: string
  /** Given by a provider and not in the database yet, because it was full or sealed just then: ciphertext. */
  readonly #unwritten = new Map<CredentialId, { readonly entry: Entry; readonly base: number }>()

  constructor(parts: KeeperParts, holder: string) {
    this.#parts = parts
    this.#holder = holder
  }

  async freeOthers(): Promise<void> {
    const { storage } = this.#parts
    if (await storage.read(hasLeases)) await storage.write((tx) => freeOthersLeases(tx, this.#holder))
  }

  kek(): HeldKek {
    const { keyring, settings } = this.#parts.sealing.unlocked()
    return { kek: keyring.kek(settings.kek.primary), installId: keyring.installId }
  }

  /**
   * The credential as the database has it, with the lease on it and the request on record; `taken` while somebody else has
   * the lease; undefined where another token set than `generation` is there already: it is taken over.
   */
  begin(id: CredentialId, generation: number, why: Cause): Promise<Entry | 'taken' | undefined> {
    const { storage, credentials, clock } = this.#parts
    return storage.write(async (tx) => {
      const { entry } = await credentials.stored(tx, id)
      if (this.#tookOver(entry, generation)) return undefined
      if (!(await takeLease(tx, id, this.#holder, clock.now(), LEASE_MS))) return 'taken'
      const { tokenOrigin, kind } = entry.connection as ConnectionFacts
      const ev = { credential: id, handle: entry.handle, connection: kind, tokenOrigin, generation, ...why }
      const record = { type: 'secret.renewing', actor: house, ev }
      await tx.change({ kind: 'renewing', ref: id, record })
      return entry
    })
  }

  /** Seals what came at once, then writes it. Rejects if it cannot be written now; then it is kept, and written later. */
  async keep(
    old: Entry,
    { connection, renewed, held }: { connection: SealedConnection; renewed: Renewed; held: HeldKek },
  ): Promise<void> {
    const { generation } = old.connection as ConnectionFacts
    const facts = this.#nextFacts(old.connection as ConnectionFacts, renewed)
    const bytes = bytesOf(withTokens(connection, renewed))
    const entry = { ...old, connection: facts }
    const envelope = sealEnvelope(held.kek, bindingOf(held.installId, entry), bytes)
    bytes.fill(0)
    this.#unwritten.set(old.id, { entry: { ...entry, envelope }, base: generation })
    await this.#write(old.id)
  }

  /** Writes what could not be written before. False if there is nothing. */
  async keptMeanwhile(id: CredentialId): Promise<boolean> {
    if (!this.#unwritten.has(id)) return false
    await this.#write(id)
    return true
  }

  /** Marks what a human must mend; `first`: the failures before it were told already. */
  async failed({ id }: Entry, { verdict, reason }: RenewalFailure, first: boolean): Promise<void> {
    const { storage, credentials } = this.#parts
    await storage.write(async (tx) => {
      await freeLease(tx, id)
      const { entry } = await credentials.stored(tx, id)
      const { connection, handle, service } = entry
      if (connection === undefined) return
      if (verdict === 'refused') {
        const marked = { ...entry, connection: { ...connection, needsReauth: reason } }
        await credentials.put(tx, marked, 'secret.needs_reauth', house, 'connection')
      } else if (first) {
        const ev = { what: 'credential.refresh_failed', credential: id, handle, service, reason }
        await tx.change({ kind: 'renewing', ref: id, record: { type: 'secret.renewal_failed', actor: house, ev } })
      }
    })
  }

  async #write(id: CredentialId): Promise<void> {
    const unwritten = this.#unwritten.get(id)
    if (unwritten === undefined) return
    // Urgent: what is lost here cannot be had again.
    try {
      await this.#parts.storage.write((tx) => this.#put(tx, unwritten), { urgent: true })
    } catch (error) {
      if ((error as { code?: string }).code !== 'credential_unknown') throw error
    }
    this.#unwritten.delete(id)
  }

  /** Sealed anew for the origins and under the key that the credential has by now. */
  async #put(tx: Tx, { entry: given, base }: { readonly entry: Entry; readonly base: number }): Promise<void> {
    const { credentials, sealing } = this.#parts
    await freeLease(tx, given.id)
    const { entry: stored } = await credentials.stored(tx, given.id)
    if (this.#tookOver(stored, base)) return
    const { keyring } = sealing.unlocked()
    const number = kekNumber(given.envelope) ?? 0
    const bytes = openEnvelope(keyring.kek(number), bindingOf(keyring.installId, given), given.envelope)
    if (bytes === undefined) throw new TypeError('vault: what was sealed for a credential does not open')
    const entry = credentials.sealed({ ...stored, connection: given.connection }, bytes)
    bytes.fill(0)
    await credentials.put(tx, entry, 'secret.renewed', house, 'connection')
  }

  /** Another process has written the next token set: it is ours, too. */
  #tookOver(stored: Entry, generation: number): boolean {
    if (stored.connection?.generation === generation) return false
    this.#parts.cache.drop(stored.id)
    this.#parts.entries.set(stored)
    return true
  }

  #nextFacts(old: ConnectionFacts, { endsAt }: Renewed): ConnectionFacts {
    const now = this.#parts.clock.now()
    const { kind, tokenOrigin, generation } = old
    return { kind, tokenOrigin, generation: generation + 1, endsAt, renewAt: renewalTime(endsAt, now), renewedAt: now }
  }
}

/** When a token that was had now is to be renewed. */
export function renewalTime(endsAt: number, now: number): number {
  return Math.max(0, endsAt - Math.min(MARGIN_MS, Math.max(0, (endsAt - now) / 10)))
}
