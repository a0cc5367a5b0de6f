import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Gateway } from './gateway.ts'
import { RecordingUpstream } from './recording-upstream.ts'
import { type Reply, send } from './send.ts'
import { loopback } from './world.ts'

export const ADMIN_TOKEN = '5f0c9a7be1d2438694aafc17e03b5d286f1e7c9b0a4d8253e6b9f7c0d1a2e384'
export const API_KEY = 'sk-test-4c7d9e1f0a2b3c4d5e6f7a8b9c0d1e2f'

type Json = Readonly<Record<string, unknown>>

export interface BotMakerOptions {
  /** What the gateway is started with; made of the upstream's origin where that is wanted. */
  readonly env?: Readonly<Record<string, string>> | ((origin: string) => Readonly<Record<string, string>>)
  /** Vendors whose service is the upstream, by the name of the service. */
  readonly services?: readonly string[]
}

/** A gateway with BotMaker's two listeners, and one upstream that every vendor is. */
export class BotMakerWorld {
  readonly gateway: Gateway
  readonly upstream: RecordingUpstream
  readonly #folder: string

  private constructor(gateway: Gateway, upstream: RecordingUpstream, folder: string) {
    this.gateway = gateway
    this.upstream = upstream
    this.#folder = folder
  }

  static async start({ env = {}, services = ['openai', 'anthropic', 'gemini'] }: BotMakerOptions = {}) {
    const upstream = await RecordingUpstream.start()
    const folder = mkdtempSync(join(tmpdir(), 'claviger-bots-'))
    const gateway = await Gateway.start({
      env: {
        CLAVIGER_BOTMAKER_LISTEN: `unix:${join(folder, 'data.sock')}`,
        CLAVIGER_BOTMAKER_ADMIN_LISTEN: `unix:${join(folder, 'admin.sock')}`,
        ADMIN_TOKEN,
        ...(typeof env === 'function' ? env(upstream.origin) : env),
      },
    })
    const world = new BotMakerWorld(gateway, upstream, folder)
    for (const name of services) await world.service(name)
    return world
  }

  /** The vendor's service, with the upstream in the vendor's place. */
  async service(name: string): Promise<void> {
    const input = { name, template: name, origins: [this.upstream.origin], addresses: loopback }
    await this.gateway.does('POST', '/services', input)
  }

  get dataSocket(): string {
    return join(this.#folder, 'data.sock')
  }

  get adminSocket(): string {
    return join(this.#folder, 'admin.sock')
  }

  async admin(method: string, path: string, body?: unknown, token: string = ADMIN_TOKEN): Promise<Reply> {
    const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    return send({
      socketPath: this.adminSocket,
      method,
      path,
      headers: {
        host: 'localhost',
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...(json && { 'content-type': 'application/json' }),
      },
      body: json,
    })
  }

  /** The same, failing unless it is answered with 200. */
  async done(method: string, path: string, body?: unknown): Promise<Json> {
    const reply = await this.admin(method, path, body)
    if (reply.status !== 200) throw new Error(`${method} ${path} → ${reply.status} ${reply.text()}`)
    return reply.json() as Json
  }

  /** By the operators' endpoints: BotMaker's own take a hundred requests a minute. */
  async key(vendor: string, secret = API_KEY, more: Json = {}): Promise<string> {
    return (await this.gateway.does<{ handle: string }>('POST', '/llm/keys', { vendor, secret, ...more })).handle
  }

  async bot(name: string, limits: Json = {}): Promise<string> {
    const body = { name, hostname: `${name}.local`, limits }
    return (await this.gateway.does<{ token: string }>('POST', '/llm/bots', body)).token
  }

  /** A call at the data listener. */
  call(token: string, path: string, options: Partial<Parameters<typeof send>[0]> = {}): Promise<Reply> {
    const { headers, ...more } = options
    const own = token === '' ? {} : { authorization: `Bearer ${token}` }
    return send({
      socketPath: this.dataSocket,
      method: 'POST',
      path,
      ...more,
      headers: { host: 'localhost', ...own, ...(headers as Record<string, string>) },
    })
  }

  chat(token: string, body: Json = {}, path = '/v1/openai/chat/completions'): Promise<Reply> {
    const bytes = Buffer.from(JSON.stringify({ model: 'gpt-5.2', messages: [], ...body }))
    return this.call(token, path, { headers: { 'content-type': 'application/json' }, body: bytes })
  }

  /** What the upstream answers to paths that begin with this segment. */
  answers(segment: string, answer: (request: IncomingMessage, response: ServerResponse) => void): void {
    this.upstream.on(segment, answer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]()
    await this.upstream.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** An answer in JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: Json,
  headers: Readonly<Record<string, string>> = {},
) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
