import type { Socket } from 'node:net'
import type { AgentPrincipal } from '../../gate/rooms.ts'
import type { Origin } from '../../ground/origin.ts'
import type { Client } from '../../http/client-address.ts'
import { proxyProblem } from '../problems.ts'

/** One tunnel: who opened it, with what, and where to. */
export interface Tunnel {
  readonly principal: AgentPrincipal
  /** The token as it was shown. */
  readonly presented: string
  readonly origin: Origin
  /** The `Host` values that may stand inside. */
  readonly hosts: ReadonlySet<string>
  /** The client's connection, and who is at its other end. */
  readonly socket: Socket
  readonly client: Client
  /** It leads to a host of no service, and nobody looks into it. */
  readonly untouched: boolean
}

const MOST = 2_048
const MOST_OF_AGENT = 512
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * The tunnels that are open. Invariant: one that nobody may use any more is cut, in the turn in which it became so, idle
 * ones too: the requests inside end by the registry of calls.
 */
export class Tunnels {
  readonly #open = new Set<Tunnel>()

  /** Throws Problem `too_many_tunnels`. The tunnel leaves when its connection does, and ends with its token. */
  enter(tunnel: Tunnel, now: number): void {
    const { principal, socket } = tunnel
    if (this.#open.size >= MOST || this.#ofAgent(principal.agent.id) >= MOST_OF_AGENT)
      throw proxyProblem('too_many_tunnels', { facts: { retryAfterSeconds: 1 } })
    const leftMs = Math.min(principal.token.expiresAt - now, LONGEST_TIMER_MS)
    const timer = setTimeout(() => socket.destroy(), leftMs)
    this.#open.add(tunnel)
    socket.once('close', () => {
      clearTimeout(timer)
      this.#open.delete(tunnel)
    })
  }

  get count(): number {
    return this.#open.size
  }

  /** Cuts those whose agent or token does not live any more. */
  look(lives: (tunnel: Tunnel) => boolean): void {
    for (const tunnel of this.#open) if (!lives(tunnel)) tunnel.socket.destroy()
  }

  #ofAgent(agent: string): number {
    let count = 0
    for (const { principal } of this.#open) if (principal.agent.id === agent) count += 1
    return count
  }
}
