/**
 * Signs checkpoints. Owns the log key while the vault is open and the last signed head; its invariant: two checkpoints it
 * signs never contradict each other, and none is shown before it is on the disk. The key signs nothing else.
 */
import type { KeyObject } from 'node:crypto'
import { type LogVerifier, signCheckpoint, verifierOf } from './checkpoint.ts'
import { auditProblem, type Head } from './contract.ts'
import { writeDurably } from './durable-file.ts'
import { checkpointPath, publishedPath } from './log-paths.ts'

export interface SignerOptions {
  readonly dir: string
  readonly origin: string
  /** A copy of every note outside the home. Trouble with it is told and stops nothing. */
  readonly witnessFile?: string | undefined
  /** Newest note of earlier boots, already compared with the log. */
  readonly last?: { readonly size: number; readonly root: Buffer; readonly note: string } | undefined
  /** After a note is on the disk. */
  readonly onSigned: (head: Head, note: string) => void
  readonly onWitnessTrouble: (error: unknown) => void
}

export class Signer {
  readonly #options: SignerOptions
  #key: { readonly verifier: LogVerifier; readonly privateKey: KeyObject } | undefined
  #last: { readonly size: number; readonly root: Buffer; readonly note: string } | undefined
  #written: number
  #published = -1
  #chain: Promise<unknown> = Promise.resolve()

  constructor(options: SignerOptions) {
    this.#options = options
    this.#last = options.last
    this.#written = options.last?.size ?? -1
  }

  /** The newest note, of this boot or an earlier one. */
  get lastNote(): string | undefined {
    return this.#last?.note
  }

  useKey(key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }): void {
    this.#key = { verifier: verifierOf(this.#options.origin, key.publicKey), privateKey: key.privateKey }
  }

  dropKey(): void {
    this.#key = undefined
  }

  /**
   * Signs a head whose records are durable, at once, and resolves to the note when it is on the disk. `publish` also
   * keeps it in `checkpoints/`. Throws Problem `audit_unavailable` without the key.
   */
  async sign(head: Head, publish: boolean): Promise<string> {
    if (this.#key === undefined) throw auditProblem('audit_unavailable', { detail: 'the vault is sealed' })
    const last = this.#last
    if (last !== undefined && (head.size < last.size || (head.size === last.size && !head.root.equals(last.root)))) {
      throw new Error(`a head of size ${head.size} contradicts the signed one of size ${last.size}`)
    }
    const known = last?.size === head.size ? last.note : undefined
    const note = known ?? signCheckpoint(this.#key.verifier, this.#key.privateKey, head)
    this.#last = { size: head.size, root: head.root, note }
    const written = this.#chain.then(() => this.#write(head, note, publish))
    this.#chain = written.catch(() => {})
    await written
    return note
  }

  /** Resolves when no note is being written. */
  async settled(): Promise<void> {
    await this.#chain
  }

  async #write(head: Head, note: string, publish: boolean): Promise<void> {
    const { dir, witnessFile, onSigned, onWitnessTrouble } = this.#options
    const isNew = head.size !== this.#written
    if (isNew) await writeDurably(checkpointPath(dir), note)
    this.#written = head.size
    if (publish && this.#published !== head.size) {
      await writeDurably(publishedPath(dir, head.size), note)
      this.#published = head.size
    }
    if (witnessFile !== undefined) await writeDurably(witnessFile, note).catch(onWitnessTrouble)
    if (isNew) onSigned(head, note)
  }
}
