// `npm run bench`: the gateway with its durable log against nginx, undici, http-proxy-3 and no proxy at all, in one run.
// `-- --quick` measures the small size alone, under a minute; `-- --json FILE` also writes the figures.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { type Gateway, startGateway } from './claviger.ts'
import { growth } from './growth.ts'
import { machine } from './machine.ts'
import { rssMb } from './measure.ts'
import { direct, startNginx, startUpstream } from './nginx.ts'
import { startNodePeer } from './node-peers.ts'
import { quickFigures, report } from './report.ts'
import { type Round, rounds } from './rounds.ts'
import type { Subject } from './subject.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
})

const BASE_PORT = 43_170

async function main(): Promise<number> {
  const quick = values.quick
  const plan = { rounds: Number(values.rounds ?? (quick ? 3 : 7)), seconds: Number(values.seconds ?? (quick ? 2 : 8)) }
  const upstream = await startUpstream(BASE_PORT)
  const started: Subject[] = [upstream]
  try {
    const nginx = await startNginx(BASE_PORT + 1, BASE_PORT)
    started.push(nginx)
    const gateway: Gateway = await startGateway({
      name: 'claviger',
      port: BASE_PORT + 4,
      upstreamPort: BASE_PORT,
      agents: 10,
    })
    started.push(gateway)
    const peers: Subject[] = [nginx, gateway]
    if (!quick) {
      peers.push(await startNodePeer('undici', 'undici-relay.ts', BASE_PORT + 2, BASE_PORT))
      peers.push(await startNodePeer('http-proxy-3', 'http-proxy.ts', BASE_PORT + 3, BASE_PORT))
      started.push(...peers.slice(2))
      peers.push(direct(BASE_PORT))
    }
    const restingMb = rssMb(gateway)
    const measured: Record<string, readonly Round[]> = {}
    for (const connections of quick ? [1, 32, 128] : [1, 8, 32, 128]) {
      measured[`c${connections}`] = await rounds(peers, connections, plan)
    }
    const rss = { resting: restingMb, loaded: rssMb(gateway) }
    if (quick) {
      const figures = quickFigures(measured, rss)
      process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`)
      write(values.json, figures)
      return failedIn(measured)
    }
    const more = await growth({ gateway, nginx, upstreamPort: BASE_PORT, port: BASE_PORT + 5, plan })
    const result = { machine: machine(), plan, measured, rss, growth: more }
    process.stdout.write(report(result))
    write(values.json, { ...quickFigures(measured, rss), ...result })
    return failedIn(measured)
  } finally {
    for (const subject of started.reverse()) await subject.stop()
  }
}

/** A run in which any call failed measured something else than calls. */
function failedIn(measured: Record<string, readonly Round[]>): number {
  const failed = Object.values(measured)
    .flat()
    .flatMap((round) => Object.entries(round).filter(([, sample]) => sample.failed > 0))
  for (const [name, sample] of failed) process.stderr.write(`bench: ${name}: ${sample.failed} calls failed\n`)
  return failed.length === 0 ? 0 : 1
}

function write(file: string | undefined, figures: object): void {
  if (file === undefined) return
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(figures, undefined, 2)}\n`)
}

process.exitCode = await main()
