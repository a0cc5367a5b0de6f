import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Automaton, type State } from './automaton.ts'
import { chainsOf } from './chains.ts'

describe('Automaton', () => {
  test('tells all 256 bytes apart', () => {
    const secret = Buffer.from(Array.from({ length: 256 }, (_, i) => (i * 167 + 13) & 0xff))
    const automaton = new Automaton([chainsOf(secret)])
    assert.equal(new Set(automaton.kinds).size, 256)
    let state = automaton.root
    for (const [place, byte] of secret.entries()) {
      const move = automaton.move(state, byte)
      assert.equal(move.found, place === 255 ? 0 : -1)
      for (let other = 0; other < 256; other++) {
        if (other !== byte) assert.notEqual(state.moves[automaton.kinds[other]!], move)
      }
      state = move.to
    }
  })

  test('bytes that no spelling uses are all alike, and lead to the root', () => {
    const automaton = new Automaton([chainsOf(Buffer.from('abcdefgh'))])
    const { to } = automaton.move(automaton.root, 'a'.charCodeAt(0))
    for (const byte of Buffer.from('!~|\x7f\xff', 'latin1')) {
      assert.equal(automaton.kinds[byte], 0)
      assert.equal(automaton.move(to, byte).to, automaton.root)
    }
  })

  test('throws its states away at a limit, and unlinks the one a stream stands on', () => {
    const automaton = new Automaton([chainsOf(Buffer.from('0123456789'))])
    const first = automaton.move(automaton.root, '0'.charCodeAt(0)).to
    automaton.move(first, '1'.charCodeAt(0))
    let calls = 0
    // Each call makes a move, also one that is there.
    while (first.moves.length > 0 && calls < 100_000) {
      automaton.move(automaton.root, '&'.charCodeAt(0))
      calls++
    }
    assert.ok(calls > 1_000 && calls < 100_000, `${calls}`)
    const again: State = automaton.move(automaton.root, '0'.charCodeAt(0)).to
    assert.notEqual(again, first)
    assert.deepEqual(again.groups, first.groups)
  })
})
