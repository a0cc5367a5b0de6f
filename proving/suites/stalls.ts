// J-01 (S8). Upstreams that stall, break or talk garbage in every mode: each call ends as an error, a healthy service goes
// on, the breaker opens and half-opens again.
import { unanswering } from '../../test/instruments/chaos-peer.ts'
import type { Reply } from '../../test/instruments/send.ts'
import { stallModes } from '../../test/instruments/upstream-stalls.ts'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { Figures, percentile, sleep } from '../figures.ts'

export interface StallOptions {
  readonly concurrent: number
  /** Whether the healthy service's 99th percentile is judged against that of a quiet gateway. */
  readonly timed: boolean
}

const limits = { connectMs: 400, headersMs: 400, idleMs: 400 }

export async function stalledUpstreams({ concurrent, timed }: StallOptions): Promise<Figures> {
  const figures = new Figures('J-01 stalled upstreams')
  await using around = await world()
  const silent = await unanswering()
  const quiet = await healthy(around, figures, () => sleep(1_500))
  const troubled = await healthy(around, figures, async () => {
    for (const mode of stallModes) await stall(around, mode, around.upstream.origin, concurrent, figures)
    await stall(around, 'no-answer', `http://127.0.0.1:${silent.port}`, concurrent, figures)
  })
  await silent.close()
  const [p99, before] = [percentile(troubled, 0.99), percentile(quiet, 0.99)]
  figures.notes.push(`healthy service p99 ${p99.toFixed(1)} ms beside stalls, ${before.toFixed(1)} ms alone`)
  if (timed && p99 > Math.max(1.5 * before, 25))
    figures.wrong.push(`the healthy service slowed to ${p99.toFixed(1)} ms`)
  await breakerHalfOpens(around, figures)
  figures.leaked.push(...(await around.oracle.searchSinks(['credential', 'token'])).map((hit) => JSON.stringify(hit)))
  return figures
}

/** A service of its own per mode, so that one's breaker says nothing about another's. */
async function stall(around: World, mode: string, origin: string, concurrent: number, figures: Figures): Promise<void> {
  const { token } = await furnish(around.gateway, {
    name: mode,
    origins: [origin],
    secret: around.oracle.canary(mode),
    service: { timeouts: limits },
  })
  const call = () => around.call(`/${mode}`, { service: mode, token }).catch(() => 'cut' as const)
  const ends = await Promise.all(Array.from({ length: concurrent }, call))
  for (const end of ends) {
    figures.faults++
    if (end !== 'cut' && ![502, 503, 504].includes(end.status)) figures.wrong.push(`${mode} → ${end.status}`)
    if (end !== 'cut' && end.code === undefined) figures.wrong.push(`${mode}: ${end.status} without a code`)
  }
  const more = await Promise.all(Array.from({ length: 20 }, call))
  more.push(await call())
  if (![...ends, ...more].some((end) => end !== 'cut' && end.code === 'service_resting')) {
    figures.wrong.push(`${mode}: the breaker stayed closed for ${ends.length + more.length} failures`)
  }
}

/** Calls to a healthy service while something else goes on; gives the milliseconds each took. */
async function healthy(around: World, figures: Figures, meanwhile: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  let stop = false
  const worker = async (): Promise<void> => {
    while (!stop) {
      const from = performance.now()
      const reply: Reply | undefined = await around.call('/n').catch(() => undefined)
      times.push(performance.now() - from)
      if (reply?.status === 200) figures.load++
      else figures.wrong.push(`the healthy service got ${reply?.status} ${reply?.code}`)
      await sleep(5)
    }
  }
  const workers = [worker(), worker()]
  await meanwhile()
  stop = true
  await Promise.all(workers)
  return times
}

async function breakerHalfOpens(around: World, figures: Figures): Promise<void> {
  const name = 'recovers'
  let ill = true
  around.upstream.on(name, (_request, response) => {
    if (ill) response.socket?.destroy()
    else response.end('well again')
  })
  const { token } = await furnish(around.gateway, {
    name,
    origins: [around.upstream.origin],
    secret: 'secret-of-recovers',
  })
  const call = () => around.call(`/${name}`, { service: name, token })
  let opened = 0
  while (opened < 40 && (await call()).code !== 'service_resting') opened++
  if (opened > 20) figures.wrong.push(`the breaker opened only after ${opened} failures`)
  ill = false
  for (let tries = 0; tries < 200; tries++) {
    if ((await call()).status === 200) return
    await sleep(100)
  }
  figures.wrong.push('the breaker never half-opened')
}
