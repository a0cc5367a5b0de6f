// `npm run bench`: the gateway with its durable log against nginx, undici, http-proxy-3 and no proxy at all, in one run.
// `-- --quick` measures the small size alone, under a minute; `-- --asking` what rules and questions to humans cost, alone;
// `-- --tunnels` calls inside tunnels, streams of events and chat completions, alone, against mitmproxy and Portkey where there
// are any; `-- --json FILE` also writes the figures, `--rounds` and `--seconds` say how long.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Aim, aimLines, askingAims } from './aims.ts'
import { asking } from './asking.ts'
import { carriedReport } from './carried-report.ts'
import { chat } from './chat.ts'
import { checkLog, type LogCheck } from './check-log.ts'
import { type Gateway, startGateway } from './claviger.ts'
import { doors } from './doors.ts'
import { eventStreams } from './event-streams.ts'
import { growth } from './growth.ts'
import { machine } from './machine.ts'
import { manyRules } from './many-rules.ts'
import { measure, rssMb, WARM_UP_SECONDS } from './measure.ts'
import { direct, startNginx, startUpstream } from './nginx.ts'
import { startNodePeer } from './node-peers.ts'
import { options } from './options.ts'
import { quickFigures, report } from './report.ts'
import { type Plan, type Round, rounds } from './rounds.ts'
import { signIns } from './sign-ins.ts'
import type { Subject } from './subject.ts'
import { tunnels } from './tunnels.ts'

const values = options()

/** Below the ports that the kernel gives to whoever asks for any. */
const BASE_PORT = 24_170
const started: Subject[] = []

async function main(): Promise<number> {
  const { quick } = values
  const plan = { rounds: Number(values.rounds ?? (quick ? 3 : 6)), seconds: Number(values.seconds ?? (quick ? 2 : 4)) }
  if (values.tunnels) return carriedAlone(plan)
  await kept(startUpstream(BASE_PORT))
  const nginx = await kept(startNginx(BASE_PORT + 1, BASE_PORT))
  // Once for nothing: the modules that this start compiled are kept, as on the machine of anybody who starts it again.
  await (await startGateway({ name: 'first start', port: BASE_PORT + 4, upstreamPort: BASE_PORT, agents: 0 })).stop()
  const gateway = await startGateway({
    name: 'claviger',
    port: BASE_PORT + 4,
    upstreamPort: BASE_PORT,
    agents: 10,
  })
  started.push(gateway)
  if (values.asking) return askingAlone(gateway, plan)
  const restingMb = rssMb(gateway)
  const peers = quick ? [nginx, gateway] : [nginx, gateway, ...(await nodePeers()), direct(BASE_PORT)]
  for (const peer of peers) await measure(peer, 32, WARM_UP_SECONDS)
  const measured: Record<string, readonly Round[]> = {}
  for (const connections of quick ? [1, 32, 128] : [1, 8, 32, 128]) {
    measured[`c${connections}`] = await rounds(peers, connections, plan)
  }
  const rss = { resting: restingMb, loaded: rssMb(gateway) }
  const figures = quickFigures(measured, rss)
  if (quick) {
    process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`)
    write(values.json, figures)
    return failedIn(measured)
  }
  const dialects = await doors(gateway, BASE_PORT, plan)
  const signing = await signIns(gateway, plan)
  const asked = await rulesAndAsking(gateway, plan)
  const log = await grow(gateway, plan)
  const result = { machine: machine(), plan, measured, rss, doors: dialects, signIns: signing, ...asked, ...log }
  process.stdout.write(report(result))
  write(values.json, { ...figures, ...result })
  return failedIn(measured) || brokenLog(log.log)
}

/** What rules cost a call, and how long asking a human takes beyond the human. */
async function rulesAndAsking(gateway: Gateway, plan: Plan) {
  return {
    manyRules: await manyRules(gateway, BASE_PORT, BASE_PORT + 5, plan),
    asking: await asking(BASE_PORT, BASE_PORT + 6),
  }
}

async function askingAlone(gateway: Gateway, plan: Plan): Promise<number> {
  await measure(gateway, 32, WARM_UP_SECONDS)
  const result = await rulesAndAsking(gateway, plan)
  const aims: readonly Aim[] = askingAims(result)
  process.stdout.write(`${aimLines(aims).join('\n')}\n`)
  write(values.json, { machine: machine(), plan, ...result })
  return 0
}

/** What comes in other ways than a plain call. */
async function carriedAlone(plan: Plan): Promise<number> {
  const at = (offset: number) => BASE_PORT + offset
  const result = {
    tunnels: await tunnels({ upstream: at(0), gateway: at(4), nginx: at(1), mitmproxy: at(2) }, plan),
    eventStreams: await eventStreams(at(4), plan),
    chat: await chat({ upstream: at(0), gateway: at(4), portkey: at(2) }, plan),
  }
  process.stdout.write(`${carriedReport(result)}\n`)
  write(values.json, { machine: machine(), plan, ...result })
  return 0
}

async function nodePeers(): Promise<readonly Subject[]> {
  return [
    await kept(startNodePeer('undici', 'undici-relay.ts', BASE_PORT + 2, BASE_PORT)),
    await kept(startNodePeer('http-proxy-3', 'http-proxy.ts', BASE_PORT + 3, BASE_PORT)),
  ]
}

/** Growth, then the end of the gateway and a look at its whole log. */
async function grow(gateway: Gateway, plan: Plan) {
  const more = await growth({ gateway, upstreamPort: BASE_PORT, port: BASE_PORT + 5, plan })
  await gateway.end()
  process.stderr.write('  checking the log\n')
  return { growth: more, log: await checkLog(gateway.home) }
}

async function kept<S extends Subject>(starting: Promise<S>): Promise<S> {
  const subject = await starting
  started.push(subject)
  return subject
}

/** A run in which any call failed measured something else than calls. */
function failedIn(measured: Record<string, readonly Round[]>): number {
  const failed = Object.values(measured)
    .flat()
    .flatMap((round) => Object.entries(round).filter(([, sample]) => sample.failed > 0))
  for (const [name, sample] of failed) process.stderr.write(`bench: ${name}: ${sample.failed} calls failed\n`)
  return failed.length === 0 ? 0 : 1
}

function brokenLog({ intents, outcomes, verifyExit }: LogCheck): number {
  if (verifyExit === 0 && intents === outcomes) return 0
  process.stderr.write(`bench: the log does not hold: ${intents} intents, ${outcomes} outcomes, verify ${verifyExit}\n`)
  return 1
}

function write(file: string | undefined, figures: object): void {
  if (file === undefined) return
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(figures, undefined, 2)}\n`)
}

async function stopAll(): Promise<void> {
  for (const subject of started.reverse()) await subject.stop()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // One of them may be stopped while another is measured, and would hear nothing.
    for (const pid of started.flatMap(({ pids }) => pids)) process.kill(pid, 'SIGCONT')
    void stopAll().finally(() => process.exit(130))
  })
}

try {
  process.exitCode = await main()
} finally {
  await stopAll()
}
