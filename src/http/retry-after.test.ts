import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../ground/problem.ts'
import { retryAfterOf } from './retry-after.ts'
import { problemHeaders } from './send-problem.ts'

const cases = [
  [429, undefined, '1'],
  [429, 17, '17'],
  [503, 3, '3'],
  [503, undefined, undefined],
  [403, undefined, undefined],
] as const
for (const [status, retryAfterSeconds, expected] of cases) {
  test(`${status} with ${retryAfterSeconds} says ${expected}`, () => {
    const facts = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
    const problem = new Problem('too_soon', { status, title: 'Too soon' }, { facts })
    assert.equal(retryAfterOf(problem), expected)
    assert.equal(problemHeaders(problem, 'call_1', 0)['retry-after'], expected)
  })
}
