import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AgentId, CallId } from '../ground/ids.ts'
import { type CallFooting, OpenCalls } from './open-calls.ts'

let count = 0
const footing = (agent: string): CallFooting =>
  ({
    rid: `call_${count++}` as CallId,
    agent: agent as AgentId,
    token: 'tok_1',
    service: 'srv_1',
    grant: 'grt_1',
    credential: undefined,
  }) as CallFooting

describe('OpenCalls', () => {
  test('counts per agent and in all, and forgets who left', () => {
    const calls = new OpenCalls()
    const first = calls.enter(footing('agent_a'))
    calls.enter(footing('agent_a'))
    calls.enter(footing('agent_b'))
    assert.deepEqual([calls.total, calls.ofAgent('agent_a' as AgentId), calls.ofAgent('agent_b' as AgentId)], [3, 2, 1])
    first.leave()
    first.leave()
    assert.deepEqual([calls.total, calls.ofAgent('agent_a' as AgentId)], [2, 1])
  })

  test('aborts what matches, once, and leaves the others alone', () => {
    const calls = new OpenCalls()
    const heard: string[] = []
    const a = calls.enter(footing('agent_a'))
    const b = calls.enter(footing('agent_b'))
    a.onAbort((reason) => heard.push(`a ${reason}`))
    b.onAbort((reason) => heard.push(`b ${reason}`))
    assert.equal(
      calls.kill(({ agent }) => agent === 'agent_a', 'locked'),
      1,
    )
    assert.equal(
      calls.kill(() => true, 'revoked'),
      1,
    )
    assert.deepEqual(heard, ['a locked', 'b revoked'])
    assert.equal(calls.total, 2, 'an aborted call counts until it has left')
  })

  test('tells a call that was aborted before it could listen', () => {
    const calls = new OpenCalls()
    const call = calls.enter(footing('agent_a'))
    calls.kill(() => true, 'revoked')
    let heard = ''
    call.onAbort((reason) => {
      heard = reason
    })
    assert.equal(heard, 'revoked')
  })

  test('drained() resolves when the last call left, and when it is told to hurry', async () => {
    const calls = new OpenCalls()
    const call = calls.enter(footing('agent_a'))
    const drained = calls.drained(60_000)
    call.leave()
    await drained
    await calls.drained(0)
    calls.enter(footing('agent_a'))
    const hurry = new AbortController()
    const hurried = calls.drained(60_000, hurry.signal)
    hurry.abort()
    await hurried
    await calls.drained(60_000, hurry.signal)
  })
})
