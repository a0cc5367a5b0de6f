import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { until } from '../../test/instruments/wait.ts'
import { type Rig, startRig, TOKEN } from './proxy.support.ts'

/** Answers the first request of each connection and hangs up on the second, as a service does that closes kept connections. */
function onceEach(seen: string[]) {
  return createServer((socket: Socket) => {
    let answered = false
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      seen.push(chunk.toString('latin1').split(' ', 1)[0] as string)
      if (answered) socket.destroy()
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      answered = true
    })
  })
}

describe('a kept connection that the service closed', () => {
  const seen: string[] = []
  const upstream = onceEach(seen)
  let rig: Rig

  before(async () => {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    rig = await startRig({ origins: [`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`] })
  })
  after(async () => {
    await rig.close()
    upstream.close()
  })

  const call = async (method: 'GET' | 'POST') => {
    const answer = await request(`http://127.0.0.1:${rig.port}/to/up/x`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
      ...(method === 'POST' && { body: 'x' }),
    })
    await answer.body.dump()
    return answer.statusCode
  }

  test('costs a safe call nothing: it is admitted again, and both tries have an outcome', async () => {
    assert.equal(await call('GET'), 200)
    const { admitted, outcomes } = rig
    await until(rig.settled)
    const [admittedBefore, outcomesBefore] = [admitted.length, outcomes.length]
    assert.equal(await call('GET'), 200)
    assert.equal(admitted.length - admittedBefore, 2)
    await until(rig.settled)
    assert.deepEqual(
      outcomes.slice(outcomesBefore).map(({ status, error }) => [status, error]),
      [
        [0, 'upstream_broke'],
        [200, undefined],
      ],
    )
  })

  test('ends a call that might have run, and sends it once', async () => {
    assert.equal(await call('GET'), 200)
    const before = seen.filter((method) => method === 'POST').length
    const status = await call('POST')
    assert.ok(status === 502 || status === 200, String(status))
    assert.equal(seen.filter((method) => method === 'POST').length - before, 1)
  })
})
