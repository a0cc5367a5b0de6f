// J-04. A full disk: nothing is forwarded while it is full, revoking and sealing still work, and it serves again by itself.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type World, world } from '../../test/instruments/world.ts'
import { recordsOf } from '../audit-on-disk.ts'
import { Figures, sleep } from '../figures.ts'
import { checkLog } from '../load.ts'

const DISK_MIB = 112
/** An eighth of the disk, where that is less than 64 MiB. */
const RESERVE_BYTES = (DISK_MIB / 8) * 1_024 * 1_024

export interface FullDiskOptions {
  readonly cycles: number
}

/** J-04. A tmpfs is filled and freed again and again: nothing is forwarded while it is full, revoking still works. */
export async function fullDisk({ cycles }: FullDiskOptions): Promise<Figures> {
  const figures = new Figures('J-04 full disk')
  const folder = mkdtempSync(join(tmpdir(), 'claviger-full-'))
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=0700`, 'none', folder], {
    encoding: 'utf8',
  })
  if (mount.status !== 0) {
    rmSync(folder, { recursive: true })
    return Figures.skip('J-04 full disk', `no tmpfs can be mounted: ${mount.stderr.trim()}`)
  }
  try {
    await using around = await world({ folder, env: { CLAVIGER_DEMO: 'off' } })
    // Made behind the start; a disk that is full before it is there leaves nothing to give up.
    await reserveIsThere(around.gateway.home)
    for (let n = 0; n < cycles; n++) await fillAndFree(around, folder, n, figures)
    await stopAllWhileFull(around, folder, figures)
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

async function reserveIsThere(home: string): Promise<void> {
  const file = join(home, 'audit', 'n1', 'reserve')
  while ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < RESERVE_BYTES) await sleep(20)
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

/** What an operator does in an emergency must not need room: it takes effect, is on record, and survives a restart. */
async function stopAllWhileFull(around: World, folder: string, figures: Figures): Promise<void> {
  const { gateway } = around
  const filler = join(folder, 'filler')
  fill(filler)
  await untilStatus(around, 503)
  const revoked = await gateway.operator('POST', '/emergency-revoke')
  if (revoked.status >= 300) figures.wrong.push(`emergency-revoke on a full disk → ${revoked.status} ${revoked.text()}`)
  const sealed = await gateway.operator('POST', '/seal')
  if (sealed.status >= 300) figures.wrong.push(`seal on a full disk → ${sealed.status} ${sealed.text()}`)
  rmSync(filler)
  await gateway.kill9()
  await gateway.restart()
  const after = await around.call('/n')
  if (after.status !== 401) figures.lost.push(`the emergency-revoke on a full disk is forgotten: ${after.status}`)
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
