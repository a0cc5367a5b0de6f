import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Directory, hashKey } from './directory.ts'
import type { AgentRow, TokenRow } from './store.ts'

/** As SQLite gives it: one piece. A string put together in JavaScript is a rope that weighs many times as much. */
const flat = <T extends string>(text: string): T => Buffer.from(text, 'latin1').toString('latin1') as T

const agentRow = (at: number): AgentRow => ({
  id: flat(`agent_${String(at).padStart(22, '0')}`),
  name: flat(`agent-${at}`),
  status: 'active',
  created_at: 1.7e12 + at,
})

let made = 0
function tokenRow(owner: string): TokenRow {
  made += 1
  return {
    id: flat(`tok_${String(made).padStart(16, '0')}`),
    kind: 'ak',
    owner: flat(owner),
    label: null,
    hash: randomBytes(32),
    pepper: 1,
    issued_epoch: 5,
    status: 'active',
    created_at: 1.7e12 + made,
    expires_at: 1.8e12 + made,
    revoked_at: null,
  }
}

function heapInMegabytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  return process.memoryUsage().heapUsed / 1_048_576
}

describe('the read-model of identity', () => {
  test('holds 100,000 agents and their tokens in less than 150 MB, and finds each', (t) => {
    const directory = new Directory()
    const some: { readonly hash: Uint8Array; readonly name: string }[] = []
    const before = heapInMegabytes()
    for (let at = 0; at < 100_000; at += 1) {
      const agent = agentRow(at)
      const token = tokenRow(agent.id)
      directory.putAgent(agent)
      directory.putToken(token)
      if (at % 10_000 === 0) some.push({ hash: token.hash, name: agent.name })
    }
    const used = heapInMegabytes() - before
    t.diagnostic(`${used.toFixed(0)} MB`)
    assert.ok(used < 150, `${used} MB`)
    for (const { hash, name } of some) {
      const principal = directory.tokenByHash(hashKey(hash))?.principal
      assert.equal(principal?.kind === 'agent' && principal.agent.name, name)
    }
    assert.equal(directory.agentCount, 100_000)
  })

  test('recognises nobody by the token of an owner it does not know', () => {
    const directory = new Directory()
    const row = tokenRow('agent_gone')
    directory.putToken(row)
    assert.equal(directory.tokenByHash(hashKey(row.hash)), undefined)
    assert.equal(directory.token(row.id)?.status, 'active')
  })

  test('keeps the entry of an agent, so that a caller recognised earlier sees it locked', () => {
    const directory = new Directory()
    const row = agentRow(1)
    directory.putAgent(row)
    const entry = directory.agent(row.id)
    directory.putAgent({ ...row, status: 'suspended' })
    assert.equal(entry?.status, 'suspended')
  })
})
