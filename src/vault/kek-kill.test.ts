import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { credential, operator, testVault } from './vault.support.ts'

const KILLS = process.env.PROVING === undefined ? 5 : 100
const COUNT = 250
/** Longer than one rotation takes. */
const WINDOW_MS = 60
const program = fileURLToPath(new URL('./testing/rotate-until-killed.ts', import.meta.url))
const room = testVault()

before(async () => {
  const { vault, storage } = await room.open()
  const stored = Array.from({ length: COUNT }, (_, i) =>
    vault.store(credential(`key-${i}`, `secret-number-${i}`), operator),
  )
  await Promise.all(stored)
  await storage.close()
})
after(() => room.remove())

describe('rotateKek()', () => {
  test(`killed with SIGKILL ${KILLS} times at moments spread over it: every credential is readable`, async () => {
    let unfinished = 0
    for (let kill = 0; kill < KILLS; kill += 1) {
      await rotateAndKill((kill * WINDOW_MS) / KILLS)
      const { vault, storage } = await room.open()
      unfinished += vault.kekRotationUnfinished() ? 1 : 0
      assert.equal(await storage.checkRows(), 'ok')
      for (let i = 0; i < COUNT; i += 1) assert.equal(room.reveal(vault, vault.find(`key-${i}`)), `secret-number-${i}`)
      await storage.close()
    }
    console.log(`${unfinished} of ${KILLS} rotations were unfinished when they were killed`)
  })
})

async function rotateAndKill(afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [program, room.database.file, room.keyFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const started = await Promise.race([once(child.stdout, 'data'), exited])
  assert.equal(String(started[0]), 'rotating\n')
  await wait(afterMs)
  child.kill('SIGKILL')
  assert.deepEqual((await exited)[1], 'SIGKILL')
}
