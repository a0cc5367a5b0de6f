import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { compressions, plainEncodings } from '../../../test/instruments/encodings.ts'
import { TaintOracle } from '../../../test/instruments/taint-oracle.ts'
import type { BodyTransform } from '../transform.ts'
import { secretMatcher } from './matcher.ts'
import { scrubBody } from './scrub-body.ts'

const MARK = '[redacted:crd_1]'
const SECRET = 'sk-live/4f+Qz"9<x&_=8Yw0pT'
const matcher = secretMatcher([{ secret: Buffer.from(SECRET) }], MARK)
const filler = Array.from({ length: 400 }, (_, i) => `${i}: ${Math.sin(i)}\n`).join('')

async function run(transform: BodyTransform, chunks: readonly Buffer[]): Promise<{ out: Buffer; error?: unknown }> {
  const out: Buffer[] = []
  const keep = (chunk: Buffer) => void out.push(chunk)
  try {
    for (const chunk of chunks) await transform.push(chunk, keep)
    await transform.flush(keep)
    return { out: Buffer.concat(out) }
  } catch (error) {
    return { out: Buffer.concat(out), error }
  } finally {
    transform.destroy?.()
  }
}

const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

async function assertNoTaint(bytes: Buffer): Promise<void> {
  const oracle = new TaintOracle()
  oracle.canary('secret', SECRET)
  assert.deepEqual(await oracle.search(bytes, 'body'), [])
}

describe('scrubBody(), declared content encodings (D-01, encoding 14)', () => {
  for (const [coding, compress] of Object.entries(compressions)) {
    for (const [name, encode] of Object.entries(plainEncodings)) {
      test(`${name} inside ${coding}`, async () => {
        const body = compress(Buffer.concat([Buffer.from(filler), encode(SECRET), Buffer.from('\nend\n')]))
        for (const size of [64, 4096]) {
          const scrubbed = scrubBody(matcher, coding)
          const { out, error } = await run(scrubbed.transform, pieces(body, size))
          assert.equal(error, undefined)
          assert.equal(scrubbed.hits(), 1)
          assert.ok(out.toString('latin1').includes(MARK) && out.toString().endsWith('\nend\n'))
          await assertNoTaint(out)
        }
      })
    }
  }

  test('refuses what cannot be decoded', () => {
    assert.throws(() => scrubBody(matcher, 'compress'), { code: 'upstream_encoding_refused' })
  })

  test('stays synchronous and uncopied where nothing is encoded and nothing found', () => {
    const { transform, hits } = scrubBody(matcher, undefined)
    const chunk = Buffer.from('data: {"text":"clean"}\n\n')
    const out: Buffer[] = []
    assert.equal(
      transform.push(chunk, (bytes) => void out.push(bytes)),
      undefined,
    )
    assert.equal(out[0], chunk)
    assert.equal(hits(), 0)
  })
})

describe('scrubBody(), compressed bodies that nobody declared', () => {
  const bodies = { ...compressions, 'bare deflate': (bytes: Buffer) => deflateRawSync(bytes) }
  for (const [coding, compress] of Object.entries(bodies)) {
    test(`${coding} with a secret is cut before the secret`, async () => {
      for (const before of ['', filler]) {
        const body = compress(Buffer.from(`${before}echo: ${SECRET}\n${filler}`))
        for (const size of [16, 1000, 1 << 20]) {
          const { out, error } = await run(scrubBody(matcher, undefined).transform, pieces(body, size))
          assert.equal((error as { code?: string }).code, 'upstream_secret_compressed', `${size}`)
          await assertNoTaint(out)
        }
      }
    })

    test(`${coding} without one goes on byte for byte`, async () => {
      const body = compress(Buffer.from(filler))
      for (const size of [1, 1000]) {
        const { out, error } = await run(scrubBody(matcher, undefined).transform, pieces(body, size))
        assert.equal(error, undefined)
        assert.deepEqual(out, body)
      }
    })
  }

  test('a gzip body that hides a secret before damage is cut', async () => {
    const body = Buffer.concat([gzipSync(`echo: ${SECRET}`), Buffer.from('garbage')])
    for (const size of [1, 1000]) {
      const { out, error } = await run(scrubBody(matcher, undefined).transform, pieces(body, size))
      assert.notEqual(error, undefined)
      await assertNoTaint(out)
    }
  })

  test('a gzip body that ends early goes on as far as it came', async () => {
    const body = gzipSync(filler).subarray(0, -20)
    assert.deepEqual((await run(scrubBody(matcher, undefined).transform, [body])).out, body)
  })

  for (const begin of [
    '(',
    '(x) => 1',
    'x',
    'x^2 + y',
    'P',
    'Pong',
    'P*M\x17',
    '\x1b[1mbold',
    '\x00\x01\x02',
    '\x1f',
    'é',
  ]) {
    test(`${JSON.stringify(begin)} is no compressed body`, async () => {
      for (const text of [begin, `${begin} ${SECRET} and so on`]) {
        for (const size of [1, 1000]) {
          const { out, error } = await run(scrubBody(matcher, undefined).transform, pieces(Buffer.from(text), size))
          assert.equal(error, undefined)
          assert.equal(out.toString(), text.replace(SECRET, MARK))
        }
      }
    })
  }
})
