// H-04. An old copy of the database, the log or both is put in place of the present one, to bring a revoked token and a
// removed credential back. The gateway must seal itself; where both went back, a witness outside the home tells.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StartFailed } from '../../test/instruments/gateway.ts'
import { type World, world } from '../../test/instruments/world.ts'
import { recordsOf } from '../audit-on-disk.ts'
import { copyTree } from '../copy-home.ts'
import { Figures, sleep } from '../figures.ts'

export interface RollbackOptions {
  readonly rounds: number
}

type Part = 'database' | 'log' | 'both'

export async function rollbacks({ rounds }: RollbackOptions): Promise<Figures> {
  const figures = new Figures('H-04 rollback')
  for (let n = 0; n < rounds; n++)
    for (const part of ['database', 'log', 'both'] as const) await rollBack(part, figures)
  return figures
}

async function rollBack(part: Part, figures: Figures): Promise<void> {
  const outside = mkdtempSync(join(tmpdir(), 'claviger-witness-'))
  try {
    await using around = await world({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_WITNESS_FILE: join(outside, 'witness') } })
    await around.call('/before')
    await around.gateway.stop()
    mkdirSync(join(outside, 'old'))
    copyTree(around.gateway.home, join(outside, 'old'))
    await around.gateway.restart()
    const extra = await around.gateway.does<{ id: string }>('POST', '/tokens', { agent: 'agent-of-u' })
    await around.gateway.does('DELETE', `/tokens/${extra.id}`)
    await around.gateway.does('POST', '/emergency-revoke')
    await around.gateway.does('DELETE', '/credentials/u-key')
    await around.gateway.stop()
    putBack(around, join(outside, 'old'), part)
    const before = around.upstream.receipts.length
    await judge(around, part, figures)
    if (around.upstream.receipts.length !== before) figures.wrong.push(`${part} rolled back: a call was forwarded`)
  } finally {
    rmSync(outside, { recursive: true })
  }
  figures.faults++
}

function putBack({ gateway }: World, old: string, part: Part): void {
  if (part !== 'database') {
    rmSync(join(gateway.home, 'audit'), { recursive: true })
    mkdirSync(join(gateway.home, 'audit'), { mode: 0o700 })
    copyTree(join(old, 'audit'), join(gateway.home, 'audit'))
  }
  if (part === 'log') return
  for (const suffix of ['-wal', '-shm']) rmSync(join(gateway.home, `claviger.db${suffix}`), { force: true })
  cpSync(join(old, 'claviger.db'), join(gateway.home, 'claviger.db'))
}

async function judge(around: World, part: Part, figures: Figures): Promise<void> {
  try {
    await around.gateway.restart()
    const { state } = (await around.gateway.agent('GET', '/health')).json() as { state: string }
    if (state !== 'sealed') figures.wrong.push(`${part} rolled back: the vault is ${state}`)
    const reply = await around.call('/after')
    if (reply.status < 400) figures.wrong.push(`${part} rolled back: a call got ${reply.status}`)
    if (state === 'sealed') await accept(around, part, figures)
  } catch (error) {
    if (!(error instanceof StartFailed)) throw error
    if (error.code !== 78)
      figures.wrong.push(`${part} rolled back: the start ended with ${error.code}\n${error.output}`)
  }
}

/** A human looks at it and goes on: that is on record. */
async function accept({ gateway }: World, part: Part, figures: Figures): Promise<void> {
  const plain = await gateway.operator('POST', '/unseal', { keyFile: true })
  const still = (await gateway.agent('GET', '/health')).json() as { state: string }
  if (still.state !== 'sealed') figures.wrong.push(`${part} rolled back: unsealed without a word, ${plain.status}`)
  await sleep(1_100)
  const accepted = await gateway.operator('POST', '/unseal', { keyFile: true, accept: true })
  const { state } = (await gateway.agent('GET', '/health')).json() as { state: string }
  if (state !== 'unsealed')
    figures.wrong.push(`${part} rolled back: accepting it → ${accepted.status} ${accepted.text()}`)
  await gateway.stop()
  if (!recordsOf(gateway.home).some(({ type }) => type === 'restore.accepted')) {
    figures.wrong.push(`${part} rolled back: no record of the acceptance`)
  }
}
