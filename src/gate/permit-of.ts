import type { Origin } from '../ground/origin.ts'
import type { Mint } from '../policy/mint.ts'
import type { Gathered } from './gather-facts.ts'
import type { CallRequest, GateGrant, GateService } from './rooms.ts'

/** What a permit for the call says. Plain literals: this runs for every call. */
export function permitOf(
  call: CallRequest,
  { resolution, credential }: Gathered,
  service: GateService,
  grant: GateGrant,
  origin: Origin,
  intentSeq: number,
): Parameters<Mint['mint']>[0] {
  return {
    call: {
      rid: call.rid,
      agent: call.principal.agent.id,
      token: call.principal.token.id,
      service: service.id,
      serviceName: service.name,
      method: call.method,
      origin,
      target: call.target,
      action: resolution?.action,
    },
    grant: grant.id,
    credential: service.injection === undefined ? undefined : credential,
    origins: service.originHrefs,
    intentSeq,
  }
}
