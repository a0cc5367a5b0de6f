import { type Gateway, startGateway } from './claviger.ts'
import { measure } from './measure.ts'
import { middle, type Plan, rounds } from './rounds.ts'

const CONNECTIONS = 32
const WARM_UP_SECONDS = 4
const OTHER_SERVICES = 49
const PER_SERVICE = 20
/** Of those for the called service, as many have a condition in CEL. */
const WITH_CONDITION = 5

export interface ManyRules {
  readonly rules: number
  readonly forTheService: number
  /** What they add to a call: CPU of the gateway at 32 connections, and the median at one, microseconds. */
  readonly cpuUs: number
  readonly p50Us: number
}

/** The same call with a thousand rules and with none, in the same rounds. Each of the called service's is looked at, and none is about it. */
export async function manyRules(gateway: Gateway, upstreamPort: number, port: number, plan: Plan): Promise<ManyRules> {
  const ruled = await startGateway({ name: 'a thousand rules', port, upstreamPort, agents: 10 })
  try {
    const services = Array.from({ length: OTHER_SERVICES }, (_, at) => `other-${at}`)
    for (const name of services)
      await ruled.operator('POST', '/services', { name, origins: [`https://${name}.example`] })
    const wanted = ['items', ...services].flatMap((service) => rulesOf(service))
    for (const rule of wanted) await ruled.operator('POST', '/rules', rule)
    await measure(ruled, CONNECTIONS, WARM_UP_SECONDS)
    const many = await rounds([gateway, ruled], CONNECTIONS, plan)
    const one = await rounds([gateway, ruled], 1, plan)
    const added = (kept: typeof one, figure: 'p50Ms' | 'cpuUs') =>
      middle(kept, ruled.name, figure) - middle(kept, gateway.name, figure)
    return {
      rules: wanted.length,
      forTheService: PER_SERVICE,
      cpuUs: added(many, 'cpuUs'),
      p50Us: added(one, 'p50Ms') * 1_000,
    }
  } finally {
    await ruled.stop()
  }
}

/** By what a call may be: none of them is about `GET /v1/items` of an agent of this run. */
const matches: readonly object[] = [
  { paths: ['/v1/refunds/{id}'], methods: ['GET'] },
  { actions: ['refund.*'] },
  { risk: 'high' },
  { trust: { below: 2 } },
  { query: { export: ['all', 'raw'] } },
]

const conditions: readonly string[] = [
  "path.matches('^/v[0-9]+/(refunds|payouts)/') && method != 'GET'",
  "agent.name.startsWith('nightly-') && trust < 3.0",
  "'export' in query && query.export.exists(one, one == 'all')",
  "now.getHours('Europe/Berlin') > 24",
  "segments.size() > 4 && segments[1] == 'admin'",
]

function rulesOf(service: string): object[] {
  return Array.from({ length: PER_SERVICE }, (_, at) => ({
    name: `${service}-${at}`,
    effect: at % 2 === 0 ? 'deny' : 'ask',
    match: { services: [service], ...(at < WITH_CONDITION ? {} : matches[at % matches.length]) },
    ...(at < WITH_CONDITION && { when: conditions[at % conditions.length] }),
  }))
}
