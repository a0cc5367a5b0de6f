import type { Clock } from '../ground/clock.ts'
import type { CredentialId } from '../ground/ids.ts'
import { Secret } from '../ground/secret.ts'
import type { Permit } from '../policy/permit.ts'
import { connectionOf, otherSecrets } from './connections/sealed.ts'
import { type OpenedCredential, vaultProblem } from './contract.ts'
import { type CredentialEntries, type Entry, isExpired } from './credential-entries.ts'
import { hashOrigins } from './envelope.ts'
import { openEntry } from './open-entry.ts'
import type { OpenedCache } from './opened-cache.ts'
import type { Sealing } from './sealing.ts'

export interface OpeningParts {
  readonly clock: Clock
  readonly sealing: Sealing
  readonly entries: CredentialEntries
  readonly cache: OpenedCache
  /** True once for each permit that the gate minted. */
  readonly redeem: (permit: Permit) => boolean
  readonly onIntegrityFailure: (credential: CredentialId) => void
}

/** The one way to a secret: takes a permit, uses it up, and gives what it names. */
export class PermitOpener {
  readonly #parts: OpeningParts
  /** Services keep one frozen array of origins, so that its hash need not be made for every call. */
  readonly #hashes = new WeakMap<readonly string[], Buffer>()

  constructor(parts: OpeningParts) {
    this.#parts = parts
  }

  /**
   * Undefined for a call that carries no credential; its permit is used up too. Throws Problem `vault_sealed` (the permit
   * stays good), `permit_refused`, `credential_unknown`, `credential_expired`, `credential_origins_changed`,
   * `integrity_failed`.
   */
  open(permit: Permit): OpenedCredential | undefined {
    const { sealing, redeem, cache } = this.#parts
    sealing.unlocked()
    if (!redeem(permit)) throw vaultProblem('permit_refused')
    if (permit.credential === undefined) return undefined
    const entry = this.#usable(permit, permit.credential)
    return cache.use(entry.id, entry.version) ?? this.#decrypt(entry)
  }

  /** Disables a credential until it is rotated or removed, and raises the alarm. */
  fail(entry: Entry): void {
    this.#parts.cache.drop(entry.id)
    this.#parts.entries.set({ ...entry, failed: true })
    this.#parts.onIntegrityFailure(entry.id)
  }

  #usable(permit: Permit, id: CredentialId): Entry {
    const entry = this.#parts.entries.byId(id)
    if (entry === undefined) throw vaultProblem('credential_unknown')
    if (entry.failed) throw vaultProblem('integrity_failed')
    if (entry.service !== permit.call.service) throw vaultProblem('credential_unknown')
    if (isExpired(entry, this.#parts.clock.now())) {
      this.#parts.cache.drop(id)
      throw vaultProblem('credential_expired')
    }
    this.#checkToken(entry)
    // Not a failure of the credential: the origins may have been changed while the permit was on its way.
    if (!this.#hash(permit.origins).equals(entry.originsHash)) throw vaultProblem('credential_origins_changed')
    return entry
  }

  /** A connection whose token is over was not renewed: prepare() said why, or was not asked. */
  #checkToken({ id, connection }: Entry): void {
    if (connection === undefined) return
    if (connection.needsReauth !== undefined) {
      throw vaultProblem('credential_needs_reauth', { facts: { reason: connection.needsReauth } })
    }
    if (connection.endsAt === undefined || this.#parts.clock.now() < connection.endsAt) return
    this.#parts.cache.drop(id)
    throw vaultProblem('credential_refresh_failed', { facts: { reason: 'token_ended' } })
  }

  #decrypt(entry: Entry): OpenedCredential {
    const bytes = openEntry(this.#parts.sealing.unlocked(), entry)
    if (bytes === undefined) {
      this.fail(entry)
      throw vaultProblem('integrity_failed')
    }
    const { id, handle, version, connection } = entry
    const known = { id, handle, version }
    if (connection === undefined) return this.#parts.cache.keep(Object.freeze({ ...known, value: new Secret(bytes) }))
    const sealed = connectionOf(bytes)
    bytes.fill(0)
    const value = Secret.fromText(sealed.accessToken ?? '')
    const others = Object.freeze(otherSecrets(sealed))
    const generation = connection.fixed === true ? undefined : connection.generation
    return this.#parts.cache.keep(Object.freeze({ ...known, value, others, generation }))
  }

  #hash(origins: readonly string[]): Buffer {
    const known = this.#hashes.get(origins)
    if (known) return known
    const hash = hashOrigins(origins)
    if (Object.isFrozen(origins)) this.#hashes.set(origins, hash)
    return hash
  }
}
