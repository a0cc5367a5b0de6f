import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { acceptEncoding, decoderFor } from './decode.ts'
import type { BodyTransform } from './transform.ts'

const text = Buffer.from(`${JSON.stringify({ items: Array.from({ length: 500 }, (_, i) => `item ${i}`) })}\n`)

async function run(decoder: BodyTransform, chunks: readonly Buffer[]): Promise<Buffer> {
  const out: Buffer[] = []
  const keep = (chunk: Buffer) => void out.push(chunk)
  try {
    for (const chunk of chunks) await decoder.push(chunk, keep)
    await decoder.flush(keep)
  } finally {
    decoder.destroy?.()
  }
  return Buffer.concat(out)
}

const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

const encodings: Readonly<Record<string, Buffer>> = {
  gzip: gzipSync(text),
  'x-gzip': gzipSync(text),
  GZIP: gzipSync(text),
  deflate: deflateSync(text),
  br: brotliCompressSync(text),
  zstd: zstdCompressSync(text),
  'gzip, br': brotliCompressSync(gzipSync(text)),
  'identity, zstd,, gzip': gzipSync(zstdCompressSync(text)),
}

describe('decoderFor()', () => {
  for (const [encoding, bytes] of Object.entries(encodings)) {
    test(`takes off ${encoding}, whole and byte by byte`, async () => {
      assert.deepEqual(await run(decoderFor(encoding)!, [bytes]), text)
      assert.deepEqual(await run(decoderFor(encoding)!, pieces(bytes, 1)), text)
    })

    test(`refuses ${encoding} that is cut or damaged`, async () => {
      for (const cut of [1, bytes.length >> 1, bytes.length - 1]) {
        await assert.rejects(run(decoderFor(encoding)!, [bytes.subarray(0, cut)]), { code: 'upstream_broke' }, `${cut}`)
      }
      await assert.rejects(run(decoderFor(encoding)!, [Buffer.from('no such thing, only text')]), {
        code: 'upstream_broke',
      })
    })
  }

  test('takes off deflate without its zlib frame', async () => {
    const bytes = deflateRawSync(text)
    assert.deepEqual(await run(decoderFor('deflate')!, pieces(bytes, 3)), text)
  })

  test('has nothing to do for identity', () => {
    for (const encoding of ['', 'identity', ' Identity ,identity']) assert.equal(decoderFor(encoding), undefined)
  })

  for (const encoding of ['compress', 'gzip;q=1', 'dcb', 'aws-chunked', 'gzip, gzip, gzip', 'constructor', 'br, wat']) {
    test(`refuses ${encoding}`, () => {
      assert.throws(() => decoderFor(encoding), { code: 'upstream_encoding_refused', status: 502 })
    })
  }

  test('takes no body at all for an empty one', async () => {
    for (const encoding of Object.keys(encodings)) assert.equal((await run(decoderFor(encoding)!, [])).length, 0)
  })

  test('drops what follows the end', async () => {
    const bytes = Buffer.concat([brotliCompressSync(text), Buffer.from('hidden')])
    assert.deepEqual(await run(decoderFor('br')!, pieces(bytes, 50)), text)
  })

  test('passes on each event of a stream when it was sent', async () => {
    for (const [encoding, engine, kind] of [
      ['gzip', createGzip(), constants.Z_SYNC_FLUSH],
      ['br', createBrotliCompress(), constants.BROTLI_OPERATION_FLUSH],
      ['zstd', createZstdCompress(), constants.ZSTD_e_flush],
    ] as const) {
      const decoder = decoderFor(encoding)!
      for (const event of ['data: one\n\n', 'data: two\n\n']) {
        engine.write(event)
        await new Promise<void>((resolve) => engine.flush(kind, resolve))
        const out: Buffer[] = []
        await decoder.push(engine.read() as Buffer, (chunk) => void out.push(chunk))
        assert.equal(Buffer.concat(out).toString(), event, encoding)
      }
      decoder.destroy?.()
      engine.destroy()
    }
  })

  test('waits for its receiver, and makes little before it is ready', async () => {
    const decoder = decoderFor('gzip')!
    const body = randomBytes(1 << 20)
    let largest = 0
    let running = 0
    let got = 0
    const emit = async (chunk: Buffer): Promise<void> => {
      assert.equal(++running, 1)
      largest = Math.max(largest, chunk.length)
      got += chunk.length
      await new Promise(setImmediate)
      running--
    }
    await decoder.push(gzipSync(body), emit)
    await decoder.flush(emit)
    assert.equal(got, body.length)
    assert.ok(largest <= 128 * 1024, `${largest}`)
  })
})

describe('decoderFor() and bombs', () => {
  const zeros = Buffer.alloc(64 << 20)
  const bombs: Readonly<Record<string, Buffer>> = {
    gzip: gzipSync(zeros),
    deflate: deflateSync(zeros),
    br: brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }),
    zstd: zstdCompressSync(zeros),
    'gzip, gzip': gzipSync(gzipSync(zeros)),
  }
  for (const [encoding, bytes] of Object.entries(bombs)) {
    test(`cuts ${encoding} that swells`, async () => {
      const decoder = decoderFor(encoding)!
      let got = 0
      const receive = (chunk: Buffer) => {
        got += chunk.length
      }
      await assert.rejects(
        async () => {
          for (const chunk of pieces(bytes, 16_384)) await decoder.push(chunk, receive)
          await decoder.flush(receive)
        },
        { code: 'upstream_body_swells' },
      )
      decoder.destroy?.()
      assert.ok(got <= (1 << 20) + bytes.length * 200, `${got} of ${bytes.length}`)
    })
  }

  test('cuts a body of more bytes than allowed, whatever came in', async () => {
    const decoder = decoderFor('gzip', { freeBytes: 1000, ratio: 200, maxBytes: 10_000 })!
    await assert.rejects(run(decoder, [gzipSync(randomBytes(10_001))]), { code: 'upstream_body_swells' })
  })

  test('lets a body pass that compresses well', async () => {
    const rows = Buffer.from(Array.from({ length: 100_000 }, (_, i) => `{"id":${i},"ok":true}\n`).join(''))
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(rows)],
      ['zstd', zstdCompressSync(rows)],
    ] as const) {
      assert.equal((await run(decoderFor(encoding)!, pieces(bytes, 16_384))).length, rows.length)
    }
  })

  test('refuses a zstd window beyond 8 MiB', async () => {
    const engine = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: 26 } })
    const out: Buffer[] = []
    engine.on('data', (chunk: Buffer) => out.push(chunk))
    engine.write(randomBytes(1000))
    await new Promise<void>((resolve) => engine.flush(resolve))
    engine.end(randomBytes(100_000))
    await new Promise((resolve) => engine.once('end', resolve))
    await assert.rejects(run(decoderFor('zstd')!, out), { code: 'upstream_broke' })
  })
})

describe('acceptEncoding()', () => {
  const table: readonly [string | undefined, string][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['identity', 'identity'],
    ['gzip, deflate, br, zstd', 'gzip, deflate, br, zstd'],
    ['br;q=1.0, gzip;q=0.8, *;q=0.1', 'br, gzip, deflate, zstd'],
    ['GZIP, X-Gzip, compress, dcb', 'gzip'],
    ['gzip;q=0, *', 'deflate, br, zstd'],
    ['br; q=0.000, gzip', 'gzip'],
    ['*;q=0', 'identity'],
    ['sdch', 'identity'],
    ['g zip, constructor', 'identity'],
  ]
  for (const [requested, sent] of table) {
    test(`${requested} → ${sent}`, () => assert.equal(acceptEncoding(requested), sent))
  }
})
