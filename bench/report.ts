import { aimLines, aims } from './aims.ts'
import type { Asking } from './asking.ts'
import type { LogCheck } from './check-log.ts'
import type { DoorRatios } from './doors.ts'
import type { Growth } from './growth.ts'
import type { ManyRules } from './many-rules.ts'
import { middle, type Round, ratioOf } from './rounds.ts'
import type { SignIns } from './sign-ins.ts'

export interface Rss {
  readonly resting: number
  readonly loaded: number
}

export interface Result {
  readonly machine: Record<string, string | number>
  readonly measured: Record<string, readonly Round[]>
  readonly rss: Rss
  readonly growth: Growth
  readonly doors: DoorRatios
  readonly signIns: SignIns
  readonly manyRules: ManyRules
  readonly asking: Asking
  readonly log: LogCheck
}

/** The five figures of the small size. Ratios are those that decide: CPU per call where the core was shared. */
export function quickFigures(measured: Record<string, readonly Round[]>, rss: Rss): Record<string, number | string> {
  const c32 = measured.c32 ?? []
  const c128 = measured.c128 ?? []
  const ratio32 = ratioOf(c32, 'claviger', 'nginx')
  const ratio128 = ratioOf(c128, 'claviger', 'nginx')
  return {
    ratio_nginx_c32: round(ratio32.decides, 3),
    ratio_nginx_c128: round(ratio128.decides, 3),
    p50_ms_c1: round(middle(measured.c1 ?? [], 'claviger', 'p50Ms'), 3),
    cpu_us_c32: round(middle(c32, 'claviger', 'cpuUs'), 1),
    rss_mb: round(rss.loaded, 0),
    ratio_c32_by: ratio32.by,
    ratio_c128_by: ratio128.by,
    ratio_nginx_c32_throughput: round(ratio32.throughput, 3),
    ratio_nginx_c128_throughput: round(ratio128.throughput, 3),
    ratio_nginx_c32_cpu: round(ratio32.cpu, 3),
    ratio_nginx_c128_cpu: round(ratio128.cpu, 3),
  }
}

/** The tables, as Markdown, so that they can be kept in docs/figures as they are. */
export function report(result: Result): string {
  const lines = ['# Benchmark', '', ...Object.entries(result.machine).map(([name, value]) => `- ${name}: ${value}`), '']
  lines.push(
    'Same upstream, client, cores and run; the log is synced before each call is forwarded. Medians over paired rounds; the',
    'other subjects are stopped while one is measured. Added latency is against the client calling the upstream itself.',
    '',
    ...aimLines(aims(result)),
    '',
  )
  for (const [connections, kept] of Object.entries(result.measured)) {
    lines.push(...table(connections.slice(1), kept), '')
  }
  return [...lines, ...signInLines(result.signIns), ...growthLines(result), ...logLines(result.log)].join('\n')
}

function growthLines({ growth, rss }: Result): string[] {
  const { records, agents, explicitCall } = growth
  const count = (value: number) => value.toLocaleString('en')
  return [
    '## Growth',
    '',
    '| 32 connections, to the small gateway | by throughput | by CPU per call |',
    '|---|---|---|',
    `| ${count(records.after)} records in the log, to ${count(records.before)} | ${round(records.ratio, 2)} | ${round(records.cpuRatio, 2)} |`,
    `| ${count(agents.count)} agents, to 10 | ${round(agents.ratio, 2)} | ${round(agents.cpuRatio, 2)} |`,
    '',
    `\`POST /claviger/v1/call\`, 32 connections: ${count(Math.round(explicitCall.requestsPerSecond))} calls/s,` +
      ` ${round(explicitCall.cpuUs ?? Number.NaN, 1)} µs CPU per call, p50 ${round(explicitCall.p50Ms, 3)} ms.`,
    '',
    `Memory (RSS): ${round(rss.resting, 0)} MB at rest, ${round(rss.loaded, 0)} MB after the load,` +
      ` ${round(agents.rssMb, 0)} MB with ${count(agents.count)} agents. Adding those took ${agents.seedSeconds} s.`,
    '',
  ]
}

function signInLines({ exchanges, jwt, dpop }: SignIns): string[] {
  const perCore = (cpuUs: number) => Math.round(1e6 / cpuUs).toLocaleString('en')
  const row = (what: string, { perSecond, cpuUs }: SignIns['dpop']) =>
    `| ${what} | ${Math.round(perSecond).toLocaleString('en')} | ${round(cpuUs, 1)} | ${perCore(cpuUs)} |`
  return [
    '## Keys',
    '',
    '| 32 at once | per second | CPU µs of the gateway | one core could do |',
    '|---|---|---|---|',
    row('challenge → proof → tokens', exchanges),
    row('calls with a token bound to a key (DPoP)', dpop),
    '',
    `Calls with a signed token, to those with an opaque one: ${round(jwt.throughput, 2)} by throughput, ${round(jwt.cpu, 2)} by CPU.`,
    '',
  ]
}

function logLines({ records, intents, outcomes, verifyExit, verifySeconds }: LogCheck): string[] {
  const count = (value: number) => value.toLocaleString('en')
  return [
    `The log of the run: ${count(records)} records, ${count(intents)} intents, ${count(outcomes)} outcomes;` +
      ` \`claviger audit verify\` ${verifyExit === 0 ? 'holds' : `fails (${verifyExit})`}, in ${verifySeconds} s.`,
    '',
  ]
}

function table(connections: string, kept: readonly Round[]): string[] {
  const names = Object.keys(kept[0] ?? {}).sort()
  const direct50 = middle(kept, 'direct', 'p50Ms')
  const direct99 = middle(kept, 'direct', 'p99Ms')
  const rows = names.map((name) => {
    const ratio = ratioOf(kept, name, 'nginx')
    const cpu = middle(kept, name, 'cpuUs')
    return [
      name,
      Math.round(middle(kept, name, 'requestsPerSecond')).toLocaleString('en'),
      `${round(ratio.throughput, 2)} (${round(ratio.throughputMin, 2)}–${round(ratio.throughputMax, 2)})`,
      Number.isNaN(cpu) ? '–' : round(cpu, 1),
      Number.isNaN(ratio.cpu) ? '–' : round(ratio.cpu, 2),
      round(middle(kept, name, 'p50Ms') - direct50, 3),
      round(middle(kept, name, 'p99Ms') - direct99, 3),
      round(middle(kept, name, 'busy'), 2),
    ]
  })
  const heads = [
    'subject',
    'calls/s',
    'to nginx (min–max)',
    'CPU µs/call',
    'to nginx by CPU',
    'added p50 ms',
    'added p99 ms',
    'core busy',
  ]
  const to = (name: string) => {
    const { throughput, cpu } = ratioOf(kept, 'claviger', name)
    return `${round(throughput, 2)} (${round(cpu, 2)} by CPU)`
  }
  return [
    `## ${connections} connection${connections === '1' ? '' : 's'}`,
    '',
    `| ${heads.join(' | ')} |`,
    `|${heads.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    `claviger to http-proxy-3: ${to('http-proxy-3')}, to bare undici: ${to('undici')}.` +
      ` Its own p50 is ${round(middle(kept, 'claviger', 'p50Ms'), 3)} ms.`,
  ]
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
