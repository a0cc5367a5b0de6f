/**
 * The bodies of calls that wait for a human, and the answers of those that were sent for an agent: each in a file of its own,
 * sealed under a key of its own, which the vault seals. A file that was cut, changed or put in another's place does not
 * open, and what cannot be shown is not sent.
 */
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { open as openSealed, seal } from '../crypto/aead.ts'
import { domain, lp } from '../crypto/framing.ts'
import type { Secret } from '../ground/secret.ts'
import type { ApprovalId } from './contract.ts'

/** What the vault does for the keys. */
export interface KeySealer {
  sealKey(purpose: string, bytes: Uint8Array): Buffer
  openKey(purpose: string, sealed: Uint8Array): Secret
}

const NAME = /^apr_[0-9A-Za-z]{22}$/

export class Spool {
  readonly #dir: string
  readonly #vault: KeySealer
  readonly #what: 'approval-body' | 'approval-answer'

  /** `dir` is made when it is first needed, 0700. `what`: what the files are, no one of which passes for the other. */
  constructor(dir: string, vault: KeySealer, what: 'approval-body' | 'approval-answer' = 'approval-body') {
    this.#dir = dir
    this.#vault = vault
    this.#what = what
  }

  /** Durable when it resolves; gives the sealed key. Throws Problem `vault_sealed`. */
  async put(id: ApprovalId, digest: string, body: Buffer): Promise<Buffer> {
    const key = randomBytes(32)
    try {
      const sealedKey = this.#vault.sealKey(this.#purposeOf(id), key)
      const sealed = seal(createSecretKey(key), this.#aadOf(id, digest), body)
      await mkdir(this.#dir, { recursive: true, mode: 0o700 })
      const file = await open(this.#path(id), 'wx', 0o600)
      try {
        await file.writeFile(sealed)
        await file.sync()
      } finally {
        await file.close()
      }
      return sealedKey
    } finally {
      key.fill(0)
    }
  }

  /** Undefined if it is not there, or not what was put. Throws Problem `vault_sealed`. */
  async get(id: ApprovalId, digest: string, sealedKey: Uint8Array): Promise<Buffer | undefined> {
    const sealed = await readFile(this.#path(id)).catch(() => undefined)
    if (sealed === undefined) return undefined
    const key = this.#vault.openKey(this.#purposeOf(id), sealedKey)
    try {
      return openSealed(createSecretKey(key.reveal()), this.#aadOf(id, digest), sealed)
    } finally {
      key.wipe()
    }
  }

  remove(id: ApprovalId): Promise<void> {
    return rm(this.#path(id), { force: true })
  }

  /** Files that no approval waits for: a crash leaves them. */
  async sweep(waiting: ReadonlySet<string>): Promise<void> {
    const names = await readdir(this.#dir).catch(() => [])
    for (const name of names)
      if (NAME.test(name) && !waiting.has(name)) await rm(join(this.#dir, name), { force: true })
  }

  #path(id: ApprovalId): string {
    if (!NAME.test(id)) throw new TypeError('spool: not an id')
    return join(this.#dir, id)
  }

  #purposeOf(id: ApprovalId): string {
    return `${this.#what}/${id}`
  }

  #aadOf(id: ApprovalId, digest: string): Buffer {
    return Buffer.concat([domain(this.#what), lp(id), lp(digest)])
  }
}
