// What the proxy listener needs of the rooms: which services a host has, and whether an agent may open a tunnel to it.

import type { Socket } from 'node:net'
import { touchesTokens } from '../cut-off.ts'
import { admitTunnel } from '../gate/admit-tunnel.ts'
import type { AgentPrincipal } from '../gate/rooms.ts'
import type { AddressSet } from '../ground/addresses.ts'
import type { AgentId } from '../ground/ids.ts'
import type { Origin } from '../ground/origin.ts'
import { asProblem } from '../http/send-problem.ts'
import { httpsOnlyRefusal } from '../https-only.ts'
import type { Permit } from '../policy/permit.ts'
import type { PlaceholderBook } from '../proxy/placeholders/book.ts'
import { serviceMeant } from '../proxy/placeholders/take-from-head.ts'
import { proxyProblem } from '../proxy/problems.ts'
import type { SilenceWatch } from '../proxy/silence.ts'
import type { Passed } from '../proxy/tunnel/pass-through.ts'
import type { ProxyListenerOptions } from '../proxy/tunnel/proxy-listener.ts'
import type { Tunnel } from '../proxy/tunnel/tunnels.ts'
import type { Rooms } from '../rooms.ts'
import type { Service } from '../services/contract.ts'
import type { Settings } from '../settings.ts'
import { placeholderBook } from './placeholders.ts'

type Needs = Pick<ProxyListenerOptions, 'now' | 'admit' | 'serviceOf' | 'clientOf' | 'contextFor' | 'mustBeSecure'>

export function proxyNeeds(rooms: Rooms, { requireHttps }: Settings): Needs {
  const { clock, services, audit, storage, localCa } = rooms
  const refusalOf = httpsOnlyRefusal(requireHttps, rooms.clientOf)
  const book = placeholderBook(rooms)
  return {
    now: () => clock.now(),
    admit: (principal, origin, rid) => {
      const named = services.at(origin)
      const said = named.length > 0 ? 'none' : rooms.untouched.verdict(principal, origin).effect
      if (said === 'deny') throw rooms.untouched.refused({ rid, principal, origin })
      if (said === 'allow') return 'untouched'
      const given = givenOf(rooms, principal.agent.id, named).length > 0
      const admission = { audit, now: clock.now(), epoch: storage.epoch() }
      admitTunnel({ rid, principal, origin, named: named.length > 0, given }, admission)
      return 'looked_into'
    },
    serviceOf: (principal, origin, head) => serviceOf(rooms, book, principal, origin, head),
    clientOf: rooms.clientOf,
    contextFor: (host) => localCa.contextFor(host),
    mustBeSecure: (request) => {
      const refusal = refusalOf(request)
      if (refusal !== undefined) throw refusal
    },
  }
}

/** Connects tunnels that are not looked into: on record before, and afterwards with what passed. */
export function passOf(
  { untouched, vault, audit }: Pick<Rooms, 'untouched' | 'vault' | 'audit'>,
  dial: (permit: Permit, addresses: AddressSet | undefined) => Promise<Socket>,
): ProxyListenerOptions['pass'] {
  return async ({ principal, origin }, rid) => {
    const { permit, addresses } = await untouched.admit({ rid, principal, origin })
    const began = performance.now()
    const onEnd: Passed['onEnd'] = (bytesIn, bytesOut, error) => {
      const ms = Math.round(performance.now() - began)
      const status = error === undefined || bytesIn > 0 ? 200 : 502
      audit.outcome({ rid, outcome: { status, bytesIn, bytesOut, ms, ...(error !== undefined && { error }) } })
    }
    try {
      vault.open(permit)
      return { upstream: await dial(permit, addresses), onEnd }
    } catch (error) {
      onEnd(0, 0, asProblem(error).code)
      throw error
    }
  }
}

/** How often tunnels into which nobody looks are judged anew, ms: what time alone changes has no event. */
const LOOK_MS = 1_000
/** Changes that an agent's trust may come of. */
const ofTrust: ReadonlySet<string> = new Set(['trust_report', 'relying', 'relying_agent_forgotten'])

/** Calls `look` whenever a tunnel may have to end. */
export function followTunnels(
  { storage, identity, vault, untouched }: Pick<Rooms, 'storage' | 'identity' | 'vault' | 'untouched'>,
  watch: SilenceWatch,
  look: (lives: (tunnel: Tunnel) => boolean) => void,
) {
  const lives = ({ principal, origin, ...tunnel }: Tunnel) =>
    tunnel.untouched ? untouched.holds(principal, origin) : identity.isLive(principal.agent.id, principal.token.id)
  storage.follow(({ kind }) => {
    if (touchesTokens(kind) || kind === 'service' || kind === 'rule' || ofTrust.has(kind)) look(lives)
  })
  watch.add({
    ...{ movedAt: watch.now, place: -1, limitMs: () => LOOK_MS },
    silent() {
      this.movedAt = watch.now
      look((tunnel) => !tunnel.untouched || lives(tunnel))
    },
  })
  vault.watch(({ state }) => {
    if (state === 'sealed') look(() => false)
  })
}

/** Hosts of services, by HTTPS, that the agent was given something on; and those origins that are one host's. */
export function placesOfAgent({ services, grants }: Pick<Rooms, 'services' | 'grants'>, agent: AgentId) {
  const given = givenOf({ grants }, agent, services.list())
  const secure = given.flatMap(({ origins }) => origins.filter(({ scheme }) => scheme === 'https'))
  const origins = secure.filter(({ host }) => !host.includes('*')).map(({ href }) => new URL(href).origin)
  return { hosts: hostsOf(given), origins }
}

export function hostsOf(services: readonly Service[]): string[] {
  return services.flatMap(({ origins }) => origins.filter(({ scheme }) => scheme === 'https').map(({ host }) => host))
}

function givenOf({ grants }: Pick<Rooms, 'grants'>, agent: AgentId, services: readonly Service[]): readonly Service[] {
  return services.filter(({ id }) => grants.of(agent, id).some(({ door }) => door === undefined))
}

/**
 * Of several services of one host the one that the agent was given; of several such the one whose placeholder the client sends, or else where a grant covers the call.
 * Where that is more than one, nobody can tell which credential is meant.
 */
function serviceOf(
  rooms: Rooms,
  book: PlaceholderBook,
  { agent }: AgentPrincipal,
  origin: Origin,
  head: Parameters<Needs['serviceOf']>[2],
): string {
  const { method, target } = head
  const named = rooms.services.at(origin)
  const given = givenOf(rooms, agent.id, named)
  if (given.length <= 1) return (given[0] ?? named[0])?.name ?? ''
  const meant = serviceMeant(head, agent.id, book)
  const byPlaceholder = given.find(({ id }) => id === meant)
  if (byPlaceholder !== undefined) return byPlaceholder.name
  const covering = given.filter((service) => {
    const resolution = service.resolve(method, target)
    const allows = (word: string) => service.wordAllows(word, method, target)
    if (resolution === undefined) return false
    return rooms.grants.of(agent.id, service.id).some((one) => one.door === undefined && one.covers(resolution, allows))
  })
  if (covering.length > 1) throw proxyProblem('service_ambiguous', { facts: { host: origin.host } })
  return ((covering[0] ?? given[0]) as Service).name
}
