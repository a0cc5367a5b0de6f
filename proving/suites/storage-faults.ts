// S5. Faults of the disk under a running gateway: a sync or a write that fails at its k-th time, a sync that takes half a
// second, a full disk. Nothing is acknowledged or forwarded that is not on disk, and after a failed sync nothing at all.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seeded } from '../../test/generators/seeded.ts'
import { Gateway, StartFailed } from '../../test/instruments/gateway.ts'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { recordsOf, segmentFiles } from '../audit-on-disk.ts'
import { Figures, sleep } from '../figures.ts'
import { type Injection, injectInto, injecting, noInjection } from '../inject.ts'
import { checkLog, findAgain, Load } from '../load.ts'

export interface InjectionOptions {
  readonly injections: number
  readonly seed: number
}

interface Kind {
  readonly name: string
  readonly when: 'while serving' | 'from the start'
  readonly calls: string
  /** What happens, with K for the k-th time on a thread. */
  readonly effect: string
  /** Only calls on the open segment of the log. */
  readonly onLog?: true
  /** If the gateway ends by itself, then with one of these; it need not. */
  readonly exits: readonly number[]
  readonly highest: number
}

const syncs = 'fdatasync,fsync'
const writes = 'write,pwrite64,writev,pwritev'
const kinds: readonly Kind[] = [
  {
    name: 'log sync EIO',
    when: 'while serving',
    calls: syncs,
    effect: 'error=EIO:when=K',
    onLog: true,
    exits: [75],
    highest: 8,
  },
  {
    name: 'log write EIO',
    when: 'while serving',
    calls: writes,
    effect: 'error=EIO:when=K',
    onLog: true,
    exits: [75],
    highest: 12,
  },
  {
    name: 'log write ENOSPC',
    when: 'while serving',
    calls: writes,
    effect: 'error=ENOSPC:when=K..K+9',
    onLog: true,
    exits: [],
    highest: 12,
  },
  {
    name: 'slow log',
    when: 'while serving',
    calls: syncs,
    effect: 'delay_exit=500000:when=K..K+2',
    onLog: true,
    exits: [],
    highest: 6,
  },
  { name: 'sync EIO', when: 'while serving', calls: syncs, effect: 'error=EIO:when=K', exits: [74, 75], highest: 24 },
  {
    name: 'write EIO',
    when: 'while serving',
    calls: 'pwrite64',
    effect: 'error=EIO:when=K',
    exits: [74, 75],
    highest: 60,
  },
  {
    name: 'interrupted sync',
    when: 'while serving',
    calls: syncs,
    effect: 'error=EINTR:when=K',
    exits: [74, 75],
    highest: 12,
  },
  { name: 'sync EIO', when: 'from the start', calls: syncs, effect: 'error=EIO:when=K', exits: [74, 75], highest: 16 },
  {
    name: 'write EIO',
    when: 'from the start',
    calls: 'pwrite64',
    effect: 'error=EIO:when=K',
    exits: [74, 75],
    highest: 80,
  },
  {
    name: 'write ENOSPC',
    when: 'from the start',
    calls: 'pwrite64',
    effect: 'error=ENOSPC:when=K',
    exits: [74, 75],
    highest: 80,
  },
]

export async function storageFaults({ injections, seed }: InjectionOptions): Promise<Figures> {
  const reason = noInjection()
  if (reason !== undefined) return Figures.skip('S5 storage faults', reason)
  const figures = new Figures('S5 storage faults')
  const random = seeded(seed)
  for (let n = 0; n < injections; n++) {
    const kind = kinds[n % kinds.length]!
    await injectOnce(kind, 1 + random.below(kind.highest), figures)
  }
  figures.notes.push(`seed ${seed}`)
  return figures
}

/** One gateway that is furnished in peace, then lives under the fault, then starts again in peace. */
async function injectOnce(kind: Kind, k: number, figures: Figures): Promise<void> {
  const what = `${kind.name} at ${k} ${kind.when}`
  await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  const load = await Load.start(around, new Figures('under fault'), 4)
  const code = await liveUnder(around.gateway, kind, k)
  if (code !== undefined) figures.notes.push(`${what}: ended with ${code}`)
  if (code !== undefined && !kind.exits.includes(code ?? -1)) {
    figures.wrong.push(`${what}: ended with ${code}: ${around.gateway.output().slice(-400)}`)
  }
  await around.gateway.kill9()
  await around.gateway.restart()
  await sleep(50)
  await load.stop()
  const after = new Figures(what)
  await findAgain(around.gateway, load.moment(), after)
  await around.gateway.stop()
  checkLog(around.gateway.home, load.moment(), after)
  figures.lost.push(...after.lost.map((text) => `${what}: ${text}`))
  figures.wrong.push(...after.wrong.map((text) => `${what}: ${text}`))
  figures.load += load.calls
  figures.faults++
}

/** The exit code, if the gateway ends by itself within a moment. */
async function liveUnder(gateway: Gateway, kind: Kind, k: number): Promise<number | null | undefined> {
  const effect = kind.effect.replace(/K\.\.K\+(\d+)/, (_, more) => `${k}..${k + Number(more)}`).replace('K', String(k))
  const file = kind.onLog ? segmentFiles(gateway.home).at(-1) : undefined
  const injection: Injection = { calls: kind.calls, effect, ...(file !== undefined && { file }) }
  if (kind.when === 'while serving') {
    const tracer = await injectInto(gateway.pid, injection)
    const code = await endsWithin(gateway, 1_000)
    tracer.kill()
    return code
  }
  await gateway.stop()
  try {
    await gateway.restart({}, injecting(injection))
    return await endsWithin(gateway, 1_000)
  } catch (error) {
    if (error instanceof StartFailed) return error.code
    throw error
  }
}

async function endsWithin(gateway: Gateway, ms: number): Promise<number | null | undefined> {
  return Promise.race([gateway.ended(), sleep(ms).then(() => undefined)])
}

export interface FullDiskOptions {
  readonly cycles: number
}

/** J-04. A tmpfs is filled and freed again and again: nothing is forwarded while it is full, revoking still works. */
export async function fullDisk({ cycles }: FullDiskOptions): Promise<Figures> {
  const figures = new Figures('J-04 full disk')
  const folder = mkdtempSync(join(tmpdir(), 'claviger-full-'))
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=112m,mode=0700', 'none', folder], { encoding: 'utf8' })
  if (mount.status !== 0) {
    rmSync(folder, { recursive: true })
    return Figures.skip('J-04 full disk', `no tmpfs can be mounted: ${mount.stderr.trim()}`)
  }
  try {
    await using around = await world({ folder, env: { CLAVIGER_DEMO: 'off' } })
    for (let n = 0; n < cycles; n++) await fillAndFree(around, folder, n, figures)
    await around.gateway.stop()
    const urls = around.upstream.receipts.map((receipt) => receipt.url)
    const moment = { agents: [], liveTokens: [], revokedTokens: [], credentials: [], upstreamUrls: urls }
    checkLog(around.gateway.home, moment, figures)
    figures.notes.push(`${recordsOf(around.gateway.home).length} records`)
  } finally {
    spawnSync('umount', [folder])
    rmSync(folder, { recursive: true })
  }
  return figures
}

async function fillAndFree(around: World, folder: string, n: number, figures: Figures): Promise<void> {
  const { gateway, upstream } = around
  const doomed = await gateway.does<{ id: string; token: string }>('POST', '/tokens', { agent: 'agent-of-u' })
  const filler = join(folder, 'filler')
  fill(filler)
  await untilStatus(around, 503)
  const before = upstream.receipts.length
  for (let i = 0; i < 20; i++) {
    const reply = await around.call(`/full/${n}-${i}`)
    if (reply.status !== 503) figures.wrong.push(`cycle ${n}: ${reply.status} on a full disk`)
  }
  if (upstream.receipts.length !== before) figures.wrong.push(`cycle ${n}: forwarded while the disk was full`)
  const revoked = await gateway.operator('DELETE', `/tokens/${doomed.id}`)
  if (revoked.status >= 300)
    figures.wrong.push(`cycle ${n}: revoking on a full disk → ${revoked.status} ${revoked.text()}`)
  rmSync(filler)
  await untilStatus(around, 200)
  const after = await around.call('/n', { token: doomed.token })
  if (after.status !== 401) figures.lost.push(`cycle ${n}: the token revoked on a full disk got ${after.status}`)
  figures.faults++
}

/** Takes every byte that is left, in ever smaller steps. */
function fill(file: string): void {
  writeFileSync(file, '')
  for (let step = 1 << 20; step >= 1; step >>= 1) {
    for (;;) {
      try {
        writeFileSync(file, Buffer.alloc(step, 1), { flag: 'a' })
      } catch {
        break
      }
    }
  }
}

async function untilStatus(around: World, status: number): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const reply = await around.call('/until').catch(() => undefined)
    if (reply?.status === status) return
    if (!around.gateway.running) throw new Error(`the gateway ended:\n${around.gateway.output()}`)
    await sleep(25)
  }
  throw new Error(`no call is answered with ${status}`)
}

/** I-04. The log's sync never comes back: calls are refused within the bound, and nothing is forwarded. */
export async function blockedLog(): Promise<Figures> {
  const reason = noInjection()
  if (reason !== undefined) return Figures.skip('I-04 blocked log', reason)
  const figures = new Figures('I-04 blocked log')
  const upstream = await RecordingUpstream.start()
  const calm = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
  try {
    const { token } = await furnish(calm, { name: 'u', origins: [upstream.origin], secret: 'secret-of-blocked-log' })
    const tracer = await injectInto(calm.pid, { calls: 'fdatasync', effect: 'delay_enter=60000000:when=1+' })
    await askUntilBlocked(calm, token, figures)
    if (upstream.receipts.length > 0) figures.wrong.push('forwarded although no sync came back')
    tracer.kill('SIGKILL')
    await calm.kill9()
  } finally {
    await calm[Symbol.asyncDispose]()
    await upstream.close()
  }
  return figures
}

async function askUntilBlocked(gateway: Gateway, token: string, figures: Figures): Promise<void> {
  for (let n = 0; n < 200 && gateway.running; n++) {
    const from = performance.now()
    const reply = await gateway
      .agent('GET', `/to/u/b/${n}`, {
        headers: { authorization: `Bearer ${token}`, host: `127.0.0.1:${gateway.port}` },
      })
      .catch(() => undefined)
    const took = performance.now() - from
    if (took > 3_500) figures.wrong.push(`call ${n} was answered after ${took.toFixed(0)} ms only`)
    if (reply === undefined) break
    if (reply.status === 503) figures.faults++
    else figures.wrong.push(`call ${n} → ${reply.status}`)
    if (figures.faults > 5) return
  }
  if (figures.faults === 0) figures.wrong.push('the blocked log refused nothing')
}
