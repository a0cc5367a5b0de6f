// A gateway without rooms for the proxy's tests: everything is allowed, everything else is real.
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { denial } from '../gate/denials.ts'
import { OpenCalls } from '../gate/open-calls.ts'
import { type AddressSet, addressSet } from '../ground/addresses.ts'
import { callIds } from '../ground/call-ids.ts'
import { type Clock, systemClock } from '../ground/clock.ts'
import type { AgentId, CredentialId, GrantId, ServiceId, TokenId } from '../ground/ids.ts'
import { originMatches, parseOrigin } from '../ground/origin.ts'
import { Secret } from '../ground/secret.ts'
import { createResolver, type Resolver } from '../http/resolve.ts'
import { asksForWebSocket, Upgrades } from '../http/upgrades.ts'
import { createMint } from '../policy/mint.ts'
import { BASE_PREFIX, createBaseUrlHandler } from './base-url.ts'
import { type BreakerOptions, createBreakers } from './breaker.ts'
import type { Admitted, CarryOutOptions } from './carry-out.ts'
import { createDialer } from './dial.ts'
import { createExplicitCallHandler } from './explicit-call.ts'
import { createForward, type ForwardedService, type ForwarderOptions } from './forward.ts'
import type { Injection, Opened } from './inject.ts'
import type { Outcome } from './passage.ts'
import { type SecretMatcher, secretMatcher } from './scrub/matcher.ts'
import { createSilenceWatch } from './silence.ts'

export const TOKEN = `clv_ak_${'0'.repeat(16)}_${'A'.repeat(43)}_000000`
export const SECRET = 'canary-7f3b9c2e51d84a06'
export const loopback = addressSet(['127.0.0.0/8', '::1'])

export interface RigOptions {
  readonly origins: readonly string[]
  readonly injection?: Injection | undefined
  readonly secret?: string
  readonly allowed?: AddressSet | undefined
  readonly timeouts?: Partial<ForwardedService['timeouts']>
  readonly scrub?: boolean
  readonly clock?: Clock
  readonly resolver?: Resolver
  readonly ca?: readonly string[]
  readonly breaker?: BreakerOptions
  /** The credential is one that can be renewed, and this is what becomes of that. */
  readonly renew?: () => Promise<boolean>
  /** What an outcome is put on the disk with before an answer's last byte goes out. */
  readonly settling?: CarryOutOptions['settling']
  readonly forwarder?: Pick<ForwarderOptions, 'requestTransform' | 'injectorFor' | 'frameLimits'>
}

/** One service called `up`, one agent with `TOKEN`. */
export async function startRig(options: RigOptions) {
  const { clock = systemClock, injection = { kind: 'bearer' } as const, scrub = true } = options
  const mint = createMint()
  const nextRid = callIds('test')
  const dials: string[] = []
  const outcomes: Outcome[] = []
  const bugs: unknown[] = []
  const admitted: string[] = []
  const service: ForwardedService = {
    id: 'srv_up' as ServiceId,
    name: 'up',
    origins: options.origins.map((href) => parseOrigin(href, { anyPort: true, wildcard: true })),
    injection: 'injection' in options ? options.injection : injection,
    timeouts: { connectMs: 5_000, headersMs: 30_000, idleMs: 120_000, ...options.timeouts },
    allowed: 'allowed' in options ? options.allowed : loopback,
    scrub,
    strictAudit: false,
  }
  const opened: Opened = {
    id: 'crd_1' as CredentialId,
    version: 1,
    value: Secret.fromText(options.secret ?? SECRET),
    generation: options.renew && 1,
  }
  const matcher = scrub ? matcherOf(options.secret ?? SECRET) : undefined
  const openCalls = new OpenCalls()
  const dialer = createDialer({
    resolver: options.resolver ?? createResolver({ clock }),
    spend: mint.spend,
    clock,
    onDial: (address, port) => dials.push(`${address} ${port}`),
    ...(options.ca && { ca: options.ca }),
  })
  const watch = createSilenceWatch(clock, 20)
  const breakers = createBreakers({ clock, ...options.breaker })
  const carry: CarryOutOptions = {
    authenticate: (presented) => (presented === TOKEN ? principal : undefined),
    admit: async (call) => {
      const origin = call.origin ?? service.origins[0]!
      if (!service.origins.some((known) => originMatches(known, origin.host, origin.port, origin.scheme))) {
        throw denial('origin_not_on_service')
      }
      if (call.protocol === 'other') throw denial('protocol_not_carried')
      const { rid, method, target } = call
      admitted.push(target.path)
      const footing = { rid, agent: principal.agent.id, token: principal.token.id, service: service.id }
      const grant = 'grt_1' as GrantId
      const credential = service.injection === undefined ? undefined : opened.id
      const permit = mint.mint({
        call: { ...footing, serviceName: service.name, method, origin, target, action: undefined },
        grant,
        credential,
        origins: service.origins.map(({ href }) => href),
        intentSeq: 0,
      })
      const open = openCalls.enter({ ...footing, grant, credential })
      return { permit, service, open } satisfies Admitted
    },
    open: (permit) => {
      if (!mint.redeem(permit)) throw new Error('test rig: permit was not good')
      return permit.credential === undefined ? undefined : opened
    },
    ...(options.settling && { settling: options.settling }),
    ...(options.renew && { renews: () => true, renew: options.renew }),
    nextRid,
    forward: createForward({ dialer, breakers, watch, matcherFor: () => matcher, ...options.forwarder }),
    onOutcome: (_, outcome) => outcomes.push(outcome),
    onBug: (error) => bugs.push(error),
  }
  const server = serve(carry, nextRid)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    /** For ways in of a test's own. */
    carry,
    nextRid,
    service,
    opened,
    dialer,
    breakers,
    watch,
    openCalls,
    dials,
    outcomes,
    bugs,
    admitted,
    /** Whether each call that was admitted has its outcome; that may be a moment after the caller has the answer. */
    settled: () => outcomes.length === admitted.length,
    async close() {
      dialer.close()
      watch.stop()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type Rig = Awaited<ReturnType<typeof startRig>>

const principal = {
  kind: 'agent',
  agent: { id: 'agent_1' as AgentId, status: 'active' },
  token: { id: 'tok_1' as TokenId, status: 'active', expiresAt: Number.MAX_SAFE_INTEGER },
} as const

function serve(carry: CarryOutOptions, nextRid: () => string): Server {
  const base = createBaseUrlHandler(carry)
  const explicit = createExplicitCallHandler(carry, () => undefined)
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000, shouldUpgradeCallback: asksForWebSocket })
  const upgrades = new Upgrades()
  server.maxRequestsPerSocket = 0
  server.on('request', (request, response) => {
    if (request.url?.startsWith(BASE_PREFIX)) base(request, response, nextRid())
    else explicit(request, response, nextRid())
  })
  server.on('upgrade', (request, socket, head) => {
    upgrades.take(request, socket as Socket, head, (asked, response) => base(asked, response, nextRid()))
  })
  server.on('checkContinue', (request, response) => base(request, response, nextRid()))
  return server
}

function matcherOf(secret: string): SecretMatcher {
  return secretMatcher([{ secret: Buffer.from(secret) }], '[redacted:crd_1]')
}
