import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Authority } from '../test/instruments/certificates.ts'
import { alone } from './alone.ts'
import { type Gateway, startGateway } from './claviger.ts'
import { cpuUs, median, WARM_UP_SECONDS } from './measure.ts'
import { startMitmproxy } from './mitmproxy.ts'
import { startNginx, startUpstream } from './nginx.ts'
import { CREDENTIAL, LOAD_CORE, type Subject } from './subject.ts'
import type { Done, Load } from './subjects/tunnel-client.ts'

const run = promisify(execFile)

/** One way for a call over TLS to reach the upstream over TLS, with the credential added. */
interface Way {
  readonly subject: Subject
  readonly load: Omit<Load, 'mode' | 'connections' | 'seconds'>
}

export interface WayFigures {
  readonly perSecond: number
  /** CPU of the subject per call, microseconds. */
  readonly cpuUs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** By the way's name. */
export type WaysAt = Readonly<Record<string, WayFigures>>

export interface Tunnels {
  readonly at1: WaysAt
  readonly at8: WaysAt
  readonly at64: WaysAt
  /** CONNECT and handshake, one after the other; the certificate was made before. */
  readonly opened: WaysAt
  /** Why there is no figure of mitmproxy. */
  readonly without?: string
}

export interface TunnelPorts {
  readonly upstream: number
  readonly gateway: number
  readonly nginx: number
  readonly mitmproxy: number
}

/** Calls inside tunnels, to the explicit call to the same service; nginx from TLS to TLS, and mitmproxy, beside them. */
export async function tunnels(ports: TunnelPorts, plan: { rounds: number; seconds: number }): Promise<Tunnels> {
  const authority = new Authority()
  const files = mkdtempSync(join(tmpdir(), 'claviger-bench-tunnels-'))
  const started: Subject[] = []
  const keep = async <S extends Subject>(starting: Promise<S>): Promise<S> => {
    const subject = await starting
    started.push(subject)
    return subject
  }
  try {
    const shown = authority.issue()
    await keep(startUpstream(ports.upstream, { shown }))
    const nginx = await keep(startNginx(ports.nginx, ports.upstream, shown))
    const name = 'claviger'
    const gateway = await keep(startGateway({ name, port: ports.gateway, upstreamPort: ports.upstream, agents: 1 }))
    const token = await secureService(gateway, ports.upstream, authority.pem)
    const mitmproxy = await startMitmproxy(ports.mitmproxy, authority.cert)
    const ways = [
      inTunnel(gateway, ports, basic(token)),
      explicit(gateway, token),
      relayed(nginx),
      ...(typeof mitmproxy === 'string' ? [] : [inTunnel(await keep(Promise.resolve(mitmproxy)), ports, basic('any'))]),
    ]
    const measured = { ...plan, files }
    return {
      at1: await measureWays(ways, { ...measured, mode: 'calls', connections: 1 }),
      at8: await measureWays(ways, { ...measured, mode: 'calls', connections: 8 }),
      at64: await measureWays(ways, { ...measured, mode: 'calls', connections: 64 }),
      opened: await measureWays(
        ways.filter(({ load }) => load.connect !== undefined),
        { ...measured, mode: 'tunnels', connections: 1 },
      ),
      ...(typeof mitmproxy === 'string' ? { without: mitmproxy } : {}),
    }
  } finally {
    for (const subject of started.reverse()) await subject.stop()
    rmSync(files, { recursive: true, force: true })
    authority[Symbol.dispose]()
  }
}

/** A service over TLS by its own authority, with a credential and an agent; resolves to the agent's token. */
async function secureService({ operator }: Gateway, port: number, trust: string): Promise<string> {
  const origins = [`https://127.0.0.1:${port}`]
  const place = { addresses: ['127.0.0.0/8'], trust }
  await operator('POST', '/services', { name: 'secure', origins, injection: { kind: 'bearer' }, ...place })
  await operator('POST', '/credentials', { handle: 'secure-key', service: 'secure', secret: CREDENTIAL })
  await operator('POST', '/agents', { name: 'tunneller' })
  await operator('POST', '/grants', { agent: 'tunneller', service: 'secure', scopes: ['secure:read'] })
  return String((await operator('POST', '/tokens', { agent: 'tunneller' })).token)
}

const basic = (token: string) => `Basic ${Buffer.from(`claviger:${token}`).toString('base64')}`

function inTunnel(subject: Subject, { upstream }: TunnelPorts, authorization: string): Way {
  const there = `127.0.0.1:${upstream}`
  return {
    subject,
    load: {
      ...placeOf(subject),
      connect: `CONNECT ${there} HTTP/1.1\r\nHost: ${there}\r\nProxy-Authorization: ${authorization}\r\n\r\n`,
      tls: true,
      request: `GET /v1/items HTTP/1.1\r\nHost: ${there}\r\n\r\n`,
    },
  }
}

function explicit(gateway: Gateway, token: string): Way {
  const subject = { ...gateway, name: 'explicit call' }
  const body = JSON.stringify({ service: 'secure', method: 'GET', path: '/v1/items' })
  const head = [
    'POST /claviger/v1/call HTTP/1.1',
    `Host: ${new URL(gateway.url).host}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ]
  return { subject, load: { ...placeOf(gateway), tls: false, request: `${head.join('\r\n')}\r\n\r\n${body}` } }
}

function relayed(nginx: Subject): Way {
  const { host } = new URL(nginx.url)
  return {
    subject: nginx,
    load: { ...placeOf(nginx), tls: true, request: `GET /v1/items HTTP/1.1\r\nHost: ${host}\r\n\r\n` },
  }
}

function placeOf({ url }: Subject) {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

interface Measuring {
  readonly rounds: number
  readonly seconds: number
  readonly files: string
  readonly mode: Load['mode']
  readonly connections: number
}

/** Medians over the rounds; the first is thrown away. Throws where a call failed. */
async function measureWays(ways: readonly Way[], measuring: Measuring): Promise<WaysAt> {
  const { rounds, files, mode, connections, seconds } = measuring
  const kept = new Map<string, WayFigures[]>(ways.map(({ subject }) => [subject.name, []]))
  const once = ({ subject, load }: Way, seconds: number) => {
    const file = join(files, 'load.json')
    writeFileSync(file, JSON.stringify({ ...load, mode, connections, seconds } satisfies Load), { mode: 0o600 })
    const subjects = ways.map((way) => way.subject)
    return alone(subject, subjects, () => measureWay(subject, file))
  }
  // What ran another way before is compiled anew.
  for (const way of ways) await once(way, WARM_UP_SECONDS)
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < ways.length; turn++) {
      const way = ways[(turn + round) % ways.length] as Way
      const figures = await once(way, seconds)
      if (round > 0) kept.get(way.subject.name)?.push(figures)
    }
    process.stderr.write(`  ${mode}, ${connections} connections, round ${round + 1} of ${rounds}\n`)
  }
  return Object.fromEntries([...kept].map(([name, figures]) => [name, middle(figures)]))
}

async function measureWay(subject: Subject, file: string): Promise<WayFigures> {
  const client = join(import.meta.dirname, 'subjects', 'tunnel-client.ts')
  const before = cpuUs(subject.pids)
  const { stdout } = await run('taskset', ['-c', LOAD_CORE, process.execPath, client, file])
  const used = cpuUs(subject.pids) - before
  const { done, failed, seconds, p50Ms, p99Ms } = JSON.parse(stdout) as Done
  if (failed > 0 || done === 0) throw new Error(`bench: ${subject.name}: ${failed} calls failed, ${done} did not`)
  return { perSecond: done / seconds, cpuUs: used / done, p50Ms, p99Ms }
}

function middle(figures: readonly WayFigures[]): WayFigures {
  const of = (name: keyof WayFigures) => median(figures.map((figure) => figure[name]))
  return { perSecond: of('perSecond'), cpuUs: of('cpuUs'), p50Ms: of('p50Ms'), p99Ms: of('p99Ms') }
}
