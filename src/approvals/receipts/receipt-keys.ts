import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { signEs256 } from '../../crypto/es256-signer.ts'
import { fromKey, type P256PublicKey, publicKeyFromSpki } from '../../crypto/p256.ts'
import type { Clock } from '../../ground/clock.ts'
import { Problem } from '../../ground/problem.ts'
import type { Actor, Change, Storage } from '../../storage/storage.ts'
import type { KeySealer } from '../spool.ts'
import { RECEIPT_TYPE, type ReceiptClaims, type ReceiptJwk, type ReceiptKeyView, receiptProblem } from './contract.ts'
import type { ReceiptKey } from './read-receipt.ts'
import { loadReceiptKeys, putReceiptKey, type ReceiptKeyRow } from './store.ts'

export interface ReceiptKeysOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly vault: KeySealer
}

interface Known {
  readonly row: ReceiptKeyRow
  readonly publicKey: P256PublicKey
}

const KIND = 'receipt_key'
const SYSTEM: Actor = { kind: 'system', id: 'claviger' }

/**
 * The keys that receipts are signed with, and nothing else is.
 *
 * Owns: the table `receipt_keys`.
 * Invariant: one key signs at a time; the private half of one that signs no more is gone, and its public half is published
 * for as long as the database is kept, because receipts are looked at years later.
 */
export class ReceiptKeys {
  readonly #options: ReceiptKeysOptions
  readonly #known = new Map<string, Known>()
  /** Opened when it is first needed, forgotten at sealing. */
  #signer: { readonly kid: string; readonly key: KeyObject } | undefined
  #making: Promise<void> | undefined

  constructor(options: ReceiptKeysOptions) {
    this.#options = options
    options.storage.follow((change) => this.#follow(change))
  }

  /** After unsealing. `bad`: ids of rows that are not believed: nothing that they signed counts. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { rows, bad } = await loadReceiptKeys(this.#options.storage)
    this.clear()
    return { bad: [...bad, ...rows.filter((row) => !this.#put(row)).map(({ id }) => id)] }
  }

  clear(): void {
    this.#known.clear()
    this.#signer = undefined
  }

  /** The oldest first. */
  list(): ReceiptKeyView[] {
    return this.#sorted().map(({ row: { id: kid, retired_at: retiredAt, compromised_since: since, created_at } }) => ({
      kid,
      status: since !== null ? 'compromised' : retiredAt === null ? 'active' : 'retired',
      createdAt: created_at,
      retiredAt: retiredAt ?? undefined,
      compromisedSince: since ?? undefined,
    }))
  }

  jwks(): { keys: ReceiptJwk[] } {
    const keys = this.#sorted().map(({ row, publicKey: { jwk, thumbprint } }) => {
      const compromisedSince = sinceOf(row)
      const marked = compromisedSince === undefined ? {} : { compromisedSince }
      return { ...jwk, kid: thumbprint, alg: 'ES256', use: 'sig', ...marked } as const
    })
    return { keys }
  }

  /** Undefined for one that nobody here has. */
  find(kid: string): ReceiptKey | undefined {
    const known = this.#known.get(kid)
    return known && { key: known.publicKey.key, compromisedSince: sinceOf(known.row) }
  }

  /** Afterwards make() can sign: a first key is made, or one instead of a key that does not open. Throws Problem `vault_sealed`. */
  async ready(): Promise<void> {
    if (this.#open() !== undefined) return
    this.#making ??= this.rotate(SYSTEM).finally(() => {
      this.#making = undefined
    })
    await this.#making
  }

  /** A new key signs from now on. Durable and recorded when it resolves. Throws Problem `vault_sealed`. */
  async rotate(by: Actor): Promise<void> {
    const { storage, clock, vault } = this.#options
    const now = clock.now()
    const made = madeKey(vault, now)
    const before = this.#sorted().filter(({ row }) => row.retired_at === null)
    await storage.write(async (tx) => {
      const rows = [...before.map(({ row }) => ({ ...row, sealed: null, retired_at: now })), made]
      for (const row of rows) {
        const type = row === made ? 'key.receipt_added' : 'key.receipt_retired'
        await putReceiptKey(tx, row)
        await tx.change({ kind: KIND, ref: row.id, after: row, record: { type, actor: by, ev: { kid: row.id } } })
      }
    })
  }

  /**
   * What the key signed from `since` (ms) on counts for nothing, and it signs no more; the next verdict makes another. Without a time
   * nothing that it signed counts. A mark moves back only. Throws Problems `receipt_key_unknown`, `receipt_key_since_invalid`.
   */
  async compromised(kid: string, since: number | undefined, by: Actor): Promise<void> {
    const { storage, clock } = this.#options
    const row = this.#known.get(kid)?.row
    if (row === undefined) throw receiptProblem('receipt_key_unknown')
    const [now, from] = [clock.now(), since ?? 0]
    if (from > (row.compromised_since ?? now)) throw receiptProblem('receipt_key_since_invalid')
    const marked = { ...row, sealed: null, retired_at: row.retired_at ?? now, compromised_since: from }
    const ev = { kid, since: new Date(from).toISOString() }
    await storage.write(
      async (tx) => {
        await putReceiptKey(tx, marked)
        const record = { type: 'key.receipt_compromised', actor: by, ev }
        await tx.change({ kind: KIND, ref: kid, after: marked, record })
      },
      { urgent: true },
    )
  }

  /** The receipt: a compact JWS. At once, so that it can be made inside of a transaction; after ready(). */
  make(claims: ReceiptClaims): string {
    const signer = this.#open()
    if (signer === undefined) throw new TypeError('receipts: no key signs')
    const header = `{"alg":"ES256","typ":"${RECEIPT_TYPE}","kid":"${signer.kid}"}`
    const input = `${base64url(header)}.${base64url(JSON.stringify(claims))}`
    return `${input}.${signEs256(signer.key, Buffer.from(input, 'latin1')).toString('base64url')}`
  }

  /** What signs now; undefined if there is none, or it does not open. Throws Problem `vault_sealed`. */
  #open(): { readonly kid: string; readonly key: KeyObject } | undefined {
    if (this.#signer !== undefined) return this.#signer
    const row = this.#sorted().findLast(({ row }) => row.retired_at === null && row.sealed !== null)?.row
    if (row?.sealed === undefined || row.sealed === null) return undefined
    try {
      const secret = this.#options.vault.openKey(purposeOf(row.id), row.sealed)
      try {
        const key = createPrivateKey({ key: secret.reveal(), format: 'der', type: 'pkcs8' })
        if (fromKey(key).thumbprint === row.id) this.#signer = { kid: row.id, key }
      } finally {
        secret.wipe()
      }
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'vault_sealed') throw error
    }
    return this.#signer
  }

  #sorted(): Known[] {
    return [...this.#known.values()].sort((one, other) => one.row.created_at - other.row.created_at)
  }

  #follow({ kind, after }: Change): void {
    if (kind !== KIND) return
    this.#put(after as ReceiptKeyRow)
    this.#signer = undefined
  }

  /** False, and nothing is kept, if the row's key is no P-256 key or not the one that its id names. */
  #put(row: ReceiptKeyRow): boolean {
    try {
      const publicKey = publicKeyFromSpki(row.spki)
      if (publicKey.thumbprint !== row.id) return false
      this.#known.set(row.id, { row, publicKey })
      return true
    } catch {
      return false
    }
  }
}

function madeKey(vault: KeySealer, now: number): ReceiptKeyRow {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const { thumbprint: id, spki } = fromKey(privateKey)
  const bytes = privateKey.export({ format: 'der', type: 'pkcs8' })
  try {
    return {
      id,
      spki,
      sealed: vault.sealKey(purposeOf(id), bytes),
      created_at: now,
      retired_at: null,
      compromised_since: null,
    }
  } finally {
    bytes.fill(0)
  }
}

/** Seconds, rounded so that nothing of the second in which it happened counts. */
const sinceOf = ({ compromised_since: since }: ReceiptKeyRow) =>
  since === null ? undefined : Math.floor(since / 1_000)
const purposeOf = (kid: string) => `receipt-key/${kid}`
const base64url = (text: string) => Buffer.from(text, 'utf8').toString('base64url')
