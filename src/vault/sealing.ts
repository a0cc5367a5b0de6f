import { Problem } from '../ground/problem.ts'
import { type SealReason, type VaultStatus, vaultProblem } from './contract.ts'
import type { Unlocked } from './unlock.ts'

/** After an attempt with the wrong key, milliseconds. */
const PAUSE_MS = 1_000

/**
 * Whether the vault is open: `uninitialised → sealed → unsealing → unsealed → sealing → sealed`.
 * Owns what is unlocked; nobody else keeps it. An attempt to unseal during which somebody seals comes to nothing.
 */
export class Sealing {
  #status: VaultStatus
  #unlocked: Unlocked | undefined
  /** The attempt that runs, and where it began. */
  #attempt: { readonly before: VaultStatus } | undefined
  #notBefore = Number.NEGATIVE_INFINITY
  readonly #listeners: ((status: VaultStatus) => void)[] = []
  readonly #mono: () => number

  constructor(status: VaultStatus, mono: () => number) {
    this.#status = status
    this.#mono = mono
  }

  status(): VaultStatus {
    return this.#status
  }

  /** Called with each new status, after it holds. */
  watch(listener: (status: VaultStatus) => void): void {
    this.#listeners.push(listener)
  }

  /** What is unlocked. Throws Problem `vault_sealed`, or `vault_not_initialised`. */
  unlocked(): Unlocked {
    if (this.#unlocked) return this.#unlocked
    if (this.#status.state === 'uninitialised') throw vaultProblem('vault_not_initialised')
    throw vaultProblem('vault_sealed', this.#status.reason && { facts: { reason: this.#status.reason } })
  }

  /** After a commit that changed settings or slots. Nothing happens if the vault was sealed meanwhile. */
  renew(change: Partial<Unlocked>): void {
    if (this.#unlocked) this.#unlocked = { ...this.#unlocked, ...change }
  }

  /**
   * Runs one attempt to unlock, from the state `from`. Throws what `work` throws, with the state as it was before, unless
   * `work` itself sealed it; Problem `unseal_in_progress`, `unseal_too_soon`, `vault_not_sealed`,
   * `vault_already_initialised`, `vault_not_initialised`; `vault_sealed` if somebody sealed meanwhile.
   */
  async attempt(from: 'uninitialised' | 'sealed', work: () => Promise<Unlocked>): Promise<void> {
    this.#requireState(from)
    const attempt = { before: this.#status }
    this.#attempt = attempt
    this.#set({ state: 'unsealing' })
    try {
      const unlocked = await work()
      if (this.#attempt !== attempt) throw vaultProblem('vault_sealed')
      this.#attempt = undefined
      this.#unlocked = unlocked
      this.#set({ state: 'unsealed' })
    } catch (error) {
      if (error instanceof Problem && error.code === 'unseal_failed') this.#notBefore = this.#mono() + PAUSE_MS
      if (this.#attempt === attempt) {
        this.#attempt = undefined
        this.#set(attempt.before)
      }
      throw error
    }
  }

  /** Drops everything at once. Before there are keys nothing happens; an alarm's reason is not covered by a lesser one. */
  seal(reason: SealReason): void {
    if (this.#status.state === 'uninitialised') return
    if (this.#status.state === 'sealed' && (reason === 'operator' || reason === 'boot')) return
    this.#attempt = undefined
    if (this.#unlocked) this.#set({ state: 'sealing', reason })
    this.#unlocked = undefined
    this.#set({ state: 'sealed', reason })
  }

  #requireState(from: 'uninitialised' | 'sealed'): void {
    const { state } = this.#status
    if (state === 'unsealing') throw vaultProblem('unseal_in_progress')
    if (state !== from) {
      if (from === 'uninitialised') throw vaultProblem('vault_already_initialised')
      throw vaultProblem(state === 'uninitialised' ? 'vault_not_initialised' : 'vault_not_sealed')
    }
    if (this.#mono() < this.#notBefore) throw vaultProblem('unseal_too_soon')
  }

  #set(status: VaultStatus): void {
    this.#status = status
    for (const listener of this.#listeners) listener(status)
  }
}
