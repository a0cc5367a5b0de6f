import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { send } from '../../test/instruments/send.ts'
import { until } from '../../test/instruments/wait.ts'
import { canonicalTarget } from '../ground/target.ts'
import { callingAgent } from './carry-out.ts'
import { createCollect } from './collect.ts'
import { type Rig, SECRET, startRig, TOKEN } from './proxy.support.ts'

let upstream: RecordingUpstream
let rig: Rig
let door: Server
before(async () => {
  upstream = await RecordingUpstream.start()
  rig = await startRig({ origins: [upstream.origin] })
  const collect = createCollect(rig.carry)
  // A door as small as one can be: the path is the service's, the answer or the problem goes into JSON.
  const answer = (response: ServerResponse, body: object) =>
    void (response.destroyed || response.end(JSON.stringify(body)))
  door = createServer((request, response) => {
    const call = {
      rid: rig.nextRid(),
      ...callingAgent(rig.carry, request),
      serviceName: 'up',
      method: 'GET',
      target: canonicalTarget(request.url ?? ''),
      rawHeaders: ['accept', 'text/plain'],
      body: undefined,
    }
    collect(call, response, 1_000_000).then(
      ({ status, headers, body }) => answer(response, { status, headers, body: body.toString('latin1') }),
      ({ code }) => answer(response, { code }),
    )
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
})
beforeEach(() => until(rig.settled))
after(async () => {
  door.close()
  await rig.close()
  await upstream.close()
})

const port = () => (door.address() as AddressInfo).port
const ask = async (path: string) => {
  const reply = await send({ port: port(), method: 'GET', path, headers: { authorization: `Bearer ${TOKEN}` } })
  return reply.json() as { status?: number; headers?: string[]; body?: string; code?: string }
}

describe('collect()', () => {
  test('gives status, headers and body of the service’s answer', async () => {
    upstream.on('made', (_request, response) => response.writeHead(201, { 'x-a': 'b' }).end('whole'))
    const { status, headers = [], body } = await ask('/made')
    assert.deepEqual([status, body, headers[headers.indexOf('x-a') + 1]], [201, 'whole', 'b'])
    assert.ok(!headers.some((name) => name.toLowerCase() === 'content-length'))
  })

  test('takes the credential out, wherever it stands', async () => {
    upstream.on('echo', (_request, response) => {
      response.writeHead(200, { 'x-echo': SECRET })
      response.write(SECRET.slice(0, 9))
      setImmediate(() => response.end(SECRET.slice(9)))
    })
    const { headers, body } = await ask('/echo')
    assert.ok(!`${headers}${body}`.includes(SECRET))
    assert.match(body ?? '', /redacted/)
  })

  test('refuses an answer that is larger than the door takes, and stops the service', async () => {
    const count = rig.outcomes.length
    assert.equal((await ask('/bytes/4000000?chunked=1')).code, 'answer_too_large')
    await until(() => rig.outcomes.length > count)
    assert.equal(rig.outcomes.at(-1)?.error, 'answer_too_large')
  })

  for (const way of ['stall-truncated', 'stall-reset-mid-body', 'stall-bad-chunk'])
    test(`never gives half an answer (${way})`, async () => {
      assert.equal((await ask(`/${way}`)).code, 'upstream_broke')
    })

  test('ends the call when the caller leaves, once', async () => {
    const count = rig.outcomes.length
    const socket = connect(port(), '127.0.0.1').on('error', () => {})
    socket.write(`GET /stall-headers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`)
    await until(() => upstream.receipts.at(-1)?.url === '/stall-headers')
    socket.destroy()
    await until(() => rig.outcomes.length > count)
    assert.deepEqual(
      rig.outcomes.slice(count).map(({ error }) => error),
      ['caller_left'],
    )
    assert.equal(rig.openCalls.total, 0)
  })
})
