import { alone } from './alone.ts'
import { type Gateway, startGateway } from './claviger.ts'
import { measure, rssMb, type Sample } from './measure.ts'
import { middle, type Plan, rounds } from './rounds.ts'

const RECORDS = 1_000_000
const AGENTS = 100_000
const CONNECTIONS = 32

export interface Compared {
  /** Throughput to the small gateway's, in the same rounds. */
  readonly ratio: number
  /** The small gateway's CPU per call to this one's. */
  readonly cpuRatio: number
}

export interface Growth {
  readonly records: Compared & { readonly before: number; readonly after: number }
  readonly agents: Compared & { readonly count: number; readonly rssMb: number; readonly seedSeconds: number }
  readonly explicitCall: Sample
}

export interface GrowthInput {
  readonly gateway: Gateway
  readonly upstreamPort: number
  readonly port: number
  readonly plan: Plan
}

/** The same call with a long history and with many agents, each against a small gateway in the same rounds. */
export async function growth(input: GrowthInput): Promise<Growth> {
  const { gateway, plan } = input
  await measure(gateway.explicitCall, CONNECTIONS, plan.seconds)
  const explicitCall = await measure(gateway.explicitCall, CONNECTIONS, plan.seconds)
  return { explicitCall, agents: await manyAgents(input), records: await manyRecords(input) }
}

async function manyAgents({ gateway, upstreamPort, port, plan }: GrowthInput): Promise<Growth['agents']> {
  const began = performance.now()
  const many = await startGateway({ name: 'many agents', port, upstreamPort, agents: AGENTS })
  const seedSeconds = Math.round((performance.now() - began) / 1_000)
  process.stderr.write(`  ${AGENTS} agents in ${seedSeconds} s\n`)
  try {
    const kept = await rounds([gateway, many], CONNECTIONS, plan)
    return { count: AGENTS, ...against(kept, 'many agents', 'claviger'), rssMb: rssMb(many), seedSeconds }
  } finally {
    await many.stop()
  }
}

async function manyRecords({ gateway, upstreamPort, port, plan }: GrowthInput): Promise<Growth['records']> {
  const fresh = await startGateway({ name: 'short log', port, upstreamPort, agents: 10 })
  try {
    const fill = () => alone(gateway, [gateway, fresh], () => measure(gateway, 128, 5))
    while ((await recordsOf(gateway)) < RECORDS) await fill()
    const before = await recordsOf(fresh)
    const after = await recordsOf(gateway)
    const kept = await rounds([gateway, fresh], CONNECTIONS, plan)
    return { before, after, ...against(kept, 'claviger', 'short log') }
  } finally {
    await fresh.stop()
  }
}

function against(kept: Awaited<ReturnType<typeof rounds>>, name: string, reference: string): Compared {
  return {
    ratio: middle(kept, name, 'requestsPerSecond') / middle(kept, reference, 'requestsPerSecond'),
    cpuRatio: middle(kept, reference, 'cpuUs') / middle(kept, name, 'cpuUs'),
  }
}

async function recordsOf(gateway: Gateway): Promise<number> {
  const status = await gateway.operator('GET', '/status')
  return (status.audit as { size: number }).size
}
