import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Pattern } from './pattern.ts'

describe('Pattern', () => {
  /** Each makes an engine that backtracks try more ways than there is time for. */
  const hostile: readonly [pattern: string, text: string][] = [
    ['^(a+)+$', `${'a'.repeat(100_000)}b`],
    ['^([a-zA-Z]+)*$', `${'a'.repeat(100_000)}!`],
    ['^(a|aa)+$', `${'a'.repeat(100_000)}b`],
    ['^(a|a?)+$', `${'a'.repeat(100_000)}b`],
    ['^(.*a){12}$', `${'a'.repeat(20_000)}b`],
    ['(x+x+)+y', 'x'.repeat(100_000)],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(100_000)],
    ['(.*)*[=](.*)*[;]', `${'x'.repeat(50_000)}=${'y'.repeat(50_000)}`],
    ['\\s*$[^\\s]', ' '.repeat(100_000)],
    ['^[ab]*a[ab]{12}[cd]$', `${'ab'.repeat(20_000)}e`],
    ['^(?:[^@]+@)+[^@]+$', '@'.repeat(100_000)],
  ]
  for (const [pattern, text] of hostile) {
    test(`answers for ${pattern} on ${text.length} characters, again and again`, () => {
      const compiled = new Pattern(pattern)
      for (let time = 0; time < 3; time++) assert.equal(compiled.isIn(text), false)
    })
  }

  test('says the same however much it met before', () => {
    const compiled = new Pattern('[ab]*a[ab]{13}[cd]')
    let seed = 7
    const bit = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return seed & 0x10000
    }
    for (let text = 0; text < 3_000; text++) {
      const drawn = Array.from({ length: 50 }, () => (bit() ? 'a' : 'b')).join('')
      const found = /a[ab]{13}/.test(drawn.slice(-14))
      assert.equal(compiled.isIn(drawn), false)
      assert.equal(compiled.isIn(`${drawn}c`), found, drawn)
    }
  })

  test('says the same of characters that keep being new, of which it lets go', () => {
    const compiled = new Pattern('^.*[yz]$')
    for (let at = 0; at < 200; at++) {
      const text = String.fromCodePoint(...Array.from({ length: 4_000 }, (_, more) => 0x10000 + at * 4_000 + more))
      assert.equal(compiled.isIn(`${text}x`), false)
      assert.equal(compiled.isIn(`${text}y`), true)
    }
  })

  const refused: readonly [what: string, pattern: string][] = [
    ['what looks around', '(?=a)'],
    ['what refers back', '(a)\\1'],
    ['what is not closed', '(a'],
    ['what repeats too much', '(a{100}){100}'],
    ['what repeats too much, to an end', 'a{0,1000}b{2}'],
  ]
  for (const [what, pattern] of refused) {
    test(`refuses ${what}`, () => {
      assert.throws(() => new Pattern(pattern), TypeError)
    })
  }
})
