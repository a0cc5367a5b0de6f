import type { Clock } from '../../ground/clock.ts'
import type { Storage } from '../../storage/storage.ts'
import { identityProblem } from '../contract.ts'
import type { Pepper } from '../room.ts'
import { type KnownAgent, relyingProblem } from './contract.ts'
import type { RelyingDirectory, RelyingService } from './relying-directory.ts'
import type { TrustLedger } from './trust-ledger.ts'

/** What the functions of this part work on. */
export interface RelyingRoom {
  readonly storage: Storage
  readonly clock: Clock
  readonly pepper: Pepper
  readonly directory: RelyingDirectory
  readonly ledger: TrustLedger
  /** By id or name. */
  readonly agentOf: (idOrName: string) => KnownAgent | undefined
}

/** One that is there, by id or name. Throws Problem `relying_unknown`. */
export function requireService({ directory }: RelyingRoom, idOrName: string): RelyingService {
  const service = directory.service(idOrName)
  if (service?.status !== 'active') throw relyingProblem('relying_unknown')
  return service
}

/** By id or name. Throws Problem `agent_unknown`. */
export function requireAgent({ agentOf }: RelyingRoom, idOrName: string): KnownAgent {
  const agent = agentOf(idOrName)
  if (agent === undefined) throw identityProblem('agent_unknown')
  return agent
}
