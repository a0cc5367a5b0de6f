// Puts the proxy together with the rooms: the two short ways in, and what is recorded when a call is over.

import type { IncomingMessage } from 'node:http'
import type { OutcomeRecord } from './audit/contract.ts'
import type { CallRequest } from './gate/rooms.ts'
import type { CredentialId, ServiceId } from './ground/ids.ts'
import type { Log } from './ground/log.ts'
import { placeholderBook, placeholding } from './house/placeholders.ts'
import { followTunnels, passOf, proxyNeeds } from './house/proxy-needs.ts'
import { SendForAgents } from './house/send-for-agents.ts'
import type { Handle } from './http/listen.ts'
import { createResolver } from './http/resolve.ts'
import { atListener } from './identity/listener-token.ts'
import { DOOR, llmProblem } from './llm/contract.ts'
import type { Permit } from './policy/permit.ts'
import { createBaseUrlHandler } from './proxy/base-url.ts'
import { boundOf } from './proxy/bound-caller.ts'
import { type Breakers, createBreakers } from './proxy/breaker.ts'
import type { MakeCall } from './proxy/call-by-action.ts'
import { type CallingAgent, type CarriedCall, type CarryOutOptions, callingAgent, carryOut } from './proxy/carry-out.ts'
import { type Collect, createCollect } from './proxy/collect.ts'
import { createDialer, type Dialer } from './proxy/dial.ts'
import { createExplicitCallHandler } from './proxy/explicit-call.ts'
import { createForward, type Forward } from './proxy/forward.ts'
import { createInjectors } from './proxy/inject.ts'
import { createMatchers } from './proxy/matchers.ts'
import type { Outcome } from './proxy/passage.ts'
import { MarkWatch } from './proxy/placeholders/mark-scan.ts'
import { sentBody } from './proxy/placeholders/request-body.ts'
import { createSilenceWatch, type SilenceWatch } from './proxy/silence.ts'
import { createProxyListener, type ProxyListener } from './proxy/tunnel/proxy-listener.ts'
import type { Rooms } from './rooms.ts'
import type { Settings } from './settings.ts'

export interface DataPlane {
  readonly baseUrl: Handle
  readonly explicitCall: Handle
  /** What comes as to a proxy. */
  readonly proxy: ProxyListener
  /** For doors: names the agent that calls. Throws Problems `unauthenticated`, `token_conflict`, `caller_refused`, `possession_unproven`. */
  callingAgent(request: IncomingMessage): CallingAgent
  /** For doors: carries a call out and gives its answer whole. */
  readonly collect: Collect
  /** For doors: carries a call out, whose answer goes to its recipient while it comes. */
  readonly carry: (call: CarriedCall) => Promise<void>
  /** Sends what agents left with the gateway. */
  readonly sender: SendForAgents
  /** Once what the sender sent is over. */
  close(): Promise<void>
}

export function createDataPlane(rooms: Rooms, settings: Settings, log: Log): DataPlane {
  const { clock } = rooms
  const dialer = createDialer({ resolver: createResolver({ clock }), spend: rooms.spend, clock })
  const breakers = createBreakers({ clock, inFlight: settings.maxInFlight })
  const watch = createSilenceWatch(clock)
  const book = placeholderBook(rooms)
  const forward = createForward({
    ...{ dialer, breakers, watch },
    matcherFor: createMatchers(),
    injectorFor: createInjectors(clock),
    requestTransform: (...asked) => sentBody(book, ...asked),
    // Sockets outlive the time in which there are none.
    markWatch: () => new MarkWatch(),
    frameLimits: {
      messageBytes: settings.webSocketMessageBytes,
      totalBytes: settings.webSocketTotalMib * 1024 ** 2,
    },
  })
  followChanges(rooms, dialer, breakers)
  const options = { ...carryOutOptions(rooms, forward, log), holdMs: settings.approvalHoldSeconds * 1_000 }
  const collect = createCollect(options)
  const sender = new SendForAgents(rooms, collect, options.onBug)
  const proxy = proxyOf(rooms, settings, options, dialer, watch)
  return {
    proxy,
    baseUrl: createBaseUrlHandler(options),
    explicitCall: createExplicitCallHandler(options, callMaker(rooms)),
    callingAgent: (request) => callingAgent(options, request),
    ...{ collect, sender, carry: (call) => carryOut(options, call) },
    close: async () => {
      await sender.close()
      watch.stop()
      dialer.close()
    },
  }
}

/** Its tunnels end with what they stand on. */
function proxyOf(
  rooms: Rooms,
  settings: Settings,
  carry: CarryOutOptions,
  dialer: Dialer,
  watch: SilenceWatch,
): ProxyListener {
  const pass = passOf(rooms, (permit, addresses) => dialer.tunnel(permit, addresses))
  const proxy = createProxyListener({ carry, pass, ...proxyNeeds(rooms, settings), onBug: carry.onBug })
  followTunnels(rooms, watch, (lives) => proxy.tunnels.look(lives))
  return proxy
}

/** What the ways in go by. */
function carryOutOptions(rooms: Rooms, forward: Forward, log: Log): CarryOutOptions {
  const { identity, vault, audit } = rooms
  return {
    authenticate: (presented, request) => {
      // Whoever shows nothing may have come to a listener that is one agent's own.
      const atOwn = presented === '' ? atListener(identity, boundOf(request) ?? {}) : undefined
      const principal = atOwn ?? identity.authenticate(presented)
      if (principal === undefined) return rooms.refuseUnknown(presented)
      return rooms.possession.proven(principal, presented, request)
    },
    admit: (call, caller) => {
      refuseElsewhere(rooms, call)
      return rooms.gate.admit(call, caller)
    },
    prepare: (permit) => vault.prepare(permit),
    open: (permit) => vault.open(permit),
    renews: (permit) => vault.renews(permit),
    renew: (opened, rid) => vault.renewAfterRefusal(opened, rid),
    forward,
    placeholders: placeholding(rooms),
    nextRid: rooms.nextRid,
    settling: (permit, service) =>
      service.strictAudit ? (outcome) => audit.outcomeDurable(recordOfOutcome(permit, outcome)) : undefined,
    onOutcome: (permit, outcome) => {
      if (outcome.recorded !== true) audit.outcome(recordOfOutcome(permit, outcome))
      if (outcome.echoes > 0) rooms.alarms.echo(permit, outcome.echoes)
    },
    onBug: (error, rid) => log.error({ rid, err: error as Error }, 'a call failed that should not have'),
  }
}

/** What is counted at the LLM door alone goes no other way. Throws Problem `llm_elsewhere`. */
function refuseElsewhere({ llm, audit, storage }: Rooms, { rid, principal, serviceName, only }: CallRequest): void {
  const { agent, token } = principal
  if (only?.door === DOOR || !llm.isBounded(agent.id, serviceName)) return
  const actor = { kind: 'agent', id: agent.id, key: token.id } as const
  audit.deny({ rid, actor, reason: 'llm_elsewhere', policy: storage.epoch() })
  throw llmProblem('llm_elsewhere')
}

/** Whether a service of that name is there is told to those alone who were given something on it, other than at a door. */
function callMaker({ services, grants }: Rooms): MakeCall {
  return ({ agent }, name, action, params) => {
    const service = services.byName(name)
    const given = service !== undefined && grants.of(agent.id, service.id).some(({ door }) => door === undefined)
    if (!given) return undefined
    return service.callOf(action, params)
  }
}

/** Connections and breakers end with what they were for. */
function followChanges({ storage, services, vault }: Rooms, dialer: Dialer, breakers: Breakers): void {
  storage.follow(({ kind, ref }) => {
    if (kind === 'credential') dialer.closeCredential(ref as CredentialId)
    if (kind !== 'service') return
    dialer.closeService(ref as ServiceId)
    if (services.byId(ref as ServiceId) === undefined) breakers.forget(ref as ServiceId)
  })
  vault.watch(({ state }) => {
    if (state === 'sealed') dialer.cutAll()
  })
}

function recordOfOutcome({ call }: Permit, outcome: Outcome): OutcomeRecord {
  const { status, bytesIn, bytesOut, framesIn, framesOut, ms, error } = outcome
  if (framesIn !== undefined && framesOut !== undefined) {
    const told = { status, bytesIn, bytesOut, framesIn, framesOut, ms }
    return { rid: call.rid, outcome: error === undefined ? told : { ...told, error } }
  }
  // Two literals, not one with a spread: this runs for every call.
  if (error === undefined) return { rid: call.rid, outcome: { status, bytesIn, bytesOut, ms } }
  return { rid: call.rid, outcome: { status, bytesIn, bytesOut, ms, error } }
}
