// S4. Power cuts: the home lies on a loop image that is copied while the writer is stopped, so that the copy holds what
// was flushed and nothing else. A gateway on the copy must start by itself and know everything that was acknowledged.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { seeded } from '../../test/generators/seeded.ts'
import { Gateway } from '../../test/instruments/gateway.ts'
import { world } from '../../test/instruments/world.ts'
import { Figures, sleep } from '../figures.ts'
import { checkLog, findAgain, Load } from '../load.ts'
import { LoopImage, noLoopImages } from '../loop-image.ts'

export interface CutOptions {
  readonly cuts: number
  readonly seed: number
}

export async function powerCuts({ cuts, seed }: CutOptions): Promise<Figures> {
  const reason = noLoopImages()
  if (reason !== undefined) return Figures.skip('S4 power cut', reason)
  const figures = new Figures('S4 power cut')
  const random = seeded(seed)
  let requests = 0
  for (let left = cuts; left > 0; left -= CUTS_OF_ONE_HOME) {
    requests += await cutOneHome(Math.min(left, CUTS_OF_ONE_HOME), random, figures)
  }
  figures.notes.push(`${requests} requests at the upstream, seed ${seed}`)
  return figures
}

/** More would fill the image, which is copied for each cut. */
const CUTS_OF_ONE_HOME = 50

/** Resolves to the number of requests that reached the upstream. */
async function cutOneHome(cuts: number, random: ReturnType<typeof seeded>, figures: Figures): Promise<number> {
  const parent = mkdtempSync(join(tmpdir(), 'claviger-cut-'))
  const image = LoopImage.make(parent, 320)
  try {
    figures.notes.push(`self-test: a writer without flushes lost ${losesWithoutFlush(image)} of 200 rows`)
    await using around = await world({ folder: image.folder })
    const load = await Load.start(around, figures, 6)
    for (let n = 0; n < cuts; n++) {
      await sleep(50 + random.below(500))
      around.gateway.signal('SIGSTOP')
      await sleep(30)
      const moment = load.moment()
      const copy = image.copy(String(n))
      around.gateway.signal('SIGCONT')
      await judgeCopy(copy, around.gateway.operatorToken, moment, figures)
      copy.remove()
      figures.faults++
    }
    await load.stop()
    figures.load += load.calls
    return load.moment().upstreamUrls.length
  } finally {
    image.remove()
    rmSync(parent, { recursive: true })
  }
}

async function judgeCopy(
  copy: LoopImage,
  operatorToken: string,
  moment: ReturnType<Load['moment']>,
  figures: Figures,
): Promise<void> {
  try {
    await using recovered = await Gateway.start({ folder: copy.folder, operatorToken, env: { CLAVIGER_DEMO: 'off' } })
    const { state } = (await recovered.agent('GET', '/health')).json() as { state: string }
    if (state !== 'unsealed') throw new Error(`the vault is ${state}:\n${recovered.output()}`)
    await findAgain(recovered, moment, figures)
    await recovered.stop()
    checkLog(recovered.home, moment, figures)
  } catch (error) {
    figures.lost.push(`a gateway on the copy does not serve: ${(error as Error).message}`)
  }
}

/** The nemesis must bite: rows committed without a flush are missing from a copy. */
function losesWithoutFlush(image: LoopImage): number {
  const database = new DatabaseSync(join(image.folder, 'probe.db'))
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE t (n INTEGER)')
  for (let n = 0; n < 200; n++) database.prepare('INSERT INTO t VALUES (?)').run(n)
  const copy = image.copy('probe')
  const seen = new DatabaseSync(join(copy.folder, 'probe.db'))
  let kept = 0
  try {
    kept = (seen.prepare('SELECT count(*) AS n FROM t').get() as { n: number }).n
  } catch {
    // Not even the table reached the disk.
  }
  seen.close()
  database.close()
  copy.remove()
  if (kept === 200) throw new Error('the loop image keeps what was never flushed: cuts would prove nothing')
  return 200 - kept
}
