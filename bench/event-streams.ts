import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startGateway } from './claviger.ts'
import { cpuUs, median } from './measure.ts'
import { CREDENTIAL, ended, LOAD_CORE } from './subject.ts'
import type { Delays, Streams } from './subjects/event-load.ts'

const STREAMS = 500
const EVENTS_PER_SECOND = 10

export interface EventStreams {
  readonly streams: number
  readonly eventsPerSecond: number
  /** What the gateway adds to the delay of an event: through it, less straight from the upstream. */
  readonly addedP50Ms: number
  readonly addedP99Ms: number
  readonly cpuUsPerEvent: number
}

/** Many streams of events at once, as models answer: how much later each event comes through the gateway. */
export async function eventStreams(port: number, plan: { rounds: number; seconds: number }): Promise<EventStreams> {
  const files = mkdtempSync(join(tmpdir(), 'claviger-bench-events-'))
  const file = join(files, 'streams.json')
  const streams: Streams = { streams: STREAMS, events: EVENTS_PER_SECOND, seconds: plan.seconds }
  writeFileSync(file, JSON.stringify(streams))
  const client = join(import.meta.dirname, 'subjects', 'event-load.ts')
  const load = spawn('taskset', ['-c', LOAD_CORE, process.execPath, client, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: load.stdout })
  try {
    const [said] = (await once(lines, 'line')) as [string]
    const upstreamPort = Number(said.replace('listening ', ''))
    const gateway = await startGateway({ name: 'streams', port, upstreamPort, agents: 1 })
    try {
      const ask = async (url: string, authorization: string): Promise<Delays> => {
        load.stdin.write(`${JSON.stringify({ url, authorization })}\n`)
        const [answer] = (await once(lines, 'line')) as [string]
        const delays = JSON.parse(answer) as Delays
        if (delays.failed > 0 || delays.events === 0) throw new Error(`bench: ${delays.failed} streams failed`)
        return delays
      }
      const token = gateway.headers[0]?.replace('Authorization: ', '') ?? ''
      const rounds: EventStreams[] = []
      for (let round = 0; round < plan.rounds; round++) {
        const direct = await ask(`http://127.0.0.1:${upstreamPort}/v1/items`, `Bearer ${CREDENTIAL}`)
        const before = cpuUs(gateway.pids)
        const through = await ask(gateway.url, token)
        const cpuUsPerEvent = (cpuUs(gateway.pids) - before) / through.events
        const addedP50Ms = through.p50Ms - direct.p50Ms
        const addedP99Ms = through.p99Ms - direct.p99Ms
        const of = { streams: STREAMS, eventsPerSecond: EVENTS_PER_SECOND }
        if (round > 0) rounds.push({ ...of, addedP50Ms, addedP99Ms, cpuUsPerEvent })
        process.stderr.write(
          `  ${STREAMS} streams, round ${round + 1} of ${plan.rounds}: +${addedP50Ms.toFixed(2)} ms\n`,
        )
      }
      const middle = (name: keyof EventStreams) => median(rounds.map((round) => round[name]))
      return {
        ...{ streams: STREAMS, eventsPerSecond: EVENTS_PER_SECOND },
        ...{ addedP50Ms: middle('addedP50Ms'), addedP99Ms: middle('addedP99Ms') },
        cpuUsPerEvent: middle('cpuUsPerEvent'),
      }
    } finally {
      await gateway.stop()
    }
  } finally {
    load.stdin.end()
    await ended(load)
    rmSync(files, { recursive: true, force: true })
  }
}
