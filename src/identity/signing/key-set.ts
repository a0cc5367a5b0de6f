import type { KeyObject } from 'node:crypto'
import { type P256PublicKey, publicKeyFromSpki } from '../../crypto/p256.ts'
import type { Clock } from '../../ground/clock.ts'
import type { PublicJwk } from './contract.ts'
import type { SigningKeyRow } from './store.ts'

/** A key that is not revoked. */
export interface LiveKey {
  readonly key: KeyObject
  readonly status: 'next' | 'active' | 'retiring'
}

export interface Entry {
  readonly row: SigningKeyRow
  readonly publicKey: P256PublicKey
  /** Monotonic time at which it was first listed here. */
  readonly listedMono: number
  /** It was listed before this process knew it; `created_at` says since when, by the wall clock. */
  readonly fromDisk: boolean
  readonly live: LiveKey | undefined
}

const LISTED = ['active', 'next', 'retiring'] as const

/** The keys in memory, and the key set as it is sent: made anew when a key changes, not when somebody asks. */
export class KeySet {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  #keys: readonly PublicJwk[] = []
  #bytes = Buffer.from('{"keys":[]}')

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** False, and nothing is kept, if the row's key is no P-256 key or not the one that its id names. */
  put(row: SigningKeyRow, fromDisk = false): boolean {
    const before = this.#entries.get(row.id)
    const publicKey = before?.publicKey ?? readKey(row)
    if (publicKey?.thumbprint !== row.id) return false
    const { status } = row
    const live = status === 'revoked' ? undefined : { key: publicKey.key, status }
    const { listedMono, fromDisk: old } = before ?? { listedMono: this.#clock.mono(), fromDisk }
    this.#entries.set(row.id, { row, publicKey, live, listedMono, fromDisk: old })
    this.#list()
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#list()
  }

  get(kid: string): Entry | undefined {
    return this.#entries.get(kid)
  }

  all(): Iterable<Entry> {
    return this.#entries.values()
  }

  /** Those of one status; oldest first. */
  of(status: SigningKeyRow['status']): Entry[] {
    const found = [...this.#entries.values()].filter(({ row }) => row.status === status)
    return found.sort((a, b) => a.row.created_at - b.row.created_at)
  }

  get keys(): readonly PublicJwk[] {
    return this.#keys
  }

  /** `{"keys":[…]}` */
  get bytes(): Buffer {
    return this.#bytes
  }

  #list(): void {
    this.#keys = LISTED.flatMap((status) => this.of(status)).map(({ publicKey: { jwk, thumbprint } }) => ({
      ...jwk,
      kid: thumbprint,
      alg: 'ES256',
      use: 'sig',
    }))
    this.#bytes = Buffer.from(JSON.stringify({ keys: this.#keys }))
  }
}

function readKey(row: SigningKeyRow): P256PublicKey | undefined {
  try {
    return publicKeyFromSpki(row.spki)
  } catch {
    return undefined
  }
}
