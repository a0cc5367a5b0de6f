import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { patternDigest, patternStream } from '../../test/instruments/pattern.ts'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { type SendOptions, send } from '../../test/instruments/send.ts'
import { until } from '../../test/instruments/wait.ts'
import type { Injector } from './inject.ts'
import { proxyProblem } from './problems.ts'
import { type Rig, type RigOptions, SECRET, startRig, TOKEN } from './proxy.support.ts'
import type { BodyTransform } from './transform.ts'

let upstream: RecordingUpstream
before(async () => {
  upstream = await RecordingUpstream.start()
})
after(() => upstream.close())

async function withRig(forwarder: RigOptions['forwarder'], work: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await startRig({ origins: [upstream.origin], ...(forwarder && { forwarder }) })
  try {
    await work(rig)
    assert.deepEqual(rig.bugs, [])
  } finally {
    await rig.close()
  }
}

const headers = { authorization: `Bearer ${TOKEN}` }
const post = (rig: Rig, body: SendOptions['body'], more: Record<string, string | number> = {}) =>
  send({ port: rig.port, method: 'POST', path: '/to/up/digest', headers: { ...headers, ...more }, body })

/** Signs the whole head and the body, as AWS Signature Version 4 does. */
const signer: Injector = {
  needsBody: true,
  headers: ['authorization'],
  apply(head, opened, body = Buffer.alloc(0)) {
    const line = `${head.method} ${head.target} ${head.headers.length} ${createHash('sha256').update(body).digest('hex')}`
    head.headers.push('authorization', `SIGN ${opened.value.length} ${line}`)
    return undefined
  },
}

/** Doubles every byte. */
const doubling = (): BodyTransform => ({
  push: async (chunk, emit) => {
    await emit(chunk)
    await emit(chunk)
  },
  flush: (emit) => emit(Buffer.from('!')),
})

describe('an injector that signs the body', () => {
  const digestOf = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')

  for (const body of ['', 'hello', 'x'.repeat(200_000)]) {
    test(`gets the digest of all ${body.length} bytes, and they are sent`, async () => {
      await withRig({ injectorFor: () => signer }, async (rig) => {
        const reply = await post(rig, body, { 'x-a': '1' })
        assert.deepEqual(reply.json(), { length: body.length, sha256: digestOf(body) })
        const [signed] = upstream.receipts.at(-1)!.headers.get('authorization')!
        assert.match(String(signed), new RegExp(`^SIGN ${SECRET.length} POST /digest \\d+ ${digestOf(body)}$`))
      })
    })
  }

  test('gets a body that came in chunks, slowly, whole', async () => {
    await withRig({ injectorFor: () => signer }, async (rig) => {
      const sent = request({
        port: rig.port,
        method: 'POST',
        path: '/to/up/digest',
        headers: { ...headers, expect: '100-continue' },
      })
      sent.flushHeaders()
      await once(sent, 'continue')
      for (const piece of ['a', 'b', 'c']) {
        sent.write(piece)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      sent.end()
      const [response] = await once(sent, 'response')
      assert.equal(JSON.parse(Buffer.concat(await response.toArray()).toString()).sha256, digestOf('abc'))
      assert.deepEqual(upstream.receipts.at(-1)!.headers.get('content-length'), ['3'])
    })
  })

  test('never holds more than a mebibyte', async () => {
    await withRig({ injectorFor: () => signer }, async (rig) => {
      const before = upstream.receipts.length
      const reply = await post(rig, patternStream(1_100_000)).catch((error) => ({
        status: 0,
        code: error.code as string,
      }))
      assert.ok(reply.code === 'body_too_large' || ['EPIPE', 'ECONNRESET'].includes(reply.code ?? ''), reply.code)
      await until(rig.settled)
      assert.equal(rig.outcomes[0]?.error, 'body_too_large')
      assert.equal(upstream.receipts.length, before)
    })
  })

  test('is told when the caller leaves in the middle', async () => {
    await withRig({ injectorFor: () => signer }, async (rig) => {
      const sent = request({ port: rig.port, method: 'POST', path: '/to/up/digest', headers })
      sent.on('error', () => undefined)
      sent.write('abc')
      await until(() => rig.admitted.length === 1)
      sent.destroy()
      await until(() => rig.outcomes.length === 1)
      assert.equal(rig.outcomes[0]?.error, 'caller_left')
    })
  })
})

describe('a transform of request bodies', () => {
  test('changes what is sent, and its length', async () => {
    await withRig({ requestTransform: doubling }, async (rig) => {
      const reply = await post(rig, 'ab')
      assert.deepEqual(reply.json(), { length: 5, sha256: createHash('sha256').update('abab!').digest('hex') })
      assert.equal(
        ((await post(rig, patternStream(300_000), { 'content-length': 300_000 })).json() as { length: number }).length,
        600_001,
      )
    })
  })

  test('leaves requests without a body alone', async () => {
    await withRig({ requestTransform: doubling }, async (rig) => {
      assert.deepEqual(((await post(rig, undefined)).json() as { length: number }).length, 0)
    })
  })

  test('goes before the signature', async () => {
    await withRig({ requestTransform: doubling, injectorFor: () => signer }, async (rig) => {
      await post(rig, 'ab')
      assert.ok(
        upstream.receipts
          .at(-1)!
          .headers.get('authorization')![0]!
          .endsWith(createHash('sha256').update('abab!').digest('hex')),
      )
    })
  })

  test('can refuse a body, early or late', async () => {
    const refusing = (): BodyTransform => ({
      push(chunk, emit) {
        if (chunk.includes('STOP')) throw proxyProblem('header_refused')
        return emit(chunk)
      },
      flush: () => undefined,
    })
    await withRig({ requestTransform: refusing }, async (rig) => {
      assert.equal((await post(rig, 'STOP')).code, 'header_refused')
      const sent = request({ port: rig.port, method: 'POST', path: '/to/up/digest', headers })
      sent.on('error', () => undefined)
      sent.write('x'.repeat(100_000))
      setTimeout(() => sent.end('STOP'), 30)
      const [response] = await once(sent, 'response')
      assert.equal(response.statusCode, 400)
      response.resume()
    })
  })

  test('costs nothing in integrity when it does nothing', async () => {
    const straight = (): BodyTransform => ({ push: (chunk, emit) => emit(chunk), flush: () => undefined })
    await withRig({ requestTransform: straight }, async (rig) => {
      assert.deepEqual((await post(rig, patternStream(3_000_000))).json(), {
        length: 3_000_000,
        sha256: patternDigest(3_000_000),
      })
    })
  })
})
