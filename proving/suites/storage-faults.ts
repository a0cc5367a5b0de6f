// S5. Faults of the disk under a running gateway: a sync or a write that fails at its k-th time, a sync that takes half a
// second. Nothing is acknowledged or forwarded that is not on disk, and after a failed sync nothing at all.
import { seeded } from '../../test/generators/seeded.ts'
import { type Gateway, StartFailed } from '../../test/instruments/gateway.ts'
import { world } from '../../test/instruments/world.ts'
import { segmentFiles } from '../audit-on-disk.ts'
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
