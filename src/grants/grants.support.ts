import { SetClock } from '../ground/clock.ts'
import { type AgentId, type CallId, type CredentialId, newId, type ServiceId } from '../ground/ids.ts'
import type { Migration } from '../storage/migrations.ts'
import { type TestDatabase, testDatabase } from '../storage/storage.support.ts'
import type { Actor, Change, Storage } from '../storage/storage.ts'
import type { GrantedService, GrantView, NewGrant } from './contract.ts'
import { createGrants, type Grants } from './grants.ts'
import { grantsMigrations } from './schema.ts'

export const by: Actor = { kind: 'operator', id: 'op_tester' }
export const agent = 'agent_1' as AgentId
export const key = { id: 'crd_1' as CredentialId, handle: 'key' }
const known = ['api:*', 'api:read', 'api:write', 'api:repo.get', 'api:repos:read', 'api:*:*']

/** A service as grants know it: it has the scopes of `known`. */
export const api: GrantedService = {
  id: 'srv_api' as ServiceId,
  name: 'api',
  injection: { kind: 'bearer' },
  explainScope: (scope) => (known.includes(scope) ? [{ methods: ['GET'], path: '/' }] : []),
  scopes: () => known,
}

export const call = () => newId('call') as CallId

/** For tests: the room on a real database, which can be closed, edited by other hands and started again. */
export class TestGrants {
  readonly clock = new SetClock()
  readonly database: TestDatabase
  bad: readonly string[] = []
  changes: Change[] = []
  storage!: Storage
  grants!: Grants

  constructor(more: readonly Migration[] = []) {
    this.database = testDatabase([...grantsMigrations, ...more], this.clock)
  }

  async start(): Promise<this> {
    this.storage = await this.database.open()
    this.grants = createGrants({ storage: this.storage, clock: this.clock })
    this.changes = []
    this.storage.follow((change) => this.changes.push(change))
    this.bad = (await this.grants.load()).bad
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

  give(more: Partial<NewGrant> = {}): Promise<GrantView> {
    return this.grants.add({ agent, service: api, scopes: ['api:read'], credentials: [key], ...more }, by)
  }

  entry(view: GrantView) {
    return this.grants.of(view.agent as AgentId, view.service as ServiceId).find(({ id }) => id === view.id)
  }
}
