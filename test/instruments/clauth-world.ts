import { ClauthClient } from './clauth-client.ts'
import { Gateway, type GatewayOptions } from './gateway.ts'
import { RecordingUpstream } from './recording-upstream.ts'
import { type Reply, send } from './send.ts'
import { loopback } from './world.ts'

export const ADMIN = 'admin-token-of-the-test'

export interface ClauthWorldOptions extends GatewayOptions {
  /** Further members of the service record. */
  readonly service?: Readonly<Record<string, unknown>>
  /** The admin token, if another one. */
  readonly admin?: string
}

export interface AskedProxy {
  readonly skillId?: unknown
  readonly provider?: unknown
  readonly credentialHandle?: unknown
  readonly scope?: unknown
  readonly method?: unknown
  readonly endpoint?: unknown
  readonly headers?: unknown
  readonly body?: unknown
}

/** A gateway with the Clauth door, a provider on loopback, and a skill with its token and a grant. */
export class ClauthWorld {
  readonly gateway: Gateway
  readonly upstream: RecordingUpstream
  readonly secret = 'sk-canary-0123456789-abcdefghij'
  readonly skillId: string
  readonly #admin: string
  token = ''

  private constructor(gateway: Gateway, upstream: RecordingUpstream, skillId: string, admin: string) {
    this.#admin = admin
    this.gateway = gateway
    this.upstream = upstream
    this.skillId = skillId
  }

  static async start(
    { service = {}, admin = ADMIN, ...options }: ClauthWorldOptions = {},
    skillId = 'My Skill',
  ): Promise<ClauthWorld> {
    const upstream = await RecordingUpstream.start()
    const env = { CLAVIGER_DEMO: 'off', CLAUTH_ADMIN_TOKEN: admin, CLAUTH_ALLOW_INSECURE_HTTP: '1', ...options.env }
    const gateway = await Gateway.start({ ...options, env })
    const made = new ClauthWorld(gateway, upstream, skillId, admin)
    const injection = { kind: 'bearer' }
    const origins = [upstream.origin]
    await gateway.does('POST', '/services', { name: 'github', origins, injection, addresses: loopback, ...service })
    await made.store('main', made.secret)
    made.token = await made.issue(skillId)
    await made.grant({ rateLimitPerMinute: 10_000 })
    return made
  }

  get client(): ClauthClient {
    return new ClauthClient({ daemonUrl: this.gateway.url, skillId: this.skillId, skillToken: this.token })
  }

  url(path: string): string {
    return `${this.upstream.origin}${path}`
  }

  store(handle: string, secret: string, more: object = {}): Promise<unknown> {
    return this.gateway.does('POST', '/credentials', { handle, service: 'github', secret, ...more })
  }

  grant(more: object): Promise<{ id: string } & Record<string, unknown>> {
    const asked = { skillId: this.skillId, provider: 'github', scope: 'github:read', ...more }
    return this.gateway.does('POST', '/clauth/grants', asked)
  }

  async issue(skillId: string): Promise<string> {
    const reply = await this.admin('POST', '/admin/skill-token/issue', { skillId })
    return (reply.json() as { token: string }).token
  }

  /** A request with the admin token. `path` is below `/clauth/v1`. */
  admin(method: string, path: string, body?: object, token = this.#admin): Promise<Reply> {
    return this.ask(method, `/clauth/v1${path}`, body, { 'x-clauth-admin-token': token })
  }

  /** What the client would send, with what is said here instead. */
  proxy(
    more: AskedProxy = {},
    headers: Record<string, string> = { 'x-clauth-skill-token': this.token },
  ): Promise<Reply> {
    const { skillId } = this
    const asked = { skillId, provider: 'github', credentialHandle: 'main', scope: 'github:read', method: 'GET' }
    return this.ask('POST', '/clauth/v1/proxy', { ...asked, endpoint: this.url('/ok'), ...more }, headers)
  }

  ask(method: string, path: string, body?: object | string, headers: Record<string, string> = {}): Promise<Reply> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    return send({ port: this.gateway.port, method, path, headers, body: text })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]()
    await this.upstream.close()
  }
}

/** Status, code and message of a refusal. */
export function refusal(reply: Reply): [status: number, code: string, message: string] {
  const { error } = reply.json() as { error: { code: string; message: string } }
  return [reply.status, error.code, error.message]
}
