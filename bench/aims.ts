import type { Asking } from './asking.ts'
import type { ManyRules } from './many-rules.ts'
import type { Result } from './report.ts'
import { middle, type Ratio, ratioOf } from './rounds.ts'

export interface Aim {
  readonly aim: string
  readonly wanted: string
  readonly measured: string
  readonly met: boolean
}

/** What the gateway is to reach, and what this run says. Ratios are by what decides: CPU where the core was shared. */
export function aims(result: Result): readonly Aim[] {
  const { measured, rss, growth, machine, signIns, doors } = result
  const to = (connections: string, peer: string) => ratioOf(measured[connections] ?? [], 'claviger', peer)
  const p50 = middle(measured.c1 ?? [], 'claviger', 'p50Ms')
  return [
    ratio('of nginx at 32 connections', 0.2, to('c32', 'nginx')),
    ratio('of nginx at 128 connections', 0.25, to('c128', 'nginx')),
    most(`p50 at one connection, ms (append and sync here: ${machine.appendAndSyncMs} ms)`, 0.45, p50),
    ratio('of http-proxy-3 at 128 connections', 1, to('c128', 'http-proxy-3')),
    ratio('of http-proxy-3 at 8 connections', 0.4, to('c8', 'http-proxy-3')),
    most('memory after the load, 10 agents, MB', 150, rss.loaded),
    most('memory after the load, 100,000 agents, MB', 350, growth.agents.rssMb),
    least('of the small figure at 1,000,000 records, by CPU', 0.95, growth.records.cpuRatio),
    least('of the small figure at 100,000 agents, by CPU', 0.85, growth.agents.cpuRatio),
    least('challenge to token, exchanges per second and core', 2_000, 1e6 / signIns.exchanges.cpuUs),
    ratio('of the explicit call, through the Clauth door', 0.8, doors.clauth),
    ratio('of the explicit call, through the agentic-credential-vault door', 0.8, doors.agentvault),
    least('calls with a signed token, of those with an opaque one, by CPU', 0.95, signIns.jwt.cpu),
    ...askingAims(result),
  ]
}

export function askingAims({ manyRules, asking }: { manyRules: ManyRules; asking: Asking }): readonly Aim[] {
  const { rules, forTheService, cpuUs, p50Us } = manyRules
  const few = `added by ${rules.toLocaleString('en')} rules, ${forTheService} of them for the service, µs`
  return [
    most(`${few} of CPU (p50 at one connection: ${Math.round(p50Us)} µs)`, 50, cpuUs),
    most(`call to the messenger, p50 ms ${tail(asking.toChannel)}`, 100, asking.toChannel.p50Ms),
    most(`verdict to the released call, p50 ms ${tail(asking.toRelease)}`, 50, asking.toRelease.p50Ms),
  ]
}

const tail = ({ p99Ms }: Asking['toChannel']) => `(p99: ${p99Ms.toFixed(1)} ms)`

/** The table, as Markdown. */
export function aimLines(aims: readonly Aim[]): string[] {
  return [
    '| aim | wanted | measured | met |',
    '|---|---|---|---|',
    ...aims.map(({ aim, wanted, measured, met }) => `| ${aim} | ${wanted} | ${measured} | ${met ? 'yes' : 'no'} |`),
  ]
}

export function ratio(aim: string, wanted: number, { decides, by, throughput, cpu }: Ratio): Aim {
  const both = `${decides.toFixed(2)} by ${by} (throughput ${throughput.toFixed(2)}, CPU ${cpu.toFixed(2)})`
  return { aim, wanted: `≥ ${wanted}`, measured: both, met: decides >= wanted }
}

export function least(aim: string, wanted: number, value: number): Aim {
  return { aim, wanted: `≥ ${wanted}`, measured: value.toFixed(2), met: value >= wanted }
}

export function most(aim: string, wanted: number, value: number): Aim {
  return { aim, wanted: `≤ ${wanted}`, measured: String(Number(value.toFixed(3))), met: value <= wanted }
}
