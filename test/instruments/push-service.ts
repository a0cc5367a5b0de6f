import { once } from 'node:events'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

interface Subscription {
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
  readonly clientHash: string
}

interface Model {
  notifyUrl: string
  readonly messages: Readonly<Record<string, string[]>>
  subscribe(options: { userVisibleOnly: string; applicationServerKey: string }): Promise<Subscription>
  expireSubscription(clientHash: string): void
}

const require = createRequire(import.meta.url)
const { PushApiModel } = require('web-push-testing/src/PushApiModel.js') as { PushApiModel: new () => Model }
const Emulator = require('web-push-testing/src/server.js') as new (
  model: Model,
  port: number,
) => { startServer(): void; readonly _server: Server }

/** Somebody else's push service with the browsers behind it (npm `web-push-testing`): it verifies who sends, and decrypts. */
export class PushService implements AsyncDisposable {
  readonly origin: string
  readonly #model: Model
  readonly #server: Server

  private constructor(model: Model, server: Server) {
    this.#model = model
    this.#server = server
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    model.notifyUrl = `${this.origin}/notify/`
  }

  static async start(): Promise<PushService> {
    const model = new PushApiModel()
    const emulator = new Emulator(model, 0)
    emulator.startServer()
    const server = emulator._server
    if (!server.listening) await once(server, 'listening')
    return new PushService(model, server)
  }

  /** As a browser does it, with the key that the page was given. */
  async subscribe(applicationServerKey: string): Promise<Browser> {
    const { clientHash, ...given } = await this.#model.subscribe({ userVisibleOnly: 'true', applicationServerKey })
    return {
      subscription: given,
      received: () => (this.#model.messages[clientHash] ?? []).map((text) => JSON.parse(text) as Payload),
      expire: () => this.#model.expireSubscription(clientHash),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

interface Payload {
  readonly id?: string
  /** Where a page of the ClawGate door subscribed. */
  readonly requestId?: string
  readonly over?: boolean
  readonly test?: boolean
}

export interface Browser {
  readonly subscription: Pick<Subscription, 'endpoint' | 'keys'>
  readonly received: () => Payload[]
  readonly expire: () => void
}
