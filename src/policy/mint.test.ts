import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createMint } from './mint.ts'
import type { Permit, PermitFields } from './permit.ts'

const fields = {
  call: { rid: 'call_1', agent: 'agent_1', token: 'tok_1', service: 'srv_1', serviceName: 'demo', method: 'GET' },
  grant: 'grt_1',
  credential: 'crd_1',
  origins: ['https://api.example.com:443'],
  intentSeq: 7,
} as unknown as PermitFields

describe('createMint()', () => {
  test('lets a permit be redeemed once', () => {
    const { mint, redeem } = createMint()
    const permit = mint(fields)
    assert.equal(redeem(permit), true)
    assert.equal(redeem(permit), false)
  })

  test('lets a permit be spent once, after it was redeemed', () => {
    const { mint, redeem, spend } = createMint()
    const permit = mint(fields)
    assert.equal(spend(permit), false)
    redeem(permit)
    assert.equal(spend({ ...permit }), false)
    assert.equal(spend(permit), true)
    assert.deepEqual([spend(permit), redeem(permit)], [false, false])
  })

  test('refuses whatever it did not mint itself', () => {
    const { mint, redeem, spend } = createMint()
    const permit = mint(fields)
    const refused: readonly unknown[] = [
      { ...permit },
      structuredClone(permit),
      Object.create(permit),
      createMint().mint(fields),
      fields,
      {},
      undefined,
      null,
      'permit',
    ]
    for (const value of refused) assert.deepEqual([redeem(value as Permit), spend(value as Permit)], [false, false])
    assert.equal(redeem(permit), true)
  })

  test('freezes the permit and the call', () => {
    const permit = createMint().mint(fields)
    assert.throws(() => Object.assign(permit, { credential: 'crd_2' }), TypeError)
    assert.throws(() => Object.assign(permit.call, { method: 'DELETE' }), TypeError)
  })

  test('keeps what it was given, and does not follow later changes of the fields', () => {
    const changing = { ...fields }
    const permit = createMint().mint(changing)
    Object.assign(changing, { credential: 'crd_2' })
    assert.deepEqual({ ...permit }, { ...fields })
  })
})
