import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Coverage, classMethods, classOf, parseScope, type Scoped } from './scope.ts'

describe('parseScope()', () => {
  test('reads two and three parts', () => {
    assert.deepEqual(parseScope('github:repo.get').words, ['repo.get'])
    assert.deepEqual(parseScope('github:repos:read').words, ['repos', 'read'])
    assert.deepEqual(parseScope('*:*').words, ['*'])
  })

  const refused = [
    '',
    'github',
    ':',
    'a:',
    ':b',
    'a:b:c:d',
    'a:b*',
    'a:*b',
    'a:b:',
    ' a:b',
    'a:b\n',
    'a:é',
    '**:a',
    'a:.b',
  ]
  for (const text of [...refused, `a:${'b'.repeat(65)}`, `a:${'b:'.repeat(300)}`]) {
    test(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.throws(() => parseScope(text), { code: 'scope_invalid' })
    })
  }
})

test('classOf() knows the seven methods and no other spelling', () => {
  assert.deepEqual(Object.values(classMethods).flat().map(classOf), [
    ...['read', 'read', 'read'],
    ...['write', 'write', 'write'],
    'delete',
  ])
  for (const method of ['TRACE', 'CONNECT', 'get', 'Get', 'PROPFIND', 'QUERY', '', 'GET ']) {
    assert.equal(classOf(method), undefined, method)
  }
})

describe('Coverage', () => {
  const read = { action: undefined, required: ['s:read'] }
  const get = { action: 'repo.get', required: ['s:repos:read'] }
  const both = { action: 'x', required: ['s:a:read', 's:b:write'] }
  const soft = { action: 'y', required: ['s:a:read'], enough: 's:read' }
  const only = { action: undefined, required: ['s:*'] }
  const table: readonly [string[], Scoped, boolean][] = [
    [['s:read'], read, true],
    [['*:read'], read, true],
    [['s:write'], read, false],
    [['t:read'], read, false],
    [['s:*'], read, true],
    [['s:*:*'], read, false],
    [['s:*:read'], read, false],
    [['s:read'], get, false],
    [['s:repos:read'], get, true],
    [['s:repos:*'], get, true],
    [['s:*:read'], get, true],
    [['s:*:*'], get, true],
    [['s:repos:write', 's:issues:read'], get, false],
    [['s:repo.get'], get, true],
    [['s:repo.put'], get, false],
    [['s:a:read'], both, false],
    [['s:a:read', 's:b:write'], both, true],
    [['s:x'], both, true],
    [['s:read'], soft, true],
    [['s:a:read'], soft, true],
    [['s:read', 's:write', 's:delete', 's:*:*'], only, false],
    [['*:*'], only, true],
    [['s:*'], { action: undefined, required: [] }, true],
    [['s:read'], { action: undefined, required: [] }, false],
  ]
  for (const [scopes, resolution, expected] of table) {
    test(`${scopes.join(' ')} ${expected ? 'covers' : 'does not cover'} ${JSON.stringify(resolution)}`, () => {
      const coverage = new Coverage('s', scopes)
      assert.equal(coverage.covers(resolution), expected)
      assert.equal(coverage.covers(resolution), expected, 'the second time, from memory')
    })
  }

  const part = fc.constantFrom('a', 'b', 'read', 'write')
  const starred = fc.constantFrom('a', 'b', 'read', 'write', '*')
  const scopes = fc.array(
    fc.oneof(
      starred.map((one) => `s:${one}`),
      fc.tuple(starred, starred).map(([one, two]) => `s:${one}:${two}`),
    ),
    { maxLength: 4 },
  )
  const resolutions: fc.Arbitrary<Scoped> = fc.record({
    action: fc.option(part, { nil: undefined }),
    required: fc.array(
      fc.oneof(
        part.map((one) => `s:${one}`),
        fc.tuple(part, part).map(([one, two]) => `s:${one}:${two}`),
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  })
  const runs = { numRuns: process.env.PROVING === '1' ? 200_000 : 5_000 }

  test('is a lattice: more scopes cover more, * covers what any word in its place does, nothing covers nothing', () => {
    fc.assert(
      fc.property(scopes, scopes, resolutions, (some, more, resolution) => {
        const covers = (list: readonly string[]) => new Coverage('s', list).covers(resolution)
        assert.equal(covers([]), false)
        assert.equal(covers(['s:*']), true)
        if (covers(some)) assert.ok(covers([...some, ...more]), 'monotone')
        if (covers(some)) assert.ok(covers(some.map((one) => one.replace(/[^:]+$/, '*'))), 'a star widens')
        if (covers(some)) assert.ok(covers([...some].reverse()), 'order means nothing')
        const asOne = some.some((one) => covers([one]))
        if (asOne) assert.ok(covers(some), 'the union covers what a part covers')
      }),
      runs,
    )
  })

  test('agrees with the definition', () => {
    fc.assert(
      fc.property(scopes, resolutions, (granted, resolution) => {
        const gives = (wanted: string) =>
          granted.some((one) => {
            const [left, right] = [one.split(':').slice(1), wanted.split(':').slice(1)]
            if (left.length === 1) return left[0] === '*' || (right.length === 1 && left[0] === right[0])
            return right.length === 2 && left.every((word, at) => word === '*' || word === right[at])
          })
        const expected =
          granted.includes('s:*') ||
          (resolution.action !== undefined && granted.includes(`s:${resolution.action}`)) ||
          resolution.required.every(gives)
        assert.equal(new Coverage('s', granted).covers(resolution), expected)
      }),
      runs,
    )
  })
})
