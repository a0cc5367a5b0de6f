import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { after, describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Keyring } from '../../vault/keyring.ts'
import { believed, sign, TestSigning } from './signing.support.ts'

const KILLS = process.env.PROVING === undefined ? 6 : 200
/** Several rotations. */
const WINDOW_MS = 60
const program = fileURLToPath(new URL('./testing/rotate-until-killed.ts', import.meta.url))
const root = randomBytes(32)

describe('settle()', () => {
  const room = new TestSigning()
  Object.assign(room, { keyring: new Keyring(Buffer.from(root), Buffer.alloc(16)) })
  after(() => room.end())

  test(`after SIGKILL at ${KILLS} moments leaves one key that signs, one next, and no private half too many`, async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      await rotateAndKill((kill * WINDOW_MS) / KILLS)
      await room.start({ settled: false })
      await room.keys.settle()
      const live = room.keys.list().filter(({ status }) => status !== 'revoked')
      const count = (status: string) => live.filter((key) => key.status === status).length
      assert.deepEqual([count('active'), count('next')], [1, 1])
      assert.equal(believed(room.keys, await sign(room.keys)), true)
      assert.equal(room.database.look('select id from signing_keys where sealed is not null').length, 2)
      assert.equal(await room.storage.checkRows(), 'ok')
      assert.deepEqual(room.troubles, [])
      room.keys.clear()
      await room.storage.close()
    }
    await room.start()
  })

  async function rotateAndKill(afterMs: number): Promise<void> {
    const rowKey = room.database.key.export().toString('hex')
    const args = [program, room.database.file, rowKey, root.toString('hex'), String(room.clock.now())]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    const started = await Promise.race([once(child.stdout, 'data'), exited])
    assert.equal(String(started[0]), 'rotating\n')
    await wait(afterMs)
    child.kill('SIGKILL')
    assert.deepEqual((await exited)[1], 'SIGKILL')
    // Its clock went ahead; whoever starts next starts after it.
    room.clock.advance(86_400_000)
  }
})
