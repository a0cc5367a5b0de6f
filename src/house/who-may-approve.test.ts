import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whoMayApprove } from './who-may-approve.ts'

test('whoMayApprove() leaves out who answers for the agent, and wants two people where nobody does (CG-09)', () => {
  const owner = 'op_0000000000000000000001'
  for (const [clawgateOwnersApprove, of, expected] of [
    [true, owner, { assurance: 'tap' }],
    [true, undefined, { assurance: 'tap' }],
    [false, owner, { assurance: 'tap', notBy: owner }],
    [false, undefined, { assurance: 'two-people' }],
  ] as const) {
    assert.deepEqual(whoMayApprove({ clawgateOwnersApprove }, 'tap', { owner: of }), expected)
  }
})
