/**
 * The keys that tokens are signed with: next → active → retiring → revoked (CRYPTO §7).
 *
 * Owns: the table of schema.ts, the key set that others verify with, and when a key takes the place of another.
 * Invariant: a key signs only after it was listed for as long as anybody may keep an older key set, and is listed for as
 * long as a token that it signed may live; but for a revocation, after which nothing it signed is believed here again.
 * Refuses: to keep the private half of a key that signs no more; to give out one that is in a token.
 */
import type { KeyObject } from 'node:crypto'
import type { Es256Signer } from '../../crypto/es256-signer.ts'
import type { Clock } from '../../ground/clock.ts'
import { Problem } from '../../ground/problem.ts'
import { storageProblem } from '../../storage/problems.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import { rowIn } from './changes.ts'
import { type PublicJwk, type SigningKeyView, signingProblem } from './contract.ts'
import type { Hsm, Places } from './key-maker.ts'
import { type Entry, KeySet } from './key-set.ts'
import { isHsmProblem, Rotator } from './rotator.ts'
import { loadSigningKeys } from './store.ts'

export interface SigningKeysOptions extends Omit<Places, 'hsm'> {
  readonly storage: Storage
  readonly clock: Clock
  /** Where keys are made and sign, instead of the vault. It is closed with the room. */
  readonly hsm?: Hsm | undefined
  /** How long a key signs. */
  readonly rotateMs: number
  /** The longest life that any token signed with these keys is given now. */
  readonly longestTokenLifeMs: number
  /** Told, once each, of what could not be done and is tried again. */
  readonly onTrouble: (error: Error) => void
}

/** How often it is looked whether something is due. */
const LOOK_MS = 30_000

export class SigningKeys {
  readonly #options: SigningKeysOptions
  readonly #set: KeySet
  readonly #rotator: Rotator
  #loaded = false
  #timer: NodeJS.Timeout | undefined
  /** Ends when nothing is being changed. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: SigningKeysOptions) {
    this.#options = options
    this.#set = new KeySet(options.clock)
    this.#rotator = new Rotator({ hsm: undefined, ...options, set: this.#set })
    options.storage.follow((change) => {
      const row = rowIn(change)
      if (!row || !this.#loaded) return
      this.#set.put(row)
      if (row.status === 'retiring' || row.status === 'revoked') this.#rotator.forget(row.id)
    })
  }

  /** The key that signs now. Throws Problem `vault_sealed`, `signing_key_missing`. */
  active(): Es256Signer {
    this.#requireLoaded()
    const [entry] = this.#set.of('active')
    const signer = entry && this.#rotator.signer(entry)
    if (!signer) throw signingProblem('signing_key_missing', { facts: { retryAfterSeconds: 1 } })
    return signer
  }

  /** The key that a token names; undefined if it is revoked, or none of ours, or the vault is sealed. */
  find(kid: string): { readonly key: KeyObject; readonly status: 'next' | 'active' | 'retiring' } | undefined {
    return this.#set.get(kid)?.live
  }

  /** The key set (RFC 7517 §5). Throws Problem `vault_sealed`. */
  jwks(): { keys: readonly PublicJwk[] } {
    this.#requireLoaded()
    return { keys: this.#set.keys }
  }

  /** The same as JSON, made when a key changed last. Throws Problem `vault_sealed`. */
  jwksBytes(): Buffer {
    this.#requireLoaded()
    return this.#set.bytes
  }

  /** Oldest first. Throws Problem `vault_sealed`. */
  list(): SigningKeyView[] {
    this.#requireLoaded()
    const entries = [...this.#set.all()].sort((a, b) => a.row.created_at - b.row.created_at)
    return entries.map((entry) => viewOf(entry, this.#options.rotateMs))
  }

  /**
   * Puts the next key in the place of the active one; what that one signed stays good. In an emergency every key is
   * revoked with everything it signed, and new ones sign at once, known within a minute to those who verify elsewhere.
   * Throws Problem `signing_key_too_new` (with `retryAfterSeconds`), `signing_key_missing`, and what an HSM says.
   */
  rotate(by: Actor, { emergency = false }: { readonly emergency?: boolean } = {}): Promise<void> {
    return this.#inTurn(() => (emergency ? this.#rotator.replaceAll(by) : this.#rotator.rotate(by)))
  }

  /** Revokes one key; twice is no error. The next key follows an active one at once. Throws Problem `signing_key_unknown`. */
  revoke(kid: string, by: Actor): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#set.get(kid)
      if (!entry) throw signingProblem('signing_key_unknown')
      if (entry.live) await this.#rotator.revoke(entry, by)
    })
  }

  /**
   * Fills the memory, after the vault was unsealed. `bad`: rows whose MAC does not hold, or whose key is not the one that
   * their id names; they are left out. Throws Problem `vault_sealed` without the key of the rows.
   */
  async load(): Promise<{ bad: string[] }> {
    this.clear()
    const { rows, bad } = await loadSigningKeys(this.#options.storage)
    for (const row of rows) if (!this.#set.put(row, true)) bad.push(row.id)
    this.#loaded = true
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
    return { bad }
  }

  /** Forgets every key, when the vault is sealed. */
  clear(): void {
    clearInterval(this.#timer)
    this.#loaded = false
    this.#set.clear()
    this.#rotator.forget()
  }

  /**
   * Does what is due: makes the first keys, rotates, ends what is over, goes on where a crash interrupted. Called after
   * unsealing, and from then on by itself. An HSM that does not answer is reported and asked again later.
   */
  async settle(): Promise<void> {
    if (!this.#loaded) return
    await this.#inTurn(() => this.#rotator.settle()).catch((error) => {
      const sealed = error instanceof Problem && error.code === 'vault_sealed'
      if (!sealed && !isHsmProblem(error)) throw error
      if (!sealed) this.#rotator.tell(error)
    })
  }

  /** Waits for what is being changed, forgets every key and closes the HSM. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#turn
    this.clear()
    await this.#options.hsm?.close()
  }

  #look(): void {
    this.settle().catch((error: Error) => this.#rotator.tell(error))
  }

  #requireLoaded(): void {
    if (!this.#loaded) throw storageProblem('vault_sealed')
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => {
      this.#requireLoaded()
      return work()
    })
    this.#turn = done.catch(() => {})
    return done
  }
}

export function createSigningKeys(options: SigningKeysOptions): SigningKeys {
  return new SigningKeys(options)
}

function viewOf({ row }: Entry, rotateMs: number): SigningKeyView {
  const { status, place, active_at: activeAt, retired_at: retiredAt, ends_at: endsAt, revoked_at: revokedAt } = row
  return {
    kid: row.id,
    status,
    place,
    createdAt: row.created_at,
    ...(activeAt !== null && { activeAt }),
    ...(status === 'active' && activeAt !== null && { rotatesAt: activeAt + rotateMs }),
    ...(retiredAt !== null && { retiredAt }),
    ...(endsAt !== null && { endsAt }),
    ...(revokedAt !== null && { revokedAt }),
    ...(row.reason !== null && { reason: row.reason }),
  }
}
