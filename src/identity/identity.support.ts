import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { open, seal } from '../crypto/aead.ts'
import { keySigner } from '../crypto/es256-signer.ts'
import { fromKey } from '../crypto/p256.ts'
import { SetClock } from '../ground/clock.ts'
import { Secret } from '../ground/secret.ts'
import { type TestDatabase, testDatabase } from '../storage/storage.support.ts'
import type { Actor, Storage } from '../storage/storage.ts'
import { createIdentity, type Identity } from './identity.ts'
import type { PersonalBox } from './personal.ts'
import type { IdentityRules } from './room.ts'
import { identityMigrations } from './schema.ts'

export const by: Actor = { kind: 'operator', id: 'op_tester' }

/** For tests: the room on a real database, which can be closed, edited by other hands and started again. */
export class TestIdentity {
  readonly clock = new SetClock()
  readonly database: TestDatabase = testDatabase(identityMigrations, this.clock)
  readonly pepper = { version: 1, key: createSecretKey(randomBytes(32)) }
  readonly boxKey = createSecretKey(randomBytes(32))
  readonly box: PersonalBox = {
    seal: (purpose, bytes) => seal(this.boxKey, Buffer.from(purpose), bytes),
    open: (purpose, sealed) => new Secret(open(this.boxKey, Buffer.from(purpose), sealed) as Buffer),
  }
  /** Takes part as the signing keys would. */
  readonly signer = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly kid = fromKey(this.signer.publicKey).thumbprint
  readonly issuer = 'http://127.0.0.1:4317'
  rules: Partial<IdentityRules> = {}
  bad: string[] = []
  storage!: Storage
  identity!: Identity

  async start(): Promise<this> {
    this.bad = []
    this.storage = await this.database.open()
    this.identity = createIdentity({
      storage: this.storage,
      clock: this.clock,
      pepper: () => this.pepper,
      box: this.box,
      signing: {
        active: () => keySigner(this.kid, this.signer.privateKey),
        find: (kid) => (kid === this.kid ? { key: this.signer.publicKey } : undefined),
      },
      issuer: () => this.issuer,
      rules: this.rules,
      onBadRow: (table, id) => this.bad.push(`${table}/${id}`),
    })
    await this.identity.load()
    return this
  }

  /** Stops, runs SQL as somebody else who can write the file, starts again. */
  async restart(...edits: string[]): Promise<void> {
    await this.storage.close()
    for (const edit of edits) this.database.edit(edit)
    await this.start()
  }

  async end(): Promise<void> {
    await this.storage.close()
    this.database.remove()
  }

  /** An agent's new token, as its owner sees it. */
  async issue(agent: string, lifeMs?: number): Promise<string> {
    return text((await this.identity.issueToken({ agent, lifeMs }, by)).token)
  }
}

export const text = (token: Secret): string => token.reveal().toString('latin1')
