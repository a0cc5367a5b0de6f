// Where the secrets of this door lie: in the vault, as credentials that carry the reference by which its services name them.
// One of each service that names it, since a credential opens for one service's origins alone; and where no service names
// it yet, one that opens for nobody.

import type { ServiceId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import { Secret } from '../../ground/secret.ts'
import type { Actor, Tx } from '../../storage/storage.ts'
import { type DoorCredential, PARKED, REF_META } from './contract.ts'
import { type Made, VAULT_ADMIN, type VaultNeeds } from './needs.ts'
import { refused } from './refusal.ts'

/** A service of the house, as far as a secret is bound to it. */
export interface BoundService {
  readonly id: ServiceId
  readonly name: string
  readonly originHrefs: readonly string[]
}

type SecretNeeds = Pick<VaultNeeds, 'book' | 'vault' | 'grants'>

export class DoorSecrets {
  readonly #needs: SecretNeeds

  readonly #by: Actor
  readonly #meta: Readonly<Record<string, string>>

  constructor(needs: SecretNeeds, { by = VAULT_ADMIN, meta = {} }: Partial<Made> = {}) {
    this.#needs = needs
    this.#by = by
    this.#meta = meta
  }

  /** Whether what is sealed here stays: what `made` brings from elsewhere is older. */
  stays(ref: string, made: Made | undefined): boolean {
    return made !== undefined && this.#needs.book.credentials(ref).length > 0
  }

  /** Sees to it that the service has the secret of its reference, if there is one. */
  async give(ref: string, service: BoundService, tx: Tx): Promise<void> {
    const all = this.#needs.book.credentials(ref)
    if (all.some((one) => one.service === service.id)) return
    const [first] = all
    if (first === undefined) return
    const parked = all.find((one) => one.service === PARKED)
    const handle = parked === undefined ? this.#freeHandle(`${ref}.${service.name}`) : undefined
    const to = { service: service.id, origins: service.originHrefs, handle }
    await this.#needs.vault.assign((parked ?? first).id, to, this.#by, tx)
  }

  /**
   * A new value in the place of every one that is there; `services` are those that name it and have none. `code`: how a
   * value is refused that no request can carry.
   */
  async put(ref: string, text: string, services: readonly BoundService[], code: string, tx: Tx): Promise<void> {
    const secret = Secret.fromText(text)
    try {
      const all = this.#needs.book.credentials(ref)
      for (const { id } of all) await this.#needs.vault.rotate(id, { secret }, this.#by, tx)
      const without = services.filter((service) => !all.some((one) => one.service === service.id))
      const parked = all.find((one) => one.service === PARKED)
      if (all.length === 0 && without.length === 0) await this.#store(ref, ref, PARKED, [], secret, tx)
      for (const [at, service] of without.entries()) {
        const { id, originHrefs: origins } = service
        const own = at === 0 && all.length === 0 ? ref : `${ref}.${service.name}`
        await this.#store(ref, own, id, origins, secret, tx)
      }
      if (parked !== undefined && without.length > 0) await this.#needs.vault.remove(parked.id, this.#by, tx)
    } catch (error) {
      throw error instanceof Problem && SECRET_PROBLEMS.has(error.code) ? refused(code) : error
    } finally {
      secret.wipe()
    }
  }

  /** Takes a reference away, with everything that was given on it. */
  async remove(ref: string, tx: Tx): Promise<void> {
    for (const one of this.#needs.book.credentials(ref)) await this.#drop(one, tx)
  }

  /** Of one service: with it, or because it names another reference now; what nobody names any more is gone. */
  async removeOf(service: ServiceId, tx: Tx): Promise<void> {
    for (const one of this.#needs.book.credentials()) if (one.service === service) await this.#drop(one, tx)
  }

  /** The service names another reference: the secret stays, for whoever names it next. */
  async release(service: ServiceId, tx: Tx): Promise<void> {
    for (const one of this.#needs.book.credentials()) {
      if (one.service !== service) continue
      const others = this.#needs.book.credentials(one.ref).length > 1
      await this.#needs.grants.revokeOfCredential(one.id, this.#by, tx)
      if (others) await this.#needs.vault.remove(one.id, this.#by, tx)
      else await this.#needs.vault.assign(one.id, { service: PARKED, origins: [] }, this.#by, tx)
    }
  }

  async #drop({ id }: DoorCredential, tx: Tx): Promise<void> {
    await this.#needs.grants.revokeOfCredential(id, this.#by, tx)
    await this.#needs.vault.remove(id, this.#by, tx)
  }

  async #store(
    ref: string,
    wanted: string,
    service: ServiceId,
    origins: readonly string[],
    secret: Secret,
    tx: Tx,
  ): Promise<void> {
    const input = {
      handle: this.#freeHandle(wanted),
      service,
      origins,
      secret,
      meta: { ...this.#meta, [REF_META]: ref },
    }
    await this.#needs.vault.store(input, this.#by, tx)
  }

  /** Handles are the whole house's: what somebody else calls so is not this door's to touch. */
  #freeHandle(wanted: string): string {
    const short = wanted.slice(0, 60).replace(/[^A-Za-z0-9]+$/, '')
    if (this.#needs.vault.find(short) === undefined) return short
    for (let n = 2; n < 100; n++) if (this.#needs.vault.find(`${short}.${n}`) === undefined) return `${short}.${n}`
    throw refused('SECRETREF_INVALID')
  }
}

const SECRET_PROBLEMS = new Set([
  'secret_too_short',
  'secret_too_long',
  'secret_is_placeholder',
  'credential_not_header_safe',
  'metadata_holds_secret',
])
