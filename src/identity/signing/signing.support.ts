import { randomBytes } from 'node:crypto'
import { signJwt } from '../../crypto/es256-signer.ts'
import { readJws } from '../../crypto/jws.ts'
import { verifyP256 } from '../../crypto/p256.ts'
import { SetClock } from '../../ground/clock.ts'
import { testDatabase } from '../../storage/storage.support.ts'
import type { Actor, Change, Storage } from '../../storage/storage.ts'
import { Keyring } from '../../vault/keyring.ts'
import { openRoomKey, sealRoomKey } from '../../vault/room-keys.ts'
import type { Hsm } from './key-maker.ts'
import { signingMigrations } from './schema.ts'
import { createSigningKeys, type SigningKeys, type SigningKeysOptions } from './signing-keys.ts'

export const by: Actor = { kind: 'operator', id: 'op_tester' }
export const MINUTE_MS = 60_000
export const DAY_MS = 86_400_000

/** For tests: signing keys on a real database and under a real root key, which can be started again. */
export class TestSigning {
  readonly clock = new SetClock()
  readonly database = testDatabase(signingMigrations, this.clock)
  readonly keyring = new Keyring(randomBytes(32), randomBytes(16))
  readonly troubles: Error[] = []
  readonly records: string[] = []
  storage!: Storage
  keys!: SigningKeys
  hsm: Hsm | undefined
  changes: Partial<SigningKeysOptions> = {}
  /** Comes between the keys and their storage. */
  wrap = (storage: Storage): Storage => storage

  /** A process starts; without `settled` nothing is made or rotated yet. */
  async start({ settled = true } = {}): Promise<this> {
    this.storage = await this.database.open()
    this.storage.follow(({ record }: Change) => this.records.push(record.type))
    this.keys = createSigningKeys({
      storage: this.wrap(this.storage),
      clock: this.clock,
      seal: (purpose, bytes) => sealRoomKey(this.keyring, purpose, bytes),
      open: (purpose, sealed) => openRoomKey(this.keyring, purpose, sealed),
      hsm: this.hsm,
      rotateMs: 30 * DAY_MS,
      longestTokenLifeMs: 10 * MINUTE_MS,
      onTrouble: (error) => this.troubles.push(error),
      ...this.changes,
    })
    await this.keys.load()
    if (settled) await this.keys.settle()
    return this
  }

  /** Stops without a word, lets somebody else at the file, starts again. */
  async restart(edit?: () => void, options = {}): Promise<void> {
    this.keys.clear()
    await this.storage.close()
    edit?.()
    await this.start(options)
  }

  async end(): Promise<void> {
    await this.keys.close()
    await this.storage.close()
    this.database.remove()
  }

  /** `status place` of each key that is listed, as list() tells it. */
  statuses(): string[] {
    return this.keys
      .list()
      .filter(({ status }) => status !== 'revoked')
      .map(({ status, place }) => `${status} ${place}`)
      .sort()
  }

  kidOf(status: 'next' | 'active' | 'retiring'): string | undefined {
    return this.keys.list().find((key) => key.status === status)?.kid
  }
}

export function sign(keys: SigningKeys, claims: Record<string, unknown> = {}): Promise<string> {
  return signJwt(keys.active(), 'at+jwt', claims)
}

/** Whether our own data plane believes a token: its key is known and not revoked, and the signature holds. */
export function believed(keys: SigningKeys, token: string): boolean {
  const read = readJws(token, { typ: ['at+jwt'] })
  const key = keys.find(read?.header.kid ?? '')?.key
  return read !== undefined && key !== undefined && verifyP256(key, read.signingInput, read.signature)
}
