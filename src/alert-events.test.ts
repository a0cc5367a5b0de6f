import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventOfBand, eventOfChange, eventOfFinding } from './alert-events.ts'
import type { AlertEvent } from './alerts/contract.ts'
import { eventCatalogue, severityOf } from './alerts/event-catalogue.ts'
import type { AgentId } from './ground/ids.ts'

const agent = 'agent_1'
const knows = (service: string, of: string) => service === 'svc_known' && of === agent

/** What a record says → the event and its data. */
const cases: readonly (readonly [Record<string, string | number>, string, object, readonly string[]])[] = [
  [
    { what: 'agent.added', agent, name: 'coder', status: 'pending', origin: 'self' },
    'agent.registered',
    { agentId: agent, name: 'coder', status: 'pending' },
    ['svc_known'],
  ],
  [
    { what: 'credential.needs_reauth', credential: 'crd_1', handle: 'account', needsReauth: 'invalid_grant' },
    'credential.needs_reauth',
    { credentialId: 'crd_1', handle: 'account', reason: 'invalid_grant' },
    [],
  ],
  [
    { what: 'credential.refresh_failed', credential: 'crd_1', handle: 'account', reason: 'http_503' },
    'credential.refresh_failed',
    { credentialId: 'crd_1', handle: 'account', reason: 'http_503' },
    [],
  ],
  [{ what: 'agent.approved', agent }, 'agent.status_changed', { agentId: agent, status: 'active' }, ['svc_known']],
  [{ what: 'agent.unlocked', agent }, 'agent.status_changed', { agentId: agent, status: 'active' }, ['svc_known']],
  [{ what: 'agent.locked', agent }, 'agent.status_changed', { agentId: agent, status: 'suspended' }, ['svc_known']],
  [{ what: 'agent.revoked', agent }, 'agent.status_changed', { agentId: agent, status: 'revoked' }, ['svc_known']],
  [
    { what: 'agent.key_added', agent, key: 'key_1', thumbprint: 't' },
    'agent.key_added',
    { agentId: agent, keyId: 'key_1', thumbprint: 't' },
    ['svc_known'],
  ],
  [
    { what: 'agent.key_revoked', agent, key: 'key_1', thumbprint: 't' },
    'agent.key_revoked',
    { agentId: agent, keyId: 'key_1', thumbprint: 't' },
    ['svc_known'],
  ],
  [
    { what: 'token.revoked', token: 'tok_1', owner: agent, why: 'leaked' },
    'token.revoked',
    { agentId: agent, scope: 'token', tokenId: 'tok_1' },
    ['svc_known'],
  ],
  [{ what: 'token.revoked', token: 'tok_2', owner: 'op_1' }, 'token.revoked', { scope: 'token', tokenId: 'tok_2' }, []],
  [
    { what: 'tokens.revoked', owner: agent, count: 3 },
    'token.revoked',
    { agentId: agent, scope: 'owner', count: 3 },
    ['svc_known'],
  ],
  [
    { what: 'session.revoked', session: 'ses_1', agent },
    'token.revoked',
    { agentId: agent, scope: 'session', sessionId: 'ses_1' },
    ['svc_known'],
  ],
  [{ what: 'emergency.revoked' }, 'token.revoked', { scope: 'everybody' }, []],
  [
    // No date at all: a record is on the disk already, and whoever hears of it must not fall over it.
    { what: 'role.assigned', agent, role: 'reader', service: 'svc_giver', expiresAt: Number.MAX_SAFE_INTEGER },
    'role.assigned',
    { agentId: agent, roleId: 'reader', serviceId: 'svc_giver', expiresAt: null },
    ['svc_giver'],
  ],
  [
    { what: 'role.assigned', agent, role: 'reader', service: 'svc_giver', expiresAt: Date.UTC(2026, 1, 9) },
    'role.assigned',
    { agentId: agent, roleId: 'reader', serviceId: 'svc_giver', expiresAt: '2026-02-09T00:00:00.000Z' },
    ['svc_giver'],
  ],
  [
    { what: 'role.assigned', agent, role: 'reader', service: 'svc_giver' },
    'role.assigned',
    { agentId: agent, roleId: 'reader', serviceId: 'svc_giver', expiresAt: null },
    ['svc_giver'],
  ],
  [
    { what: 'role.revoked', agent, role: 'reader', service: 'svc_giver' },
    'role.revoked',
    { agentId: agent, roleId: 'reader', serviceId: 'svc_giver' },
    ['svc_giver'],
  ],
  [
    { what: 'operator.passkey_added', operator: 'op_ann', passkey: 'pky_1', rpId: 'localhost' },
    'operator.passkey_added',
    { operatorId: 'op_ann', passkeyId: 'pky_1', rpId: 'localhost' },
    [],
  ],
  [
    { what: 'operator.passkey_suspect', operator: 'op_ann', passkey: 'pky_1' },
    'operator.passkey_suspect',
    { operatorId: 'op_ann', passkeyId: 'pky_1' },
    [],
  ],
  [{ what: 'operator.recovered', operator: 'op_ann' }, 'operator.recovered', { operatorId: 'op_ann' }, []],
]

const hearers = ({ concerns }: AlertEvent) => ['svc_known', 'svc_giver', 'svc_other'].filter((one) => concerns?.(one))

describe('eventOfChange()', () => {
  for (const [ev, type, data, services] of cases) {
    test(`${ev.what} of ${ev.owner ?? ev.agent ?? 'all'} is ${type} for ${services.join() || 'operators alone'}`, () => {
      const event = eventOfChange({ id: 7, record: { type: 'auth', ev } }, knows)
      assert.ok(event)
      assert.deepEqual([event.type, event.data, hearers(event)], [type, data, services])
      assert.equal(event.cause, 'change/7')
      const promised: readonly string[] = eventCatalogue[event.type].data
      for (const member of Object.keys(event.data)) assert.ok(promised.includes(member), member)
    })
  }

  test('tells of nothing else, whatever a record says', () => {
    for (const what of ['grant.added', 'webhook.added', 'alerts.lost', 'constructor', '__proto__', undefined, 7]) {
      const ev = what === undefined ? {} : { what }
      assert.equal(eventOfChange({ id: 1, record: { type: 'config', ev } }, knows), undefined)
    }
  })
})

describe('a finding', () => {
  test('is suspicious activity in the documented form, with the severity of its kind', () => {
    const details = { previousLocation: 'US', currentLocation: 'CN', timeDelta: 300 }
    const finding = { agent, type: 'geographic_anomaly', riskScore: 8.5, details, at: 5 } as const
    const event = eventOfFinding(finding, knows)
    assert.deepEqual(event.data, { agentId: agent, type: 'geographic_anomaly', details, riskScore: 8.5 })
    assert.deepEqual([event.at, event.subject, hearers(event)], [5, agent, ['svc_known']])
    assert.equal(severityOf(event.type, event.data), 'warning')
    const reuse = eventOfFinding({ ...finding, type: 'refresh_reuse' }, knows)
    assert.equal(severityOf(reuse.type, reuse.data), 'critical')
  })
})

describe('a change of trust', () => {
  test('says which band it was and is', () => {
    const change = { agent: agent as AgentId, from: 'Neutral', to: 'Low Trust', score: 4.2, report: 'r' } as const
    const event = eventOfBand(change, knows)
    assert.deepEqual(event.data, { agentId: agent, trustScore: 4.2, band: 'Low Trust', previousBand: 'Neutral' })
  })
})

test('eventOfChange() tells operators of what humans are asked and answer, by its id, and nobody else', () => {
  const approval = { id: 'apr_1', digest: 'd' }
  const of = (type: string, ev: Record<string, string | number>) => {
    const event = eventOfChange({ id: 7, record: { type, approval, ev } }, knows)
    return event && { type: event.type, data: event.data, others: event.concerns?.('svc_known') ?? false }
  }
  const asked = { agent, assurance: 'tap', kind: 'call', lifeSeconds: 900, uses: 1 }
  const about = { approvalId: 'apr_1' }
  const data = { ...about, agentId: agent, kind: 'call', assurance: 'tap' }
  assert.deepEqual(of('approval.opened', asked), { type: 'approval.opened', data, others: false })
  for (const status of ['approved', 'denied', 'expired', 'cancelled']) {
    const told = { ...about, status, channel: 'telegram' }
    const decided = { type: 'approval.decided', data: told, others: false }
    assert.deepEqual(of(`approval.${status}`, { channel: 'telegram' }), decided)
  }
  const windowId = 'apr_1'
  const opening = { agent, service: 'u', may: 'pay', seconds: 60, uses: 5, first: 'd', with: 'apr_0' }
  const opened = { windowId, agentId: agent, approvalId: 'apr_0', seconds: 60, calls: 5 }
  assert.deepEqual(of('approval.window_opened', opening), { type: 'window.opened', data: opened, others: false })
  const ended = (reason: string, used: number) => {
    return { type: 'window.ended', data: { windowId, agentId: agent, reason, used }, others: false }
  }
  assert.deepEqual(of('approval.window_ended', { why: 'operator', agent, used: 2 }), ended('operator', 2))
  assert.deepEqual(of('approval.window_used', { rid: 'r', used: 5, of: 5, agent }), ended('used_up', 5))
  assert.deepEqual(of('approval.withdrawn', { was: 'approved', kind: 'window', agent, used: 1 }), ended('emergency', 1))
  for (const [type, ev] of [
    ['approval.window_used', { rid: 'r', used: 4, of: 5, agent }],
    // As it was written before there was such an event.
    ['approval.window_used', { rid: 'r', used: 4 }],
    ['approval.withdrawn', { was: 'pending', kind: 'call', agent, used: 0 }],
  ] as const)
    assert.equal(of(type, ev), undefined)
  for (const other of ['notified', 'answered', 'consumed', 'lost']) assert.equal(of(`approval.${other}`, {}), undefined)
})
