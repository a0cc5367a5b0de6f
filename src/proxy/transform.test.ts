import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type BodyTransform, chained } from './transform.ts'

/** Puts `mark` after each chunk, and `end` at the end; waits a turn where `slow`. */
function stage(mark: string, slow: boolean): BodyTransform & { destroyed: boolean } {
  return {
    destroyed: false,
    push: (chunk, emit) => {
      const out = Buffer.concat([chunk, Buffer.from(mark)])
      return slow ? new Promise<void>(setImmediate).then(() => emit(out)) : emit(out)
    },
    flush: (emit) => (slow ? Promise.resolve().then(() => emit(Buffer.from('end'))) : emit(Buffer.from('end'))),
    destroy() {
      this.destroyed = true
    },
  }
}

async function run(transform: BodyTransform, chunks: readonly string[]): Promise<string> {
  let out = ''
  const keep = (chunk: Buffer) => {
    out += chunk.toString()
  }
  for (const chunk of chunks) await transform.push(Buffer.from(chunk), keep)
  await transform.flush(keep)
  return out
}

describe('chained()', () => {
  for (const slow of [
    [false, false, false],
    [true, false, false],
    [false, true, false],
    [true, true, true],
  ]) {
    test(`runs each stage on the output of the one before, ends in order (slow: ${slow})`, async () => {
      const stages = ['a', 'b', 'c'].map((mark, i) => stage(mark, slow[i]!))
      assert.equal(await run(chained(stages), ['1', '2']), '1abc2abcendbcendcend')
    })
  }

  test('passes everything on without stages', async () => {
    assert.equal(await run(chained([]), ['1', '2']), '12')
  })

  test('is one stage itself', () => {
    const only = stage('a', false)
    assert.equal(chained([only]), only)
  })

  test('stays synchronous where every stage is', () => {
    const transform = chained([stage('a', false), stage('b', false)])
    const emit = () => undefined
    assert.equal(transform.push(Buffer.from('1'), emit), undefined)
    assert.equal(transform.flush(emit), undefined)
  })

  test('hands on that the receiver is not ready', async () => {
    const transform = chained([stage('a', false), stage('b', false)])
    let ready = false
    await transform.push(Buffer.from('1'), async () => {
      await new Promise(setImmediate)
      ready = true
    })
    assert.ok(ready)
  })

  test('destroys every stage', () => {
    const stages = ['a', 'b', 'c'].map((mark) => stage(mark, false))
    chained(stages).destroy?.()
    assert.ok(stages.every(({ destroyed }) => destroyed))
  })

  test('cuts by throwing, synchronously or later', async () => {
    const broken: BodyTransform = {
      push: () => {
        throw new Error('cut')
      },
      flush: () => undefined,
    }
    await assert.rejects(run(chained([stage('a', false), broken]), ['1']), /cut/)
    await assert.rejects(run(chained([stage('a', true), broken]), ['1']), /cut/)
  })
})
