import { type Gateway, startGateway } from './claviger.ts'
import { measure, rssMb } from './measure.ts'
import { middle, type Plan, rounds } from './rounds.ts'
import type { Subject } from './subject.ts'

const RECORDS = 1_000_000
const AGENTS = 100_000
const CONNECTIONS = 32

export interface Growth {
  readonly records: {
    readonly before: number
    readonly after: number
    readonly ratio: number
    readonly cpuRatio: number
  }
  readonly agents: { readonly ratio: number; readonly cpuRatio: number; readonly rssMb: number }
  readonly explicitCallCpuUs: number
  readonly explicitCallPerSecond: number
}

export interface GrowthInput {
  readonly gateway: Gateway
  readonly nginx: Subject
  readonly upstreamPort: number
  readonly port: number
  readonly plan: Plan
}

/** The same call with a long history and with many agents, each against the small gateway in the same rounds. */
export async function growth({ gateway, upstreamPort, port, plan }: GrowthInput): Promise<Growth> {
  const script = `${import.meta.dirname}/subjects/explicit-call.lua`
  const explicit = await measure(gateway.explicitCall, CONNECTIONS, plan.seconds, script)
  const many = await startGateway({ name: 'many agents', port, upstreamPort, agents: AGENTS })
  const agents = await rounds([gateway, many], CONNECTIONS, plan)
  const agentsRss = rssMb(many)
  await many.stop()
  const before = await recordsOf(gateway)
  const fresh = await startGateway({ name: 'short log', port, upstreamPort, agents: 10 })
  while ((await recordsOf(gateway)) < RECORDS) await measure(gateway, 128, 5)
  const after = await recordsOf(gateway)
  const long = await rounds([gateway, fresh], CONNECTIONS, plan)
  await fresh.stop()
  return {
    records: { before, after, ...against(long, 'claviger', 'short log') },
    agents: { ...against(agents, 'many agents', 'claviger'), rssMb: agentsRss },
    explicitCallCpuUs: explicit.cpuUs ?? Number.NaN,
    explicitCallPerSecond: explicit.requestsPerSecond,
  }
}

function against(kept: Awaited<ReturnType<typeof rounds>>, name: string, reference: string) {
  return {
    ratio: middle(kept, name, 'requestsPerSecond') / middle(kept, reference, 'requestsPerSecond'),
    cpuRatio: middle(kept, reference, 'cpuUs') / middle(kept, name, 'cpuUs'),
  }
}

async function recordsOf(gateway: Gateway): Promise<number> {
  const status = await gateway.operator('GET', '/status')
  return (status.audit as { size: number }).size
}
