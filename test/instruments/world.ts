import type { Agent } from 'node:http'
import { Gateway, type GatewayOptions } from './gateway.ts'
import { RecordingUpstream } from './recording-upstream.ts'
import type { Reply, SendOptions } from './send.ts'
import { TaintOracle } from './taint-oracle.ts'

export interface WorldOptions extends GatewayOptions {
  /** Further members of the service record. */
  readonly service?: Readonly<Record<string, unknown>>
  readonly injection?: Readonly<Record<string, unknown>>
  /** Keep the upstream's receipts in this file as well. */
  readonly receiptsFile?: string
}

/** The least that a call needs: a gateway, an upstream that is allowed, a service, a credential, an agent and its token. */
export interface World {
  readonly gateway: Gateway
  /** The upstream that the service names, called `u` at the gateway. */
  readonly upstream: RecordingUpstream
  /** An origin that no service names: it must never be reached. */
  readonly attacker: RecordingUpstream
  readonly oracle: TaintOracle
  /** The credential's value, registered with the oracle as `credential`. */
  readonly secret: string
  /** The agent's token, registered with the oracle as `token`. */
  readonly token: string
  readonly agentId: string
  readonly serviceId: string
  /** A call in base-URL mode: `path` is below `/to/u`. */
  call(path: string, options?: CallOptions): Promise<Reply>
  [Symbol.asyncDispose](): Promise<void>
}

export interface CallOptions extends Partial<SendOptions> {
  readonly service?: string
  readonly token?: string
  readonly connections?: Agent
}

/** Loopback is refused unless a service says otherwise, and every upstream of a test lives there. */
export const loopback = ['127.0.0.0/8']

export async function world(options: WorldOptions = {}): Promise<World> {
  const oracle = new TaintOracle()
  const secret = oracle.canary('credential')
  const upstream = await RecordingUpstream.start({
    ...(options.receiptsFile && { receiptsFile: options.receiptsFile }),
  })
  const attacker = await RecordingUpstream.start()
  const { service = {}, injection = { kind: 'bearer' }, receiptsFile: _, ...rest } = options
  await using opened = new AsyncDisposableStack()
  opened.defer(async () => void (await Promise.all([upstream.close(), attacker.close()])))
  const gateway = opened.use(await Gateway.start({ onOutput: oracle.sink('output'), ...rest }))
  const { serviceId, agentId, token } = await furnish(gateway, {
    name: 'u',
    origins: [upstream.origin],
    secret,
    service: { injection, ...service },
  })
  const all = opened.move()
  oracle.canary('token', token)
  const transcript = oracle.sink('agent')
  return {
    gateway,
    upstream,
    attacker,
    oracle,
    secret,
    token,
    agentId,
    serviceId,
    call: async (path, call = {}) => {
      const { service: name = 'u', token: presented = token, headers, ...more } = call
      const authorization = presented === '' ? {} : { authorization: `Bearer ${presented}` }
      const reply = await gateway.agent(call.method ?? 'GET', `/to/${name}${path}`, {
        ...more,
        headers: { host: `127.0.0.1:${gateway.port}`, ...authorization, ...(headers as Record<string, string>) },
      })
      transcript(`${reply.status} ${reply.reason}\n${reply.rawHeaders.join('\n')}\n${JSON.stringify(reply.trailers)}\n`)
      transcript(reply.body)
      return reply
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

export interface Furniture {
  readonly name: string
  readonly origins: readonly string[]
  readonly secret: string
  readonly service?: Readonly<Record<string, unknown>>
  readonly grant?: Readonly<Record<string, unknown>>
}

export interface Furnished {
  readonly serviceId: string
  readonly agentId: string
  readonly token: string
  readonly tokenId: string
  readonly grantId: string
}

/** Describes a service, stores its credential, adds an agent with a token, and grants it everything there. */
export async function furnish(gateway: Gateway, furniture: Furniture): Promise<Furnished> {
  const { name, origins, secret, service = {}, grant = {} } = furniture
  const described = await gateway.does<{ id: string }>('POST', '/services', {
    name,
    origins,
    addresses: loopback,
    injection: { kind: 'bearer' },
    ...service,
  })
  await gateway.does('POST', '/credentials', { handle: `${name}-key`, service: name, secret })
  const agent = await gateway.does<{ id: string }>('POST', '/agents', { name: `agent-of-${name}` })
  const issued = await gateway.does<{ id: string; token: string }>('POST', '/tokens', { agent: `agent-of-${name}` })
  const given = await gateway.does<{ id: string }>('POST', '/grants', {
    agent: `agent-of-${name}`,
    service: name,
    scopes: [`${name}:*`],
    ...grant,
  })
  return { serviceId: described.id, agentId: agent.id, token: issued.token, tokenId: issued.id, grantId: given.id }
}
