import { Problem } from '../../ground/problem.ts'

export interface RefusalOptions {
  readonly status?: number | undefined
  readonly retryAfterSeconds?: number | undefined
  readonly onRecord?: boolean
}

/**
 * A refusal in the contract's own words: `error` is the whole of what the client reads. Its status is the route's, which
 * has one for every failure (agentic-credential-vault.md §1), unless one is given.
 */
export class VaultRefusal extends Problem {
  readonly error: string
  readonly ownStatus: number | undefined
  readonly retryAfterSeconds: number | undefined
  /** The gate refused it, and it is on record. */
  readonly onRecord: boolean

  constructor(error: string, { status, retryAfterSeconds, onRecord = false }: RefusalOptions = {}) {
    super('vault_refused', { status: status ?? 403, title: error })
    this.error = error
    this.ownStatus = status
    this.retryAfterSeconds = retryAfterSeconds
    this.onRecord = onRecord
  }
}

export function refused(error: string, options?: RefusalOptions): VaultRefusal {
  return new VaultRefusal(error, options)
}

/** `waitMs`: until the next try may pass. */
export function rateLimited(waitMs: number, onRecord = false): VaultRefusal {
  const seconds = Number.isFinite(waitMs) ? Math.max(1, Math.ceil(waitMs / 1_000)) : 86_400
  return new VaultRefusal('RATE_LIMITED', { status: 429, retryAfterSeconds: seconds, onRecord })
}
