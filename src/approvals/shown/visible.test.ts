import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hostileStrings } from '../../../test/generators/hostile-strings.ts'
import { undrawnIn } from './shown.support.ts'
import { cutAt, hidden, visible, visibleLine, visibleLines, visibleValue } from './visible.ts'

describe('visible()', () => {
  for (const [what, text, wanted] of [
    ['a direction override', 'a\u202eb', 'a⟨U+202E⟩b'],
    ['a line break', 'a\nb', 'a⟨U+000A⟩b'],
    ['an escape of terminals', '\x1b[2J', '⟨U+001B⟩[2J'],
    ['a space of no width', 'pay\u200bpal', 'pay⟨U+200B⟩pal'],
    ['a space that does not break', 'a\u00a0b', 'a⟨U+00A0⟩b'],
    ['a wide space', 'a\u3000b', 'a⟨U+3000⟩b'],
    ['a tag', 'a\u{e0041}', 'a⟨U+E0041⟩'],
    ['a variation selector', '\u2764\ufe0f', '\u2764⟨U+FE0F⟩'],
    ['a further variation selector', 'a\u{e0100}', 'a⟨U+E0100⟩'],
    ['half of a pair', 'a\ud83d', 'a⟨U+D83D⟩'],
    ['a blank letter', 'a\u3164', 'a⟨U+3164⟩'],
    ['a private character', '\ue000', '⟨U+E000⟩'],
    ['a mark on nothing', '\u0301a', '⟨U+0301⟩a'],
    ['marks that pile up', `Z${'\u0335'.repeat(4)}`, `Z${'\u0335'.repeat(3)}⟨U+0335⟩`],
    ['the sign of its own marks', '⟨U+202E⟩', '⟨U+27E8⟩U+202E⟩'],
  ] as const) {
    test(`writes out ${what}`, () => assert.equal(visible(text), wanted))
  }

  for (const text of ['plain', 'é', 'e\u0301', 'Grüße', '日本語', 'שלום', 'नमस्ते', '😀', '<b>&amp;']) {
    test(`leaves ${text} as it is`, () => assert.equal(visible(text), text))
  }

  test('leaves nothing undrawn in hostile strings, and gives no two the same', () => {
    const strings = hostileStrings(11, 2_000)
    const shown = strings.map(visible)
    for (const text of shown) assert.equal(undrawnIn(text), undefined, JSON.stringify(text))
    assert.equal(new Set(shown).size, strings.length)
  })
})

describe('visibleLine()', () => {
  test('says how much it cut', () =>
    assert.equal(visibleLine('x'.repeat(1_300), 100).slice(100), '… 1,200 more characters'))
  test('cuts no pair in half', () => assert.equal(cutAt('a😀', 2), 'a'))
  test('hides what begins as keys begin', () => {
    const key = ['sk', 'live', '51H8aBcDeFgHiJkLmNoPqRs'].join('_')
    const line = visibleLine(`use ${key}, please`, 200)
    assert.equal(line, `use ${hidden(key)}, please`)
    assert.ok(!line.includes('51H8'))
  })
})

describe('visibleValue()', () => {
  test('tells two long values apart that begin alike', () => {
    const long = 'x'.repeat(100)
    assert.notEqual(visibleValue(`${long}a`, 50), visibleValue(`${long}b`, 50))
  })
})

describe('visibleLines()', () => {
  const limits = { characters: 100, lines: 3, perLine: 20 }
  for (const [what, text, wanted] of [
    ['lines', 'a\r\nb\n\nc', { lines: ['a', 'b', ''], cut: '… 1 more characters' }],
    ['a carriage return alone', 'a\rb', { lines: ['a⟨U+000D⟩b'] }],
    ['tabs', '\ta', { lines: ['⇥   a'] }],
    [
      'a line that is too long',
      'y'.repeat(25),
      { lines: [`${'y'.repeat(20)}… 5 more characters`], cut: '… 5 more characters in long lines' },
    ],
    ['nothing', '', { lines: [] }],
  ] as const) {
    test(`takes ${what}`, () => assert.deepEqual(visibleLines(text, limits), wanted))
  }
})
