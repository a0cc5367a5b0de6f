import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { denial } from '../../gate/denials.ts'
import { Problem } from '../../ground/problem.ts'
import { readLabel } from '../../policy/label.ts'
import type { AskedCall, ClauthNeeds, Standing } from './needs.ts'
import { inRows } from './rows.ts'
import { wording } from './wording.ts'

const call = { skillId: 's', provider: 'p', handle: 'h', host: 'x.example', label: readLabel('p:read') } as AskedCall
const good: Standing = {
  ...{ granted: true, rpm: 60, waitMs: 0, handle: 'given', onProvider: true },
  hosts: ['api.example', '*.api.example'],
}
const worded = (problem: Problem, standing: Partial<Standing> = {}) => {
  const needs = { standingOf: () => ({ ...good, ...standing }) } as Partial<ClauthNeeds> as ClauthNeeds
  const { status, body } = wording(inRows(problem, call, needs), 'rid')
  const { code, message } = (body as { error: { code: string; message: string } }).error
  return [status, code, message]
}
const problem = (code: string, status = 502) => new Problem(code, { status, title: 'ours' })

describe('inRows()', () => {
  test('says the row of the host where only the address that it has is refused (CL-17)', () => {
    const text = `Endpoint host 'x.example' is not allowed for provider 'p'. Allowed: api.example, *.api.example`
    assert.deepEqual(worded(problem('address_refused', 403)), [422, 'VALIDATION_ERROR', text])
  })

  test('says of a rate that it is used up, though it was given back a moment later', () => {
    assert.deepEqual(worded(denial('rate_limited'))[2], `Rate limit exceeded for skill 's' (60/min).`)
    assert.deepEqual(worded(denial('rate_limited'), { waitMs: Number.POSITIVE_INFINITY, rpm: 0 })[0], 403)
  })

  test('leaves alone what is no row: the provider, the vault, the log, a person', () => {
    const failed = 'Failed to execute provider request'
    for (const code of ['upstream_unreachable', 'upstream_timeout', 'service_resting', 'answer_too_large']) {
      assert.deepEqual(worded(problem(code)), [502, 'UPSTREAM_ERROR', failed])
    }
    assert.deepEqual(worded(problem('vault_sealed', 503)), [403, 'ACCESS_DENIED', 'Vault is locked'])
    assert.deepEqual(worded(problem('audit_unavailable', 503)), [500, 'INTERNAL_ERROR', 'Internal error'])
    const asks = worded(denial('approval_required', { approval: 'apr_1' }))
    assert.deepEqual(asks, [403, 'APPROVAL_REQUIRED', 'Approval required: apr_1'])
    assert.deepEqual(worded(denial('agent_in_flight_limit')).slice(0, 2), [429, 'RATE_LIMITED'])
    assert.deepEqual(worded(problem('header_refused', 400)).slice(0, 2), [422, 'VALIDATION_ERROR'])
  })
})
