import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { constrainedQuery, queryKeys } from './constrained-query.ts'
import { canonicalTarget } from './target.ts'

const keys = queryKeys(['a', 'file_id'])
const read = (query: string) => constrainedQuery(canonicalTarget(`/x?${query}`), keys)

describe('constrainedQuery()', () => {
  test('gives the decoded values of constrained keys and leaves the rest alone', () => {
    assert.deepEqual(
      [...read('b=1&a=%C3%A9&b=2&c[]=3&file_id=x%20y')],
      [
        ['a', 'é'],
        ['file_id', 'x y'],
      ],
    )
    assert.equal(read('b=1&b=2&x=y%26z=1').size, 0)
    assert.equal(constrainedQuery(canonicalTarget('/x'), keys).size, 0)
  })

  const refused: readonly [string, string][] = [
    ['a=ok&a=bad', 'query_duplicate'],
    ['a=ok&a=ok', 'query_duplicate'],
    ['a&a', 'query_duplicate'],
    ['a=ok;a=bad', 'query_separator'],
    ['b=1;c=2', 'query_separator'],
    ['a[]=bad', 'query_lookalike'],
    ['a[0]=ok&a=ok', 'query_lookalike'],
    ['a%5B%5D=bad', 'query_lookalike'],
    ['A=bad', 'query_lookalike'],
    ['+a=bad', 'query_lookalike'],
    ['%20a=bad', 'query_lookalike'],
    ['a+=bad', 'query_lookalike'],
    ['file.id=bad', 'query_lookalike'],
    ['file+id=bad', 'query_lookalike'],
    ['file[id=bad', 'query_lookalike'],
    ['File[id=bad', 'query_lookalike'],
    ['a.x=bad', 'query_lookalike'],
    ['b%26a=bad', 'query_lookalike'],
    ['a%3D=bad', 'query_lookalike'],
    ['%EF%BD%81=bad', 'query_lookalike'],
    ['b=x%26a=bad', 'query_lookalike'],
    ['b=x%26a%3Dbad', 'query_lookalike'],
    ['b=x%3Ba%5B%5D%3Dbad', 'query_lookalike'],
    ['a=x+y', 'query_lookalike'],
  ]
  for (const [query, rule] of refused) {
    test(`refuses ?${query}`, () => {
      assert.throws(() => read(query), { code: 'target_ambiguous', facts: { rule } })
    })
  }

  test('A-05: the four tricks are refused before or here', () => {
    for (const query of ['a=ok&a=bad', 'a=ok;a=bad', 'a%00=bad', '%61=bad']) {
      assert.throws(() => read(query), { code: 'target_ambiguous' }, query)
    }
  })
})
