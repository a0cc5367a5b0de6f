import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { takeLock } from './lock.ts'

const ROUNDS = process.env.PROVING === '1' ? 100 : 20
const home = mkdtempSync(join(tmpdir(), 'claviger-lock-'))
after(() => rmSync(home, { recursive: true, force: true }))

/** Starts a process that wants the lock, and resolves to what it says: `held`, or the problem. */
async function contender(): Promise<{ child: ChildProcess; says: string }> {
  const script = join(import.meta.dirname, 'testing', 'hold-lock.ts')
  const child = spawn(process.execPath, [script, home], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout, 'data')
  return { child, says: String(line).trim() }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('takeLock()', () => {
  test('refuses a second process, and the same process twice, naming the home', async () => {
    const lock = takeLock(home)
    assert.throws(() => takeLock(home), { code: 'home_in_use', facts: { path: home } })
    const second = await contender()
    assert.equal(second.says, `home_in_use ${home}`)
    lock.release()
    const third = await contender()
    assert.equal(third.says, 'held')
    assert.throws(() => takeLock(home), { code: 'home_in_use' })
    await kill(third.child)
  })

  test(`is free at once when its holder is killed, ${ROUNDS} times`, async () => {
    let holder = await contender()
    for (let round = 0; round < ROUNDS; round += 1) {
      assert.equal(holder.says, 'held', `round ${round}`)
      await kill(holder.child)
      holder = await contender()
    }
    await kill(holder.child)
  })
})
