// The house's own endpoints, bound to what the house does. Translation only.

import type { z } from 'zod'
import { docsFiles, readDocsPage } from './docs-pages.ts'
import type { Gate } from './gate/admit.ts'
import type { Explanation } from './gate/explanation.ts'
import type { AgentPrincipal } from './gate/rooms.ts'
import { toldToAgent } from './gate/told-to-agent.ts'
import type { Clock } from './ground/clock.ts'
import type { CallId } from './ground/ids.ts'
import { Secret } from './ground/secret.ts'
import { targetOf } from './ground/target-of.ts'
import { unionHealth } from './health.ts'
import * as endpoints from './house-endpoints.ts'
import { type BoundEndpoint, bind } from './http/endpoint.ts'
import { homePage } from './http/home-page.ts'
import { done } from './http/shapes.ts'
import type { Opener, SealReason, VaultStatus } from './vault/contract.ts'
import { VERSION } from './version.ts'

/** What the house can do for its endpoints. */
export interface HouseActions<Who> {
  readonly version: string
  readonly publicUrl: string | undefined
  readonly clock: Clock
  readonly gate: Gate
  vaultStatus(): VaultStatus
  status(): Promise<z.input<typeof endpoints.Status>>
  settings(): Record<string, string | number | boolean | string[]>
  seal(reason: SealReason): Promise<void>
  unseal(opener: Opener | 'key file', accept: boolean, who: Who): Promise<void>
  emergencyRevoke(who: Who): Promise<{ epoch: number; stoppedCalls: number }>
  revokeLeaked(token: string): Promise<void>
  /** The agent that the caller is. */
  agentOf(who: Who): AgentPrincipal
  /** The agent of that name or id, as if it asked with a live token; throws its Problem when there is none. */
  agentNamed(nameOrId: string): AgentPrincipal
}

/** The page at `/`, at whichever listener it is asked for. */
export function ownPage(state: VaultStatus['state']): string {
  return homePage({ version: VERSION, state, docs: Object.keys(docsFiles) })
}

export function houseRoutes<Who>(house: HouseActions<Who>): BoundEndpoint<Who>[] {
  return [...publicRoutes(house), ...operatorRoutes(house), ...explainRoutes(house)]
}

function publicRoutes<Who>(house: HouseActions<Who>): BoundEndpoint<Who>[] {
  const { version } = house
  const health = () => ({
    ok: true as const,
    status: 'ok' as const,
    service: 'claviger' as const,
    version,
    state: house.vaultStatus().state,
    timestamp: new Date(house.clock.now()).toISOString(),
  })
  return [
    bind(endpoints.health, () => unionHealth(house.vaultStatus().state, house.publicUrl, house.clock.now())),
    bind(endpoints.nativeHealth, health),
    bind(endpoints.home, () => ownPage(house.vaultStatus().state)),
    bind(endpoints.docsPage, ({ params }) => readDocsPage(params.page)),
    bind(endpoints.revokeLeaked, async ({ body }) => {
      await house.revokeLeaked(body.token)
      return done
    }),
  ]
}

function operatorRoutes<Who>(house: HouseActions<Who>): BoundEndpoint<Who>[] {
  return [
    bind(endpoints.status, () => house.status()),
    bind(endpoints.config, () => ({ settings: house.settings() })),
    bind(endpoints.seal, async () => {
      await house.seal('operator')
      return house.vaultStatus()
    }),
    bind(endpoints.unseal, async ({ body, caller }) => {
      const opener = 'keyFile' in body ? 'key file' : { passphrase: Secret.fromText(body.passphrase) }
      await house.unseal(opener, body.accept ?? false, caller as Who)
      return house.vaultStatus()
    }),
    bind(endpoints.emergencyRevoke, ({ caller }) => house.emergencyRevoke(caller as Who)),
  ]
}

function explainRoutes<Who>(house: HouseActions<Who>): BoundEndpoint<Who>[] {
  const explain = (principal: AgentPrincipal, rid: string, body: Asked, whole: boolean) => {
    const { service: serviceName, method } = body
    const call = { rid: rid as CallId, principal, serviceName, method: method.toUpperCase(), target: targetOf(body) }
    const read = body.body === undefined ? undefined : { body: Buffer.from(JSON.stringify(body.body)) }
    return house.gate.explain(call, whole, read)
  }
  return [
    bind(endpoints.explainOwn, ({ body, caller, rid }) =>
      shown(toldToAgent(explain(house.agentOf(caller as Who), rid, body, false))),
    ),
    bind(endpoints.explainFor, ({ body, rid }) => shown(explain(house.agentNamed(body.agent), rid, body, true))),
  ]
}

interface Asked {
  readonly service: string
  readonly method: string
  readonly path: string
  readonly query?: Record<string, string | string[]> | undefined
  readonly body?: unknown
}

function shown({ decision, checks, action, among, risk, required, enough, grant, rules }: Explanation) {
  return {
    outcome: decision.outcome,
    check: decision.check,
    ...(decision.why !== undefined && { why: decision.why }),
    ...(action !== undefined && { action }),
    ...(among.length > 0 && { among: [...among] }),
    ...(risk !== undefined && { risk }),
    ...(grant !== undefined && { grant }),
    requiredScopes: [...required],
    ...(enough !== undefined && { sufficientScope: enough }),
    rules: { effect: rules.effect, names: [...rules.names] },
    checks: checks.map((line) => ({ ...line })),
  }
}
