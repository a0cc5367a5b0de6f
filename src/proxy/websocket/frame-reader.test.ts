import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type FrameLimits, FrameReader, FrameRefused, mask } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'

const limits: FrameLimits = { messageBytes: 100_000, totalBytes: 1_000_000 }

/** What a reader makes of the bytes, which come in pieces of `size`. */
function read(bytes: Buffer, { masked = false, size = bytes.length, given = limits } = {}) {
  const seen: string[] = []
  let text: Buffer[] = []
  const sink = {
    begins: (opcode: number, last: boolean, length: number) =>
      void seen.push(`${opcode}${last ? ' last' : ''} ${length}`),
    payload: (piece: Buffer, ends: boolean) => {
      text.push(Buffer.from(piece))
      if (!ends) return
      seen.push(Buffer.concat(text).toString('latin1'))
      text = []
    },
    control: (opcode: number, payload: Buffer) => void seen.push(`${opcode}: ${payload.toString('latin1')}`),
  }
  const reader = new FrameReader(sink, masked, given)
  for (let at = 0; at < bytes.length; at += size) reader.push(Buffer.from(bytes.subarray(at, at + size)))
  return seen
}

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')

describe('FrameReader', () => {
  test('reads the examples of RFC 6455 §5.7, in pieces of any size', () => {
    const examples: [string, boolean, string[]][] = [
      ['810548656c6c6f', false, ['1 last 5', 'Hello']],
      ['818537fa213d7f9f4d5158', true, ['1 last 5', 'Hello']],
      ['010348656c 80026c6f', false, ['1 3', 'Hel', '0 last 2', 'lo']],
      ['890548656c6c6f', false, ['9: Hello']],
      ['8a8537fa213d7f9f4d5158', true, ['10: Hello']],
      ['010348656c 8900 80026c6f', false, ['1 3', 'Hel', '9: ', '0 last 2', 'lo']],
      ['8800 8900', false, ['8: ']],
      ['8100', false, ['1 last 0', '']],
    ]
    for (const [bytes, masked, seen] of examples)
      for (const size of [1, 2, 3, 100])
        assert.deepEqual(read(hex(bytes), { masked, size }), seen, `${bytes} by ${size}`)
  })

  test('refuses what is not to be written, by its code', () => {
    const refusals: [string, string, number, boolean?][] = [
      ['a frame that is not masked', '810548656c6c6f', 1002, true],
      ['a frame that is masked', '818537fa213d7f9f4d5158', 1002],
      ['the first reserved bit, as permessage-deflate sets it', 'c10548656c6c6f', 1002],
      ['the second', 'a100', 1002],
      ['the third', '9100', 1002],
      ['opcode 3', '8300', 1002],
      ['opcode 7', '8700', 1002],
      ['opcode 11', '8b00', 1002],
      ['opcode 15', '8f00', 1002],
      ['a fragment of a ping', '0900', 1002],
      ['a ping of 126 bytes', '897e007e', 1002],
      ['a continuation of nothing', '8000', 1002],
      ['a message within a message', '010161 810162', 1002],
      ['a length of 125 written in two bytes', '817e007d', 1002],
      ['a length of 65535 written in eight', '817f000000000000ffff', 1002],
      ['a length with the first bit', '817f8000000000000000', 1002],
      ['a message of more than there may be', '817f00000000000186a1', 1009],
      ['a frame of a gigabyte', '827f0000000040000000', 1009],
      ['a frame of 8 exabytes', '827f7fffffffffffffff', 1009],
      ['a close of one byte', '880103', 1002],
      ['a close code that nobody sends', '880203ed', 1002],
      ['a close code below 1000', '880203e7', 1002],
      ['a close code above 4999', '88021388', 1002],
      ['a close reason that is no text', '880403e8ff80', 1007],
    ]
    for (const [what, bytes, code, masked = false] of refusals)
      for (const size of [1, 100])
        assert.throws(
          () => read(hex(bytes), { masked, size }),
          (error) => error instanceof FrameRefused && error.closeCode === code,
          what,
        )
  })

  test('counts a message over its fragments, and all of them together', () => {
    const small = { messageBytes: 4, totalBytes: 9 }
    const refused = (code: number) => (error: unknown) => error instanceof FrameRefused && error.closeCode === code
    assert.throws(() => read(hex('010361616100020003616161'), { given: small }), refused(1009))
    assert.throws(() => read(hex('010361616180026161'), { given: small }), refused(1009))
    const four = '810461616161'
    assert.throws(() => read(hex(`${four}${four}${four}`), { given: small }), refused(1008))
    assert.equal(read(hex(`${four}${four}`), { given: small }).length, 4)
  })

  test('passes over what comes behind a close', () => {
    assert.deepEqual(read(hex('880203e8 ffff'), { size: 1 }), ['8: \x03\xe8'])
  })

  test('reads what FrameWriter writes, of every form of length', () => {
    for (const length of [0, 1, 125, 126, 65_535, 65_536, 90_000])
      for (const masks of [false, true]) {
        const sent: Buffer[] = []
        const text = 'x'.repeat(length)
        new FrameWriter({ write: (bytes) => sent.push(Buffer.from(bytes)) }, masks).frame(2, true, Buffer.from(text))
        const wire = Buffer.concat(sent)
        assert.deepEqual(read(wire, { masked: masks }), [`2 last ${length}`, text])
        if (masks && length > 20) assert.ok(!wire.includes('xxxxxxxxxxxxxxxx'), 'masked')
      }
  })
})

test('mask() goes on where it was', () => {
  const key = hex('0037fa213d')
  const whole = Buffer.from('a message that is masked in pieces')
  const once = Buffer.from(whole)
  mask(once, key, 1, 0)
  const pieces = Buffer.from(whole)
  let at = 0
  for (const [from, to] of [
    [0, 1],
    [1, 7],
    [7, 7],
    [7, 34],
  ] as const)
    at = mask(pieces.subarray(from, to), key, 1, at)
  assert.deepEqual(pieces, once)
})
