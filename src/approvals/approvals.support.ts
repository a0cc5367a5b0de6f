import { join } from 'node:path'
import { open, seal } from '../crypto/aead.ts'
import { SetClock } from '../ground/clock.ts'
import type { AgentId, CredentialId, OperatorId, ServiceId } from '../ground/ids.ts'
import { Secret } from '../ground/secret.ts'
import { type TestDatabase, testDatabase } from '../storage/storage.support.ts'
import type { Storage } from '../storage/storage.ts'
import type { CallAction, StatedAction, WindowAction } from './action.ts'
import { type Approvals, createApprovals } from './approvals.ts'
import { channelsMigrations } from './channels/schema.ts'
import type { Approval, VerdictBy } from './contract.ts'
import { approvalsMigrations } from './schema.ts'
import type { KeySealer } from './spool.ts'
import { offeredWindow } from './windows/offer.ts'

export const aCallAction = (over: Partial<CallAction> = {}): CallAction => ({
  kind: 'call',
  install: '0'.repeat(32),
  agent: { id: 'agent_0000000000000000000001' as AgentId, name: 'robot' },
  service: { id: 'srv_0000000000000000000001' as ServiceId, name: 'shop', version: 'ab'.repeat(32) },
  action: 'order.pay',
  risk: 'high',
  method: 'POST',
  origin: 'https://api.shop.test',
  path: '/v1/orders/7/pay',
  query: 'dry=0',
  headers: [['content-type', 'application/json']],
  body: { bytes: 17, sha256: 'cd'.repeat(32) },
  credential: { id: 'crd_0000000000000000000001' as CredentialId, handle: 'shop-live' },
  rules: [{ id: 'rul_0000000000000000000001', name: 'payments', version: 1 }],
  terms: { assurance: 'passkey', lifeSeconds: 900, uses: 1 },
  ...over,
})

export const aStatement = (over: Partial<StatedAction> = {}): StatedAction => ({
  kind: 'stated',
  install: '0'.repeat(32),
  agent: { id: 'agent_0000000000000000000001' as AgentId, name: 'robot' },
  action: 'shell.exec',
  risk: 'high',
  context: '{"a":1.5}',
  payloadHash: 'ab'.repeat(32),
  request: 'r',
  terms: { assurance: 'passkey', lifeSeconds: 900, uses: 1 },
  ...over,
})

export const aWindow = (over: Partial<WindowAction> = {}): WindowAction => ({
  ...offeredWindow(aCallAction(), '12'.repeat(32), { maxSeconds: 3_600, maxUses: 20 }),
  ...over,
})

export const VERDICT: VerdictBy = {
  operator: 'op_0000000000000000000001' as OperatorId,
  name: 'ann',
  assurance: 'passkey',
  channel: 'console',
}

/** For tests: the room on a real database and folder, which can be closed, edited by other hands and started again. */
export class TestApprovals {
  readonly clock = new SetClock()
  readonly database: TestDatabase = testDatabase([...approvalsMigrations, ...channelsMigrations], this.clock)
  readonly spoolDir = join(this.database.directory, 'spool')
  readonly heard: string[] = []
  bad: readonly string[] = []
  readonly issuer = () => 'http://127.0.0.1:4317'
  storage!: Storage
  approvals!: Approvals
  /** In the vault's place: it keeps keys, and knows what they are for. */
  readonly vault: KeySealer = {
    sealKey: (purpose, bytes) => seal(this.database.key, Buffer.from(purpose), bytes),
    openKey: (purpose, sealed) => new Secret(open(this.database.key, Buffer.from(purpose), sealed) ?? Buffer.alloc(32)),
  }

  async start(): Promise<this> {
    this.storage = await this.database.open()
    this.approvals = createApprovals({ ...this, storage: this.storage })
    this.approvals.follow(({ id }, what) => this.heard.push(`${what} ${id}`))
    this.bad = (await this.approvals.load()).bad
    await this.approvals.receiptKeys.load()
    return this
  }

  async restart(...edits: string[]): Promise<void> {
    await this.storage.close()
    for (const edit of edits) this.database.edit(edit)
    await this.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.approvals.stop()
    await this.storage.close()
    this.database.remove()
  }

  ask(over: Partial<CallAction> = {}, body?: Buffer): Promise<Approval> {
    return this.approvals.ask({ action: aCallAction(over), token: 'tok_1', body })
  }
}
