import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ChaosPeer, unanswering } from './chaos-peer.ts'
import { patternDigest } from './pattern.ts'
import { type ExchangeOptions, exchange } from './raw-http.ts'
import { headerOf } from './read-answers.ts'
import { RecordingUpstream } from './recording-upstream.ts'
import { send } from './send.ts'
import { stallModes } from './upstream-stalls.ts'

describe('the instruments', () => {
  let upstream: RecordingUpstream
  before(async () => {
    upstream = await RecordingUpstream.start()
  })
  after(() => upstream.close())

  test('the upstream keeps the exact bytes it got and what they meant', async () => {
    const sent = 'POST /n/1?a=%41 HTTP/1.1\r\nHoSt: u\r\nX-A:  b \r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc'
    const { answers } = await exchange({ port: upstream.port }, sent, { answers: 1 })
    assert.equal(answers[0]?.status, 200)
    assert.equal(upstream.bytes().toString('latin1'), sent)
    const [receipt] = upstream.received('/n/1')
    assert.equal(receipt?.url, '/n/1?a=%41')
    assert.deepEqual(receipt?.body.bytes, Buffer.from('abc'))
  })

  test('the upstream counts what its parser refuses', async () => {
    upstream.forget()
    await exchange({ port: upstream.port }, 'GARBAGE\r\n\r\n')
    assert.equal(upstream.garbage.length, 1)
  })

  test('the raw client cuts pipelined and chunked answers apart', async () => {
    const one = 'GET /sse/3 HTTP/1.1\r\nhost: u\r\n\r\n'
    const two = 'GET /status/404 HTTP/1.1\r\nhost: u\r\n\r\n'
    const { answers } = await exchange({ port: upstream.port }, [one, two], { answers: 2 })
    assert.deepEqual(
      answers.map((answer) => [answer.status, answer.complete]),
      [
        [200, true],
        [404, true],
      ],
    )
    assert.equal(headerOf(answers[0]!, 'content-type'), 'text/event-stream')
    assert.equal(answers[0]!.body.toString(), 'data: event 0\n\ndata: event 1\n\ndata: event 2\n\n')
  })

  test('a pattern arrives with the digest that was foretold', async () => {
    const reply = await send({ port: upstream.port, method: 'GET', path: '/bytes/200001' })
    const { sha256 } = (
      await send({ port: upstream.port, method: 'POST', path: '/digest', body: reply.body })
    ).json() as { sha256: string }
    assert.equal(sha256, patternDigest(200_001))
  })

  for (const mode of stallModes) {
    test(`${mode} gives no complete answer`, async () => {
      const { answers } = await exchange({ port: upstream.port }, `GET /${mode} HTTP/1.1\r\nhost: u\r\n\r\n`, {
        limitMs: 120,
      })
      assert.ok(answers.every((answer) => !answer.complete))
    })
  }

  test('a full queue of connections answers no SYN', async () => {
    const silent = await unanswering()
    const { ended } = await exchange({ port: silent.port }, 'GET / HTTP/1.1\r\n\r\n', { limitMs: 300 })
    await silent.close()
    assert.equal(ended, 'timeout')
  })

  test('the chaos peer passes, delays, cuts, corrupts and swallows', async () => {
    const peer = new ChaosPeer(upstream.port)
    const ask = async (mode: Parameters<ChaosPeer['open']>[0], options: ExchangeOptions = { limitMs: 400 }) =>
      exchange({ port: await peer.open(mode) }, 'GET /n HTTP/1.1\r\nhost: u\r\n\r\n', options)
    const whole = { answers: 1 }
    assert.equal((await ask({ kind: 'pass' }, whole)).answers[0]?.status, 200)
    assert.equal((await ask({ kind: 'delay', ms: 20 }, whole)).answers[0]?.status, 200)
    assert.equal((await ask({ kind: 'reset-after', bytes: 30 }, whole)).answers.length, 0)
    assert.equal((await ask({ kind: 'half-close' }, whole)).bytes.length, 10)
    assert.equal((await ask({ kind: 'blackhole' })).bytes.length, 0)
    assert.equal((await ask({ kind: 'corrupt', every: 9 })).answers[0]?.status, undefined)
    assert.equal((await ask({ kind: 'rate', bytesPerSecond: 100 })).answers.length, 0)
    await peer.close()
  })
})
