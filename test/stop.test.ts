import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { auditCommand, recordsOf } from '../proving/audit-on-disk.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const drainLong = { env: { CLAVIGER_DRAIN_SECONDS: '600' } }
/** Longer than what counts as one signal. */
const LATER_MS = 700

/** A call whose answer has begun and goes on until it is released. */
async function openStream(around: World) {
  const begun = Promise.withResolvers<ServerResponse>()
  around.upstream.on('gated', (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: first\n\n')
    begun.resolve(response)
  })
  const arrived = Promise.withResolvers<void>()
  const call = around.call('/gated', { onChunk: () => arrived.resolve() }).then(
    (reply) => reply.status,
    () => 'cut' as const,
  )
  await arrived.promise
  return { call, release: (await begun.promise).end.bind(await begun.promise) }
}

/** The gateway has heard a first signal: from then on it counts what is a second one. */
const heard = (around: World) => until(() => /"signal":"SIG/.test(around.gateway.output()))

const outcomes = (around: World) =>
  recordsOf(around.gateway.home).flatMap(({ type, outcome }) =>
    type === 'outcome' && outcome !== undefined ? [outcome] : [],
  )

describe('stopping', () => {
  test('waits for running calls, however often one press of Ctrl-C arrives', async () => {
    await using around = await world(drainLong)
    const { call, release } = await openStream(around)
    const ended = around.gateway.ended()
    around.gateway.signal('SIGINT')
    around.gateway.signal('SIGINT')
    around.gateway.signal('SIGTERM')
    await heard(around)
    await sleep(LATER_MS)
    assert.ok(around.gateway.running)
    release()
    assert.equal(await call, 200)
    assert.equal(await ended, 0)
    assert.equal(outcomes(around).at(-1)?.error, undefined)
  })

  test('ends them when their time is up', async () => {
    await using around = await world({ env: { CLAVIGER_DRAIN_SECONDS: '1' } })
    const { call } = await openStream(around)
    assert.equal(await around.gateway.stop(), 0)
    assert.equal(await call, 'cut')
    assert.equal(outcomes(around).at(-1)?.error, 'call_ended')
  })

  for (const [first, second] of [
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ] as const) {
    test(`ends them at once when ${second} follows ${first}, each with its outcome, and the log is whole`, async () => {
      await using around = await world(drainLong)
      const streams = [await openStream(around), await openStream(around)]
      const ended = around.gateway.ended()
      around.gateway.signal(first)
      await heard(around)
      await sleep(LATER_MS)
      assert.ok(around.gateway.running)
      around.gateway.signal(second)
      assert.equal(await ended, 0)
      assert.deepEqual(await Promise.all(streams.map(({ call }) => call)), ['cut', 'cut'])
      assert.deepEqual(
        outcomes(around).map(({ status, error }) => [status, error]),
        [
          [200, 'call_ended'],
          [200, 'call_ended'],
        ],
      )
      const report = auditCommand(around.gateway.home, 'verify', '--json')
      const { openIntents, tornBytes } = JSON.parse(report.output)
      assert.deepEqual([report.code, openIntents, tornBytes], [0, 0, 0])
    })
  }
})
