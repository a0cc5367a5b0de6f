import { createSecretKey, randomBytes } from 'node:crypto'
import { SetClock } from '../../ground/clock.ts'
import { newId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import { type TestDatabase, testDatabase } from '../../storage/storage.support.ts'
import type { Actor, Change, Storage } from '../../storage/storage.ts'
import type { AgentStatus } from '../contract.ts'
import type { KnownAgent, RelyingPrincipal, RelyingView, VerifyToken } from './contract.ts'
import { type BandChange, createRelying, type Relying } from './relying.ts'
import { relyingMigrations } from './schema.ts'

export const by: Actor = { kind: 'operator', id: 'op_tester' }
export const DAY_MS = 86_400_000

/** For tests: this part on a real database, which can be closed, edited by other hands and started again. */
export class TestRelying {
  readonly clock = new SetClock()
  readonly database: TestDatabase = testDatabase(relyingMigrations, this.clock)
  readonly pepper = { version: 1, key: createSecretKey(randomBytes(32)) }
  readonly agents = new Map<string, KnownAgent>()
  /** What the roof's check would say of each token. */
  readonly tokens = new Map<string, { sub: string; aud: string; more?: object }>()
  readonly changes: Change[] = []
  readonly bands: BandChange[] = []
  readonly asked: string[] = []
  readonly seen = new Map<string, number>()
  refuse = false
  bad: string[] = []
  storage!: Storage
  relying!: Relying

  async start(): Promise<this> {
    this.bad = []
    this.storage = await this.database.open()
    this.storage.follow((change) => this.changes.push(change))
    this.relying = createRelying({
      storage: this.storage,
      clock: this.clock,
      pepper: () => this.pepper,
      agentOf: (name) => this.agents.get(name) ?? [...this.agents.values()].find((agent) => agent.name === name),
      verify: this.#verify,
      limit: (what, service) => {
        this.asked.push(`${what} ${service}`)
        if (this.refuse) throw new Problem('rate_limited', { status: 429, title: 'too many' })
      },
      lastSeen: async (id) => this.seen.get(id),
      onBadRow: (table, id) => this.bad.push(`${table}/${id}`),
      onBandChange: (change) => this.bands.push(change),
    })
    await this.relying.load()
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

  agent(name: string, { status = 'active', owner = 'op_tester' }: { status?: AgentStatus; owner?: string } = {}) {
    const id = newId('agent')
    const agent = { id, name, status, createdAt: this.clock.now(), owner, email: `${name}@example.com` }
    this.agents.set(id, agent)
    return agent
  }

  /** A service with a key, and what that key opens. */
  async service(name: string, owner = name): Promise<{ view: RelyingView; key: string; principal: RelyingPrincipal }> {
    const view = await this.relying.add({ name, owner }, by)
    const key = (await this.relying.issueKey({ service: name }, by)).key.reveal().toString('latin1')
    return { view, key, principal: this.relying.authenticateService(key)! }
  }

  desk(principal: RelyingPrincipal) {
    return this.relying.desk(principal)
  }

  readonly #verify: VerifyToken = async (token, { audience }) => {
    const known = this.tokens.get(token)
    if (known === undefined) return { ok: false, error: 'malformed' }
    if (known.aud !== audience) return { ok: false, error: 'wrong_audience' }
    return { ok: true, claims: { ...known.more, sub: known.sub, aud: known.aud } }
  }
}
