import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runSeed, seeded } from '../../../test/generators/seeded.ts'
import { tryChain } from './narrow-scope.support.ts'
import { isWithin, narrowed, readScopes } from './narrow-scope.ts'

describe('readScopes()', () => {
  test('reads a list, each scope once', () => {
    assert.deepEqual(readScopes('a:b a:*:c a:b'), ['a:b', 'a:*:c'])
    assert.equal(readScopes(undefined), undefined)
  })

  for (const text of [
    '',
    ' ',
    'a:b ',
    ' a:b',
    'a:b  c:d',
    'a',
    'a:b\tc:d',
    'a:b,c:d',
    'é:b',
    `a:${'b '.repeat(2_000)}`,
  ]) {
    test(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
      assert.throws(() => readScopes(text), { code: 'scope_invalid' })
    })
  }
})

describe('narrowed()', () => {
  const table: readonly [child: string, parent: string, within: boolean][] = [
    ['s:read', 's:read', true],
    ['s:read', 's:*', true],
    ['s:a:read', 's:*', true],
    ['s:*:*', 's:*', true],
    ['s:*', 's:*:*', false],
    ['s:read', 's:*:*', false],
    ['s:a:read', 's:read', false],
    ['s:read', 's:a:read', false],
    ['s:a:read', 's:a:*', true],
    ['s:a:read', 's:*:read', true],
    ['s:a:*', 's:a:read', false],
    ['s:*', 's:read s:write s:delete', false],
    ['t:read', 's:read', false],
    ['t:read', '*:read', true],
    ['*:read', 's:read', false],
    ['*:read', '*:*', true],
    ['*:*', 's:* t:*', false],
    ['s:read t:write', 's:* t:write', true],
    ['s:read t:write', 's:*', false],
  ]
  for (const [child, parent, within] of table) {
    test(`${child} is ${within ? '' : 'not '}within ${parent}`, () => {
      assert.equal(isWithin(readScopes(child), readScopes(parent)), within)
    })
  }

  test('gives all of the parent where nothing is asked, and anything where the parent has no bound', () => {
    assert.deepEqual(narrowed(undefined, ['s:read']), { scopes: ['s:read'] })
    assert.deepEqual(narrowed(undefined, undefined), { scopes: undefined })
    assert.deepEqual(narrowed(['s:read'], undefined), { scopes: ['s:read'] })
    assert.equal(narrowed(['s:*'], ['s:read']), undefined)
  })

  test('never gives more than there is, and refuses nothing else: random chains (F-06)', () => {
    const random = seeded(runSeed('narrow-scope'))
    const chains = process.env.PROVING === '1' ? 100_000 : 10_000
    let given = 0
    let refused = 0
    for (let n = 0; n < chains; n++) {
      const chain = tryChain(random.below)
      assert.equal(chain.wrong, undefined)
      given += chain.given
      refused += chain.refused
    }
    assert.ok(given > chains / 10 && refused > chains / 10, `${given} given, ${refused} refused`)
  })
})
