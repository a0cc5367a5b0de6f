import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { open, seal } from '../crypto/aead.ts'
import { type Clock, systemClock } from '../ground/clock.ts'
import { Problem } from '../ground/problem.ts'
import { Secret } from '../ground/secret.ts'
import { createOutbound } from '../http/outbound.ts'
import { createResolver } from '../http/resolve.ts'
import { storageProblem } from '../storage/problems.ts'
import { type TestDatabase, testDatabase } from '../storage/storage.support.ts'
import type { Actor, Change, Storage } from '../storage/storage.ts'
import { type Alerts, type AlertsOptions, createAlerts } from './alerts.ts'
import { OPERATOR, type SealedBox, type WebhookInput } from './contract.ts'
import { alertsMigrations } from './schema.ts'

export const by: Actor = { kind: 'operator', id: 'op_tester' }

/** Seals as a vault does: for one purpose, while there is a key. */
export function testBox(key: () => KeyObject | undefined): SealedBox {
  const needed = () => {
    const there = key()
    if (there === undefined) throw storageProblem('vault_sealed')
    return there
  }
  return {
    seal: (purpose, secret) => seal(needed(), Buffer.from(purpose), secret),
    open: (purpose, sealed) => {
      const plain = open(needed(), Buffer.from(purpose), sealed)
      if (plain === undefined) throw new Problem('vault_integrity_failed', { status: 503, title: 'It does not open' })
      return new Secret(plain)
    },
  }
}

/** The room on a real database, which can be closed, edited by other hands, sealed and started again. */
export class TestAlerts {
  readonly clock: Clock
  readonly database: TestDatabase
  readonly dials: string[] = []
  readonly dead: string[] = []
  readonly rootKey: KeyObject
  changes: Change[] = []
  storage!: Storage
  alerts!: Alerts
  bad: readonly string[] = []
  #sealed = false

  constructor(clock: Clock = systemClock, rootKey = createSecretKey(randomBytes(32))) {
    this.clock = clock
    this.rootKey = rootKey
    this.database = testDatabase(alertsMigrations, clock)
  }

  async start(options: Partial<AlertsOptions> = {}): Promise<this> {
    this.storage = await this.database.open()
    this.changes = []
    this.storage.follow((change) => this.changes.push(change))
    this.#sealed = false
    this.alerts = createAlerts({
      storage: options.storage ?? this.storage,
      clock: this.clock,
      box: testBox(() => (this.#sealed ? undefined : this.rootKey)),
      outbound: createOutbound({
        // Every public name is at an inside address: nothing leaves this machine.
        resolver: createResolver({
          ask: async () => ({ addresses: ['10.0.0.1'], ttl: 60 }),
          hosts: { addresses: async () => [] },
        }),
        onDial: (address, port) => this.dials.push(`${address}:${port}`),
      }),
      onDeadLetter: (id) => this.dead.push(id),
      random: () => 0,
      ...options,
    })
    this.bad = (await this.alerts.load()).bad
    this.alerts.start()
    return this
  }

  async restart(options: Partial<AlertsOptions> = {}): Promise<void> {
    await this.stop()
    await this.start(options)
  }

  async stop(): Promise<void> {
    await this.alerts.close()
    await this.storage.close()
  }

  async end(): Promise<void> {
    await this.stop()
    this.database.remove()
  }

  seal(): void {
    this.#sealed = true
    this.storage.authenticateWith(undefined)
    this.alerts.clear()
  }

  async unseal(): Promise<void> {
    this.#sealed = false
    this.storage.authenticateWith(this.database.key)
    this.bad = (await this.alerts.load()).bad
    this.alerts.start()
  }

  /** An operator's endpoint on loopback; gives its id and secret. */
  async hook(url: string, more: Partial<WebhookInput> = {}): Promise<{ id: string; secret: string }> {
    const input = { url, events: ['*'], addresses: ['127.0.0.0/8'], ...more }
    const { view, secret } = await this.alerts.add(input, OPERATOR, by)
    return { id: view.id, secret: secret.reveal().toString() }
  }

  /** Tells of `count` agents, called a0, a1, … */
  tell(count = 1, from = 0): void {
    for (let i = from; i < from + count; i += 1) {
      this.alerts.emit({ type: 'agent.registered', data: { agentId: `a${i}`, name: 'n', status: 'active' } })
    }
  }
}

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A receiver on loopback that keeps what came, and answers as it is told. */
export class Receiver {
  readonly received: Received[] = []
  readonly #server: Server
  #waiting: { count: number; resolve: () => void }[] = []
  /** Answers a request that was read to its end. */
  answer: RequestListener = (_request, response) => void response.writeHead(204).end()

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('error', () => {})
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        this.received.push({ path: request.url ?? '', headers: request.headers, body })
        this.answer(request, response)
        this.#tell()
      })
    })
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver()
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    return receiver
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`
  }

  /** The events' agents in the order in which they came. */
  get agents(): string[] {
    return this.received.map(({ body }) => JSON.parse(body).data.agentId)
  }

  get ids(): string[] {
    return this.received.map(({ body }) => JSON.parse(body).id)
  }

  /** Resolves when that many requests have come in all. */
  async got(count: number): Promise<void> {
    if (this.received.length >= count) return
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #tell(): void {
    const ready = this.#waiting.filter(({ count }) => this.received.length >= count)
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one))
    for (const { resolve } of ready) resolve()
  }
}
