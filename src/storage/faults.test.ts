import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createSecretKey } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { systemClock } from '../ground/clock.ts'
import { openStorage } from './open-storage.ts'
import { conformanceMigrations, thing } from './storage.conformance.ts'
import { testDatabase } from './storage.support.ts'
import type { Storage } from './storage.ts'

const database = testDatabase(conformanceMigrations)
after(() => database.remove())
const writer = join(import.meta.dirname, 'testing', 'write-until-fault.ts')
const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0

/** Runs the writer under `command` and gives what it said, line by line. */
function underFault(command: readonly string[], file: string): string[] {
  const [program = '', ...args] = command
  const { stdout } = spawnSync(program, [...args, process.execPath, writer, file], { encoding: 'utf8' })
  return stdout.trim().split('\n')
}

/** Every acknowledged write is there after the next start, and the rows are whole. */
async function assertNothingLost(file: string, said: readonly string[]): Promise<void> {
  const storage = await openStorage({
    file,
    migrations: conformanceMigrations,
    clock: systemClock,
    onFatal: assert.fail,
  })
  storage.authenticateWith(createSecretKey(Buffer.alloc(32, 1)))
  const ids = new Set((await storage.load<{ id: string }>('things')).rows.map((row) => row.id))
  for (const line of said) if (line.startsWith('ack ')) assert.ok(ids.has(line.slice(4)), line)
  assert.equal(await storage.checkRows(), 'ok')
  await storage.close()
}

const afterFault = (said: readonly string[]) => said.slice(said.findIndex((line) => line.startsWith('fatal')))

describe('after an I/O error', () => {
  const REFUSED = ['fatal 74', 'refused storage_failed', 'refused storage_failed', 'refused storage_failed']

  test('of a write, nothing is done any more and nothing acknowledged is lost', async () => {
    const file = join(database.directory, 'limited.db')
    const said = underFault(['bash', '-c', 'ulimit -f 400; exec "$@"', '--'], file)
    assert.ok(said.some((line) => line.startsWith('ack ')))
    assert.deepEqual(afterFault(said), REFUSED)
    await assertNothingLost(file, said)
  })

  const skip = canTrace ? false : 'strace is not installed or may not trace'
  for (const when of [20, 27, 40]) {
    test(`of one sync (number ${when}), nothing is done any more although the next would succeed`, {
      skip,
    }, async () => {
      const file = join(database.directory, `sync-${when}.db`)
      const inject = `inject=fdatasync,fsync:error=EIO:when=${when}`
      const said = underFault(['strace', '-f', '-qq', '-o', '/dev/null', '-e', inject], file)
      assert.deepEqual(afterFault(said), REFUSED)
      await assertNothingLost(file, said)
    })
  }
})

test('a damaged page is fatal when it is read', async () => {
  const faults: number[] = []
  let storage = await database.open()
  const big = new Uint8Array(20_000)
  for (const id of ['a', 'b', 'c']) await storage.write((tx) => tx.put('things', { id, name: id, data: big }))
  await storage.close()
  const handle = openSync(database.file, 'r+')
  for (let at = 4096 * 10; at < statSync(database.file).size; at += 4096)
    writeSync(handle, Buffer.alloc(64, 0xee), 0, 64, at)
  closeSync(handle)
  storage = await database.open({ onFatal: (code) => faults.push(code) })
  await assert.rejects(storage.load('things'), { code: 'storage_failed' })
  assert.deepEqual(faults, [74])
  await assert.rejects(
    storage.write(async () => {}),
    { code: 'storage_failed' },
  )
  await assert.rejects(
    storage.read((db) => db.selectFrom('notes').selectAll().execute()),
    { code: 'storage_failed' },
  )
  await storage.close()
})

describe('on a full disk', { skip: process.getuid?.() === 0 ? false : 'only root can mount a small disk' }, () => {
  const disk = join(database.directory, 'disk')
  const filler = join(disk, 'filler')
  const reserve = join(disk, 'reserve')
  const put = (storage: Storage, id: string, urgent = false) =>
    storage.write(
      async (tx) => {
        await tx.change(thing(id))
        await tx.put('things', { id, name: id, data: new Uint8Array(20_000) })
      },
      { urgent },
    )

  test('refuses and changes nothing, lets urgent writes use the reserve, and goes on by itself', async () => {
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'claviger-test', disk])
    try {
      await fillAndFree()
    } finally {
      execFileSync('umount', ['-l', disk])
    }
  })

  async function fillAndFree(): Promise<void> {
    writeFileSync(reserve, Buffer.alloc(200_000))
    const freeReserve = async () => {
      rmSync(reserve, { force: true })
      return true
    }
    const storage = await openStorage({
      file: join(disk, 'claviger.db'),
      migrations: conformanceMigrations,
      clock: systemClock,
      onFatal: assert.fail,
      freeReserve,
    })
    storage.authenticateWith(createSecretKey(Buffer.alloc(32, 1)))
    await put(storage, 'before')
    assert.throws(() => writeFileSync(filler, Buffer.alloc(2_000_000)), { code: 'ENOSPC' })
    for (let again = 0; again < 5; again += 1) await assert.rejects(put(storage, `x${again}`), { code: 'storage_full' })
    assert.equal(storage.epoch(), 1)
    assert.equal(await storage.checkRows(), 'ok')
    const [plain, urgent] = await Promise.allSettled([put(storage, 'plain'), put(storage, 'urgent', true)])
    assert.deepEqual([plain.status, urgent.status], ['rejected', 'fulfilled'])
    rmSync(filler)
    await put(storage, 'after')
    const { rows } = await storage.load<{ id: string }>('things')
    assert.deepEqual(rows.map((row) => row.id).sort(), ['after', 'before', 'urgent'])
    assert.equal(await storage.checkRows(), 'ok')
    await storage.close()
  }
})
