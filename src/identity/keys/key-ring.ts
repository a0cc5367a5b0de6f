import type { KeyObject } from 'node:crypto'
import { publicKeyFromSpki } from '../../crypto/p256.ts'
import type { AgentId, KeyId } from '../../ground/ids.ts'
import type { KeyEntry, KeyStatus, KeyView } from './contract.ts'
import type { InviteRow, KeyRow } from './store.ts'

/** A key as it is remembered. The key object is made when it is first asked for: most agents do not sign in today. */
export class AgentKey implements KeyEntry {
  row: KeyRow
  /** Of the change that made it what it is. */
  epoch = 0
  #key: KeyObject | undefined

  constructor(row: KeyRow) {
    this.row = row
  }

  get id(): KeyId {
    return this.row.id
  }
  get agent(): AgentId {
    return this.row.agent
  }
  get thumbprint(): string {
    return this.row.thumbprint
  }
  get createdAt(): number {
    return this.row.created_at
  }
  get status(): KeyStatus {
    return this.row.status
  }
  get retiresAt(): number | undefined {
    return this.row.retires_at ?? undefined
  }
  get bound(): boolean {
    return this.row.bound === 1
  }

  get key(): KeyObject {
    this.#key ??= publicKeyFromSpki(this.row.spki).key
    return this.#key
  }

  /** Whether it may sign in at that moment. */
  isLive(now: number): boolean {
    return this.status === 'active' || (this.status === 'retiring' && now < (this.retiresAt ?? 0))
  }

  /** Whether it is older than keys may be here, where they may not be of any age. */
  isOverdue(now: number, maxAgeMs: number | undefined): boolean {
    return maxAgeMs !== undefined && now - this.createdAt > maxAgeMs
  }

  view(now: number, maxAgeMs?: number): KeyView {
    const { attestation, revoked_at: revokedAt, spki } = this.row
    return {
      id: this.id,
      agent: this.agent,
      status: this.status === 'retiring' && !this.isLive(now) ? 'revoked' : this.status,
      thumbprint: this.thumbprint,
      publicKeyHash: publicKeyFromSpki(spki).hash,
      createdAt: this.createdAt,
      bound: this.bound,
      ...(this.retiresAt !== undefined && { retiresAt: this.retiresAt }),
      ...(revokedAt !== null && { revokedAt }),
      ...(attestation !== null && { attestation: JSON.parse(attestation) }),
      ...(maxAgeMs !== undefined && { refusedAt: this.createdAt + maxAgeMs }),
    }
  }
}

const none: readonly AgentKey[] = Object.freeze([])

/** The read-model of keys and invites. */
export class KeyRing {
  readonly #keys = new Map<string, AgentKey>()
  readonly #ofAgent = new Map<string, AgentKey[]>()
  readonly #byThumbprint = new Map<string, AgentKey[]>()
  readonly #invites = new Map<string, InviteRow>()

  clear(): void {
    for (const map of [this.#keys, this.#ofAgent, this.#byThumbprint, this.#invites]) map.clear()
  }

  /** `epoch`: of the change that made the row what it is. */
  putKey(row: KeyRow, epoch = row.epoch ?? 0): void {
    const known = this.#keys.get(row.id)
    if (known) {
      known.row = row
      known.epoch = epoch
      return
    }
    const key = new AgentKey(row)
    key.epoch = epoch
    this.#keys.set(row.id, key)
    append(this.#ofAgent, row.agent, key)
    append(this.#byThumbprint, row.thumbprint, key)
  }

  putInvite(row: InviteRow): void {
    this.#invites.set(row.id, row)
  }

  key(id: string): AgentKey | undefined {
    return this.#keys.get(id)
  }

  all(): Iterable<AgentKey> {
    return this.#keys.values()
  }

  /** In the order in which they were added; revoked ones too. */
  of(agent: string): readonly AgentKey[] {
    return this.#ofAgent.get(agent) ?? none
  }

  live(agent: string, now: number): AgentKey[] {
    return this.of(agent).filter((key) => key.isLive(now))
  }

  /** Every agent's key of that thumbprint, revoked ones too: a key that was given up must not come back. */
  withThumbprint(thumbprint: string): readonly AgentKey[] {
    return this.#byThumbprint.get(thumbprint) ?? none
  }

  invite(id: string): InviteRow | undefined {
    return this.#invites.get(id)
  }

  invites(): Iterable<InviteRow> {
    return this.#invites.values()
  }
}

function append(map: Map<string, AgentKey[]>, name: string, key: AgentKey): void {
  const list = map.get(name)
  if (list === undefined) map.set(name, [key])
  else list.push(key)
}
