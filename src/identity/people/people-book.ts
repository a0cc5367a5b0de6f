import type { Change } from '../../storage/storage.ts'
import { hashKey } from '../directory.ts'
import type { LinkRow, PasskeyRow, PeopleRowTaker, RecoveryCodeRow } from './store.ts'

/** The read-model: passkeys, links and recovery codes in memory, filled after unsealing, kept up by the commits. */
export class PeopleBook implements PeopleRowTaker {
  readonly #passkeys = new Map<string, PasskeyRow>()
  readonly #byCredential = new Map<string, PasskeyRow>()
  readonly #links = new Map<string, LinkRow>()
  readonly #codes = new Map<string, RecoveryCodeRow>()

  readonly passkey = (row: PasskeyRow): void => {
    this.#passkeys.set(row.id, row)
    this.#byCredential.set(row.credential, row)
  }

  readonly link = (row: LinkRow): void => void this.#links.set(hashKey(row.hash), row)
  readonly code = (row: RecoveryCodeRow): void => void this.#codes.set(hashKey(row.hash), row)

  clear(): void {
    for (const map of [this.#passkeys, this.#byCredential, this.#links, this.#codes]) map.clear()
  }

  /** False for changes of others. */
  follow({ kind, ref, after }: Change): boolean {
    if (kind === 'passkey') this.passkey(after as PasskeyRow)
    else if (kind === 'passkey_removed') this.#forget(ref)
    else if (kind === 'operator_link') this.link(after as LinkRow)
    else if (kind === 'operator_link_removed') this.#links.delete(hashKey((after as LinkRow).hash))
    else if (kind === 'recovery_codes') this.#replaceCodes(ref, after as readonly RecoveryCodeRow[])
    else if (kind === 'recovery_code_used') this.#codes.delete(hashKey((after as RecoveryCodeRow).hash))
    else return false
    return true
  }

  find(idOrCredential: string): PasskeyRow | undefined {
    return this.#passkeys.get(idOrCredential) ?? this.#byCredential.get(idOrCredential)
  }

  passkeysOf(operator: string): PasskeyRow[] {
    return [...this.#passkeys.values()].filter((row) => row.operator === operator)
  }

  passkeys(): PasskeyRow[] {
    return [...this.#passkeys.values()]
  }

  linkByHash(hash: Uint8Array): LinkRow | undefined {
    return this.#links.get(hashKey(hash))
  }

  linksOf(operator: string): LinkRow[] {
    return [...this.#links.values()].filter((row) => row.operator === operator)
  }

  codeByHash(hash: Uint8Array): RecoveryCodeRow | undefined {
    return this.#codes.get(hashKey(hash))
  }

  codesOf(operator: string): RecoveryCodeRow[] {
    return [...this.#codes.values()].filter((row) => row.operator === operator)
  }

  #forget(id: string): void {
    const known = this.#passkeys.get(id)
    this.#passkeys.delete(id)
    if (known !== undefined) this.#byCredential.delete(known.credential)
  }

  #replaceCodes(operator: string, rows: readonly RecoveryCodeRow[]): void {
    for (const [key, row] of this.#codes) if (row.operator === operator) this.#codes.delete(key)
    for (const row of rows) this.code(row)
  }
}
