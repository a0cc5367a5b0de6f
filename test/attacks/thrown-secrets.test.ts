/** Something throws in the middle of a call, with what it was given in its message: nothing of that is told (D-03). */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type World, world } from '../instruments/world.ts'

const preload = join(import.meta.dirname, '..', 'instruments', 'throw-at.mjs')
const POINTS = 50
const STEP = 3

const opened = () => world({ env: { CLAVIGER_DEMO: 'off', NODE_OPTIONS: `--import=${preload}` } })

/** Everything that the gateway said, in answers and to people. */
function told(around: World, answer: string): string {
  return `${around.gateway.output()}\n${answer}`
}

describe('a call in which something throws', () => {
  test(`at ${POINTS} points tells neither credential nor token`, async () => {
    let around = await opened()
    let failed = 0
    try {
      for (let n = 1; n <= POINTS; n += 1) {
        const reply = await around.call('/n/1', { headers: { 'x-fault': String(n * STEP) } }).catch(() => undefined)
        if (reply?.status !== 200) failed += 1
        const text = told(around, reply === undefined ? '' : `${reply.rawHeaders.join('\n')}\n${reply.text()}`)
        for (const secret of [around.secret, around.token, around.gateway.operatorToken]) {
          assert.ok(!text.includes(secret), `point ${n} tells a secret:\n${text.slice(0, 2_000)}`)
        }
        assert.ok(!/fault in /.test(text), `point ${n} tells what was thrown:\n${text.slice(0, 2_000)}`)
        if (around.gateway.running && (await around.call('/n/1').catch(() => undefined))?.status === 200) continue
        // It may end rather than go on in doubt; then it starts again and serves.
        await around[Symbol.asyncDispose]()
        around = await opened()
      }
    } finally {
      await around[Symbol.asyncDispose]()
    }
    assert.ok(failed > POINTS / 4, `only ${failed} of ${POINTS} points were met`)
  })
})
