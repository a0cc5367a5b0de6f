import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Label, labelCovers, readLabel, stars } from './label.ts'

const label = (text: string) => readLabel(text) as Label

describe('readLabel()', () => {
  test('reads two parts, trimmed and in lower case', () => {
    assert.deepEqual(label(' GitHub:Read '), { text: 'github:read', provider: 'github', word: 'read' })
    for (const text of ['a:b', '*:*', 'github:*', '*:read', 'x.y-z:a_b.c']) assert.notEqual(readLabel(text), undefined)
  })

  test('reads nothing else: a third part, no part, part of a part', () => {
    const bad = ['', ':', 'a', 'a:', ':b', 'a:b:c', 'github:repo:read', 'git*:read', 'a:re*', 'a b:c', 'a: b']
    for (const text of [...bad, `a:${'b'.repeat(65)}`, 'x'.repeat(300)]) {
      assert.equal(readLabel(text), undefined, text)
    }
  })
})

describe('labelCovers()', () => {
  test('goes part by part, and a star of the asker covers nothing but a star', () => {
    const table: [string, string, boolean][] = [
      ['github:read', 'github:read', true],
      ['github:read', 'github:write', false],
      ['github:*', 'github:write', true],
      ['*:read', 'slack:read', true],
      ['*:*', 'slack:write', true],
      ['slack:*', 'github:read', false],
      ['github:read', 'github:*', false],
      ['github:*', 'github:*', true],
      ['github:*', '*:*', false],
    ]
    for (const [given, asked, covers] of table) assert.equal(labelCovers(label(given), label(asked)), covers)
  })

  test('counts stars', () => {
    assert.deepEqual(
      ['a:b', 'a:*', '*:b', '*:*'].map((text) => stars(label(text))),
      [0, 1, 1, 2],
    )
  })
})
