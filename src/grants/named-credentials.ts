import type { CredentialId } from '../ground/ids.ts'
import type { Grant } from './contract.ts'

type Naming = Pick<Grant, 'credentials' | 'reach' | 'revokedAt'>

/**
 * Which credentials grants name: a grant that names none does not give those. A credential stays named when the grant that
 * named it is revoked, so that taking a grant back opens nothing to others, unless its metadata says `restricted=false`.
 */
export class NamedCredentials {
  /** By how many live grants. */
  readonly #live = new Map<CredentialId, number>()
  readonly #once = new Set<CredentialId>()

  note(grant: Naming): void {
    if (grant.reach !== 'named') return
    for (const credential of grant.credentials) {
      this.#once.add(credential)
      if (grant.revokedAt === undefined) this.#live.set(credential, (this.#live.get(credential) ?? 0) + 1)
    }
  }

  /** Another version of the grant comes in its place. */
  forget(grant: Naming): void {
    if (grant.reach !== 'named' || grant.revokedAt !== undefined) return
    for (const credential of grant.credentials) {
      const left = (this.#live.get(credential) ?? 1) - 1
      if (left > 0) this.#live.set(credential, left)
      else this.#live.delete(credential)
    }
  }

  /** Whether the credential is kept from grants that do not name it; `restricted` is what its metadata says. */
  keeps(credential: CredentialId, restricted: string | undefined): boolean {
    if (restricted === 'true' || this.#live.has(credential)) return true
    return this.#once.has(credential) && restricted !== 'false'
  }

  clear(): void {
    this.#live.clear()
    this.#once.clear()
  }
}
