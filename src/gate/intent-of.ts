import type { IntentRecord } from '../audit/contract.ts'
import type { Gathered } from './gather-facts.ts'
import type { CallRequest, GateGrant, GateService } from './rooms.ts'

/** What the log is told before a call goes out; `shown` is its redacted target. Plain literals: this runs for every call. */
export function intentOf(
  { rid, method, principal, told: ev }: CallRequest,
  shown: { readonly path: string; readonly query?: string },
  { origin, credential: id, credentialVersion: version }: Gathered,
  service: GateService,
  grant: GateGrant,
  epoch: number,
): IntentRecord {
  const place = { service: service.name, method, origin: origin?.href ?? '', path: shown.path }
  const req = shown.query === undefined ? place : { ...place, query: shown.query }
  const actor = { kind: 'agent', id: principal.agent.id, key: principal.token.id } as const
  const decision = { effect: 'allow', rule: grant.id, policy: epoch } as const
  if (id === undefined || service.injection === undefined) return { rid, actor, req, decision, ev }
  return { rid, actor, req, decision, credential: { id, version }, ev }
}
