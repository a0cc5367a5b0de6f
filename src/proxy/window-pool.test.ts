import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { brotliCompressSync, constants, createGunzip, gzipSync, zstdCompressSync } from 'node:zlib'
import { until } from '../../test/instruments/wait.ts'
import { decoderFor } from './decode.ts'
import { brotliWindow, WindowPool, windows } from './window-pool.ts'

const text = Buffer.from('some text that is long enough to want a window; '.repeat(20_000))

describe('the memory of decoders', () => {
  test('is refused when it is spent, and comes back when a decoder closes', async () => {
    const pool = new WindowPool(100)
    const [one, two] = [createGunzip(), createGunzip()]
    pool.take(60, one)
    assert.throws(() => pool.take(60, two), { code: 'decoding_busy', status: 503 })
    one.destroy()
    await once(one, 'close')
    pool.take(60, two)
    assert.equal(pool.taken, 60)
    two.destroy()
  })

  for (const lgwin of [10, 16, 17, 18, 22, 24]) {
    test(`is what a brotli stream with a window of 2^${lgwin} asks for`, () => {
      const params = { [constants.BROTLI_PARAM_LGWIN]: lgwin }
      assert.equal(brotliWindow(brotliCompressSync(text, { params })), 1 << lgwin)
    })
  }

  const bodies: readonly [string, Buffer][] = [
    ['gzip', gzipSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdCompressSync(text)],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
  ]
  const endings = ['whole', 'cut', 'damaged', 'left'] as const
  for (const [coding, body] of bodies) {
    for (const ending of endings) {
      test(`of a ${ending} ${coding} body comes back`, async () => {
        const decoder = decoderFor(coding)!
        const sent = ending === 'cut' ? body.subarray(0, body.length / 2) : Buffer.from(body)
        if (ending === 'damaged') sent.fill(0x55, 20)
        const run = async () => {
          await decoder.push(sent, () => undefined)
          if (ending !== 'left') await decoder.flush(() => undefined)
        }
        await run().catch((error: { code?: string }) => assert.equal(error.code, 'upstream_broke'))
        decoder.destroy?.()
        await until(() => windows.taken === 0)
      })
    }
  }
})
