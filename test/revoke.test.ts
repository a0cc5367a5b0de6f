import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { races } from '../proving/suites/races.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { furnish, type World, world } from './instruments/world.ts'

interface Stream {
  /** Resolves when the agent's side of the stream is over, with how. */
  readonly over: Promise<'cut' | Reply>
}

/** Streams that only end when somebody cuts them; resolves when the agent has the first event of each. */
async function openStreams(around: World, count: number, token = around.token): Promise<Stream[]> {
  around.upstream.on('endless', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => response.write('data: more\n\n'), 20)
    response.on('close', () => clearInterval(timer))
  })
  let begun = 0
  const streams = Array.from({ length: count }, () => {
    let first = true
    const onChunk = (): void => {
      if (first) begun++
      first = false
    }
    const over = around.call('/endless', { token, onChunk, discard: true }).catch(() => 'cut' as const)
    return { over }
  })
  await until(() => begun === count)
  return streams
}

const allEnd = async (streams: readonly Stream[]): Promise<void> => {
  for (const { over } of streams) assert.equal(await over, 'cut')
}

describe('revocation', () => {
  test('emergency-revoke ends every running stream, refuses every token, and survives a restart', async () => {
    await using around = await world()
    const streams = await openStreams(around, 20)
    const other = await furnish(around.gateway, {
      name: 'v',
      origins: [around.upstream.origin],
      secret: 'other-secret-value',
    })
    await around.gateway.does('POST', '/emergency-revoke')
    await allEnd(streams)
    await until(() => around.upstream.receipts.every((receipt) => receipt.aborted))
    const before = around.upstream.receipts.length
    const refused = async (): Promise<void> => {
      for (const [token, service] of [
        [around.token, 'u'],
        [other.token, 'v'],
      ] as const) {
        const reply = await around.call('/n/1', { token, service })
        assert.ok([401, 403].includes(reply.status), `${reply.status}`)
      }
    }
    await refused()
    await around.gateway.restart()
    await refused()
    await around.gateway.kill9()
    await around.gateway.restart()
    await refused()
    assert.equal(around.upstream.receipts.length, before)
  })

  test('a killed gateway has not forgotten an acknowledged emergency-revoke', async () => {
    await using around = await world()
    await around.gateway.does('POST', '/emergency-revoke')
    await around.gateway.kill9()
    await around.gateway.restart()
    assert.ok([401, 403].includes((await around.call('/n/1')).status))
    assert.equal(around.upstream.receipts.length, 0)
  })

  test('a revoked token stops its own streams and calls, and no other’s', async () => {
    await using around = await world()
    const second = await around.gateway.does<{ id: string; token: string }>('POST', '/tokens', { agent: 'agent-of-u' })
    const cut = await openStreams(around, 5, second.token)
    const kept = await openStreams(around, 2)
    await around.gateway.does('DELETE', `/tokens/${second.id}`)
    await allEnd(cut)
    assert.equal((await around.call('/n/1', { token: second.token })).status, 401)
    assert.equal((await around.call('/n/2')).status, 200)
    await around.gateway.does('POST', '/emergency-revoke')
    await allEnd(kept)
  })

  test('a locked agent is stopped, and goes on after it is unlocked', async () => {
    await using around = await world()
    const streams = await openStreams(around, 5)
    await around.gateway.does('POST', `/agents/${around.agentId}/lock`)
    await allEnd(streams)
    const refused = await around.call('/n/1')
    assert.equal(refused.status, 403)
    await around.gateway.restart()
    assert.equal((await around.call('/n/1')).status, 403)
    await around.gateway.does('POST', `/agents/${around.agentId}/unlock`)
    assert.equal((await around.call('/n/1')).status, 200)
  })

  test('a removed credential, grant or service stops what uses it', async () => {
    for (const what of ['credential', 'grant', 'service'] as const) {
      await using around = await world()
      const own = await furnish(around.gateway, {
        name: 'v',
        origins: [around.upstream.origin],
        secret: 'other-secret-value',
      })
      const call = () => around.call('/n/1', { service: 'v', token: own.token })
      assert.equal((await call()).status, 200)
      const path = {
        credential: '/credentials/v-key',
        grant: `/grants/${own.grantId}`,
        service: `/services/${own.serviceId}`,
      }[what]
      const removed = await around.gateway.operator('DELETE', path)
      if (what === 'service' && removed.status === 409) continue
      assert.ok(removed.status < 300, `${path} → ${removed.status} ${removed.text()}`)
      const before = around.upstream.receipts.length
      assert.ok((await call()).status >= 400)
      assert.equal(around.upstream.receipts.length, before)
    }
  })

  test('no call that starts after the acknowledgement is forwarded, under load', async () => {
    await using around = await world()
    let acknowledged = false
    let late = 0
    const worker = async (): Promise<void> => {
      for (let n = 0; n < 400; n++) {
        const startedAfter = acknowledged
        const reply = await around.call(`/w/${n}`).catch(() => undefined)
        if (startedAfter && reply !== undefined && reply.status < 300) late++
        if (reply?.status === 401 || reply?.status === 403) return
      }
    }
    const workers = Array.from({ length: 16 }, worker)
    await until(() => around.upstream.receipts.length >= 100)
    await around.gateway.does('POST', '/emergency-revoke')
    acknowledged = true
    await Promise.all(workers)
    assert.equal(late, 0)
  })
})

test('a grant of one use is used once, however many race for it', async () => {
  const figures = await races({ artefacts: 200, racers: 16 })
  console.log(`# ${figures.row()}`)
  assert.deepEqual(figures.violations, [])
})
