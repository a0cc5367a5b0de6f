// S3. kill -9 at random moments under load. What the upstream received must have an intent in the log; what was
// acknowledged must be there after the restart; what may be used n times is used n times at most.
import { seeded } from '../../test/generators/seeded.ts'
import { world } from '../../test/instruments/world.ts'
import { Figures, percentile, sleep } from '../figures.ts'
import { checkLog, findAgain, Load } from '../load.ts'

export interface KillOptions {
  readonly kills: number
  readonly seed: number
  /** The bound on the 99th percentile of the time until the gateway is ready again; not judged when left out. */
  readonly readyMs?: number
}

export async function killUnderLoad({ kills, seed, readyMs }: KillOptions): Promise<Figures> {
  const figures = new Figures('S3 kill -9')
  await using around = await world()
  const load = await Load.start(around, figures, 8)
  const random = seeded(seed)
  const times: number[] = []
  for (let n = 0; n < kills; n++) {
    await load.moved()
    await sleep(random.below(250))
    await around.gateway.kill9()
    if (random.chance(4)) await around.gateway.killWhileStarting(random.below(900))
    times.push(await around.gateway.restart())
    figures.faults++
  }
  await sleep(100)
  await load.stop()
  const moment = load.moment()
  await findAgain(around.gateway, moment, figures)
  await around.gateway.stop()
  checkLog(around.gateway.home, moment, figures)
  figures.load = load.calls
  const p99 = percentile(times, 0.99)
  figures.notes.push(`ready again p50 ${percentile(times, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`)
  figures.notes.push(
    `${moment.upstreamUrls.length} requests at the upstream, ${count(moment)} acknowledged writes, seed ${seed}`,
  )
  if (readyMs !== undefined && p99 > readyMs) figures.wrong.push(`ready again only after ${p99.toFixed(0)} ms`)
  return figures
}

const count = (moment: ReturnType<Load['moment']>): number =>
  moment.agents.length + moment.liveTokens.length + moment.revokedTokens.length + moment.credentials.length
