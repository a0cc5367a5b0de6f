import { checkMacs } from './check-macs.ts'
import { formatVkey, parseCheckpoint, signatureVerdict, verifierOf } from './checkpoint.ts'
import type { AuditKeys, LogVerdict } from './contract.ts'
import { writeDurably } from './durable-file.ts'
import type { TailKey } from './group-mark.ts'
import { vkeyPath } from './log-paths.ts'
import type { Signer } from './signer.ts'

/**
 * The keys of the log while the vault is open. Before they are used, everything the newest checkpoint does not cover is
 * checked with them; while the log is under suspicion they are held back: nothing is signed and no intent is taken.
 */
export class LogKeys {
  readonly #dir: string
  readonly #origin: string
  readonly #signer: Signer
  #suspicion: LogVerdict
  #current: AuditKeys | undefined
  #held = false

  /** `verdict` is recovery's: what it suspects stays suspect until an operator accepts it. */
  constructor(dir: string, origin: string, signer: Signer, verdict: LogVerdict) {
    this.#dir = dir
    this.#origin = origin
    this.#signer = signer
    this.#suspicion = verdict
  }

  get current(): AuditKeys | undefined {
    return this.#current
  }

  /** Whether intents may be taken and checkpoints signed. */
  get ready(): boolean {
    return this.#current !== undefined && !this.#held
  }

  get tail(): TailKey | undefined {
    return this.#current?.auditTail
  }

  /** Checks the part of the log that no checkpoint covers, then takes the keys. */
  async arrive(keys: AuditKeys, size: number): Promise<LogVerdict> {
    const checked = await this.#check(keys, size)
    const verdict = checked.ok ? this.#suspicion : checked
    this.#suspicion = verdict
    this.#held = !verdict.ok
    this.#current = keys
    this.#signer.useKey(keys.logKey)
    if (verdict.ok)
      await writeDurably(vkeyPath(this.#dir), `${formatVkey(verifierOf(this.#origin, keys.logKey.publicKey))}\n`)
    return verdict
  }

  /** An operator accepted what was suspected, and that is recorded. True if anything was. */
  accept(): boolean {
    const held = this.#held
    this.#held = false
    this.#suspicion = { ok: true }
    return held
  }

  drop(): void {
    this.#current = undefined
    this.#signer.dropKey()
  }

  async #check({ logKey, auditTail }: AuditKeys, size: number): Promise<LogVerdict> {
    const tampered = (detail: string) => ({ ok: false, reason: 'integrity', detail }) as const
    const note = this.#signer.lastNote === undefined ? undefined : parseCheckpoint(this.#signer.lastNote)
    if (note && signatureVerdict(note, verifierOf(this.#origin, logKey.publicKey)) !== 'good') {
      return tampered('the newest checkpoint is not signed with the key of this log')
    }
    const trouble = await checkMacs(this.#dir, note?.size ?? 0, size, auditTail)
    return trouble ? tampered(`record ${trouble.seq}: ${trouble.detail}`) : { ok: true }
  }
}
