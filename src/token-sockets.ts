/**
 * Unix sockets of the agents' way in, each for one token alone: what comes there may show that token and no other, and
 * that token is worth nothing anywhere else. Who may reach one is the kernel's to say: the folders are this user's.
 *
 * Owns: the folder `sockets` in the home. Invariant: a socket is there only while its token lives.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { touchesTokens } from './cut-off.ts'
import type { Clock } from './ground/clock.ts'
import { type Listener, type ListenerOptions, listenUnix } from './http/listen.ts'
import { identityProblem } from './identity/contract.ts'
import type { Token } from './identity/directory.ts'
import type { Identity } from './identity/identity.ts'
import type { Storage } from './storage/storage.ts'

export interface TokenSocketNeeds {
  readonly home: string
  readonly clock: Clock
  readonly storage: Pick<Storage, 'follow'>
  readonly identity: Identity
  readonly onTrouble: (error: unknown, token: string) => void
}

/** What answers at each of them. */
export type Serving = Pick<ListenerOptions, 'handle' | 'proxy' | 'nextRid'>

interface Open {
  readonly listener: Promise<Listener>
  readonly timer: NodeJS.Timeout
}

const SOCKET_NAME = 'gateway.sock'
const LONGEST_TIMER_MS = 2 ** 31 - 1

export class TokenSockets {
  readonly #needs: TokenSocketNeeds
  readonly #open = new Map<string, Open>()
  #serving: Serving | undefined

  constructor(needs: TokenSocketNeeds) {
    this.#needs = needs
    needs.storage.follow(({ kind }) => {
      if (touchesTokens(kind)) this.#closeDead()
    })
  }

  /** Opens those that are wanted, from now on. A folder stays the same over restarts: a namespace may have it. */
  async serve(serving: Serving): Promise<void> {
    this.#serving = serving
    await this.look()
  }

  /** After unsealing: what lives has its socket, and nothing else has. */
  async look(): Promise<void> {
    if (this.#serving === undefined) return
    this.#closeDead()
    for (const token of this.#needs.identity.room.directory.tokens()) {
      if (token.sources?.ownSocket !== true || !this.#lives(token.id) || this.#open.has(token.id)) continue
      await this.open(token.id).catch((error) => this.#needs.onTrouble(error, token.id))
    }
    for (const id of existsSync(this.#root) ? readdirSync(this.#root) : []) if (!this.#open.has(id)) this.#remove(id)
  }

  /** The folder with the socket of a living token that is to have one. Throws Problem `token_socket_failed`. */
  async open(id: string): Promise<string> {
    const serving = this.#serving
    const token = this.#needs.identity.room.directory.token(id)
    if (serving === undefined || token?.sources?.ownSocket !== true) throw identityProblem('token_socket_failed')
    const folder = join(this.#root, id)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // Whoever asks may be anybody who has the token, as at the agents' own listener.
    const listener = listenUnix({ ...serving, hosts: undefined, peers: { socketOf: id } }, join(folder, SOCKET_NAME))
    this.#open.set(id, { listener, timer: this.#untilEnd(token) })
    try {
      await listener
    } catch (cause) {
      await this.#close(id)
      throw identityProblem('token_socket_failed', { cause })
    }
    return folder
  }

  async close(graceMs: number, hurry?: AbortSignal): Promise<void> {
    this.#serving = undefined
    await Promise.all([...this.#open.values()].map(({ listener }) => closeListener(listener, graceMs, hurry)))
  }

  get #root(): string {
    return join(this.#needs.home, 'sockets')
  }

  /** While the vault is sealed nobody is known, and everybody is refused: the sockets stay. */
  #closeDead(): void {
    for (const id of this.#open.keys()) if (!this.#lives(id)) void this.#close(id)
  }

  #lives(id: string): boolean {
    const { clock, identity } = this.#needs
    const token = identity.room.directory.token(id)
    return token?.status === 'active' && clock.now() < token.expiresAt
  }

  #untilEnd({ id, expiresAt }: Token): NodeJS.Timeout {
    const leftMs = expiresAt - this.#needs.clock.now()
    const over = () => {
      if (this.#needs.clock.now() >= expiresAt) void this.#close(id)
    }
    return setTimeout(over, Math.min(leftMs, LONGEST_TIMER_MS)).unref()
  }

  async #close(id: string): Promise<void> {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    clearTimeout(open.timer)
    await closeListener(open.listener, 0)
    this.#remove(id)
  }

  #remove(id: string): void {
    rmSync(join(this.#root, id), { recursive: true, force: true })
  }
}

async function closeListener(listening: Promise<Listener>, graceMs: number, hurry?: AbortSignal): Promise<void> {
  const listener = await listening.catch(() => undefined)
  await listener?.close(graceMs, hurry)
}
