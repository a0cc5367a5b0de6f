// The load of the crash suites: agents that call, an operator that writes, racers on a grant of limited uses. It remembers
// what was acknowledged, so that it can be looked for after the crash, in this home or in a copy of it.
import type { Gateway } from '../test/instruments/gateway.ts'
import { keepAlive } from '../test/instruments/send.ts'
import { furnish, type World } from '../test/instruments/world.ts'
import { auditCommand, forwardsWithoutIntent } from './audit-on-disk.ts'
import { type Figures, sleep } from './figures.ts'

/** A moment: what had been acknowledged and received by then. */
export interface Moment {
  readonly agents: readonly string[]
  readonly liveTokens: readonly string[]
  readonly revokedTokens: readonly string[]
  readonly credentials: readonly string[]
  readonly upstreamUrls: readonly string[]
}

const uses = 40

export class Load {
  calls = 0
  readonly #world: World
  readonly #figures: Figures
  readonly #agents = new Set<string>()
  readonly #live = new Set<string>()
  readonly #revoked = new Set<string>()
  readonly #credentials = new Set<string>()
  readonly #workers: Promise<void>[] = []
  #stopped = false

  private constructor(around: World, figures: Figures) {
    this.#world = around
    this.#figures = figures
  }

  static async start(around: World, figures: Figures, clients: number): Promise<Load> {
    const load = new Load(around, figures)
    const limited = await furnish(around.gateway, {
      name: 'limited',
      origins: [around.upstream.origin],
      secret: around.oracle.canary('limited'),
      grant: { uses },
    })
    for (let n = 0; n < clients; n++) load.#workers.push(load.#callOnAndOn(n))
    for (const who of [0, 1, 2]) load.#workers.push(load.#useUp(who, limited.token))
    load.#workers.push(load.#writeOnAndOn())
    return load
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers)
    const forwarded = this.#world.upstream.received('/limited-').length
    if (forwarded > uses) this.#figures.wrong.push(`a grant of ${uses} uses was used ${forwarded} times`)
  }

  /** Resolves when a few more calls were answered, so that what comes next comes under load. */
  async moved(): Promise<void> {
    const from = this.calls
    for (let tries = 0; tries < 500 && this.calls < from + 5; tries++) await sleep(10)
  }

  moment(): Moment {
    return {
      agents: [...this.#agents],
      liveTokens: [...this.#live],
      revokedTokens: [...this.#revoked],
      credentials: [...this.#credentials],
      upstreamUrls: this.#world.upstream.receipts.map((receipt) => receipt.url),
    }
  }

  async #callOnAndOn(client: number): Promise<void> {
    const connections = keepAlive(1)
    for (let n = 0; !this.#stopped; n++) {
      const path = `/n/${client}-${n}`
      const reply = await this.#world.call(path, { connections }).catch(() => undefined)
      if (reply === undefined) await sleep(10)
      else if (reply.status === 200) this.#countCall(path, (reply.json() as { url: string }).url)
      else if (reply.status === 503) await sleep(10)
      else this.#figures.wrong.push(`${path} → ${reply.status} ${reply.code}`)
    }
    connections.destroy()
  }

  #countCall(asked: string, answered: string): void {
    this.calls++
    if (answered !== asked) this.#figures.wrong.push(`${asked} got the answer of ${answered}`)
  }

  /** Control-plane writes; one is remembered only after its acknowledgement came. */
  async #writeOnAndOn(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      try {
        await this.#writeSome(n)
      } catch (error) {
        if (/→ (?!503)/.test(String(error))) this.#figures.wrong.push(String(error))
        await sleep(10)
      }
    }
  }

  async #writeSome(n: number): Promise<void> {
    const { gateway } = this.#world
    const name = `w-${n}`
    await gateway.does('POST', '/agents', { name })
    this.#agents.add(name)
    const token = await gateway.does<{ id: string }>('POST', '/tokens', { agent: name })
    this.#live.add(token.id)
    if (n % 3 === 0) {
      // Until the answer comes the token may be either: it is remembered as neither.
      this.#live.delete(token.id)
      await gateway.does('DELETE', `/tokens/${token.id}`)
      this.#revoked.add(token.id)
    }
    if (n % 5 !== 0) return
    await gateway.does('POST', '/credentials', {
      handle: name,
      service: 'u',
      secret: `another-secret-${n}-${'x'.repeat(20)}`,
    })
    this.#credentials.add(name)
    await gateway.does('POST', `/credentials/${name}/rotate`, { secret: `rotated-secret-${n}-${'y'.repeat(20)}` })
    if (n % 20 === 0) await gateway.does('POST', '/kek/rotate')
  }

  async #useUp(who: number, token: string): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const call = this.#world.call(`/limited-${who}/${n}`, { service: 'limited', token })
      const reply = await call.catch(() => undefined)
      await sleep(reply?.status === 200 ? 60 : 20)
    }
  }
}

/** Looks for everything of `moment` in a gateway that runs. */
export async function findAgain(gateway: Gateway, moment: Moment, figures: Figures): Promise<void> {
  const listed = async (path: string, name: string): Promise<Map<unknown, Record<string, unknown>>> => {
    const { items } = await gateway.does<{ items: Record<string, unknown>[] }>('GET', path)
    return new Map(items.map((item) => [item[name], item]))
  }
  const agents = await listed('/agents', 'name')
  const tokens = await listed('/tokens', 'id')
  const credentials = await listed('/credentials', 'handle')
  for (const name of moment.agents) if (!agents.has(name)) figures.lost.push(`agent ${name}`)
  for (const id of moment.liveTokens) if (!tokens.has(id)) figures.lost.push(`token ${id}`)
  for (const id of moment.revokedTokens) {
    if (tokens.get(id)?.status === 'active') figures.lost.push(`the revocation of token ${id}`)
  }
  for (const handle of moment.credentials) {
    const status = credentials.get(handle)?.status
    if (status !== 'active') figures.lost.push(`credential ${handle} is ${status ?? 'gone'}`)
  }
}

/** Checks the log of a home whose gateway is down: an intent for every receipt, and `audit verify` content. */
export function checkLog(home: string, moment: Moment, figures: Figures): void {
  for (const path of forwardsWithoutIntent(home, moment.upstreamUrls)) figures.lost.push(`no intent for ${path}`)
  const verdict = auditCommand(home, 'verify')
  if (verdict.code !== 0) figures.wrong.push(`audit verify ended with ${verdict.code}: ${verdict.output}`)
}
