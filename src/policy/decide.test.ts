import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseGrant } from './choose-grant.ts'
import { checks, decide, explain, type Reason } from './decide.ts'
import type { GrantFacts, Question } from './question.ts'

const now = 1_000
const grant: GrantFacts = { id: 'grt_1', status: 'active', used: 0 }
const good: Question = {
  now,
  agent: { status: 'active' },
  token: { status: 'active', expiresAt: now + 1 },
  serviceKnown: true,
  originOnService: true,
  protocolCarried: true,
  resolution: { action: 'repo.get', risk: 'low' },
  anyGrant: true,
  tokenCovers: true,
  grant,
  credential: 'usable',
  limits: { rateAllows: true, agentInFlightAllows: true, totalInFlightAllows: true },
  findings: [],
  rules: { effect: 'none' },
  approval: undefined,
}

const refusals: readonly [Partial<Question>, Reason, string][] = [
  [{ agent: undefined }, 'agent_unknown', 'agentIsActive'],
  [{ agent: { status: 'pending' } }, 'agent_pending', 'agentIsActive'],
  [{ agent: { status: 'suspended' } }, 'agent_suspended', 'agentIsActive'],
  [{ agent: { status: 'revoked' } }, 'agent_revoked', 'agentIsActive'],
  [{ token: undefined }, 'token_revoked', 'tokenIsLive'],
  [{ token: { status: 'revoked', expiresAt: now + 1 } }, 'token_revoked', 'tokenIsLive'],
  [{ token: { status: 'active', expiresAt: now } }, 'token_expired', 'tokenIsLive'],
  [{ token: { status: 'active', expiresAt: Number.NaN } }, 'token_expired', 'tokenIsLive'],
  [{ serviceKnown: false }, 'service_unknown', 'serviceIsKnown'],
  [{ originOnService: false }, 'origin_not_on_service', 'targetIsOnService'],
  [{ resolution: undefined }, 'target_not_allowed', 'targetIsOnService'],
  [{ protocolCarried: false }, 'protocol_not_carried', 'protocolIsCarried'],
  [{ grant: undefined, anyGrant: false }, 'no_grant', 'anyGrantHeld'],
  [{ resolution: undefined, anyGrant: false }, 'no_grant', 'anyGrantHeld'],
  [{ grant: undefined }, 'scope_not_granted', 'grantCoversAction'],
  [{ tokenCovers: false }, 'scope_not_in_token', 'tokenCoversAction'],
  [{ grant: { ...grant, status: 'revoked' } }, 'grant_revoked', 'grantIsLive'],
  [{ grant: { ...grant, expiresAt: now } }, 'grant_expired', 'grantIsLive'],
  [{ grant: { ...grant, uses: 2, used: 2 } }, 'grant_used_up', 'grantIsLive'],
  [{ grant: { ...grant, uses: Number.NaN } }, 'grant_used_up', 'grantIsLive'],
  [{ credential: 'missing' }, 'credential_missing', 'credentialIsUsable'],
  [{ credential: 'expired' }, 'credential_expired', 'credentialIsUsable'],
  [{ credential: 'integrity_failed' }, 'credential_integrity_failed', 'credentialIsUsable'],
  [{ limits: { ...good.limits, rateAllows: false } }, 'rate_limited', 'withinLimits'],
  [{ limits: { ...good.limits, agentInFlightAllows: false } }, 'agent_in_flight_limit', 'withinLimits'],
  [{ limits: { ...good.limits, totalInFlightAllows: false } }, 'total_in_flight_limit', 'withinLimits'],
  [{ findings: [{ id: 'fnd_1', effect: 'deny' }] }, 'finding_denies', 'findingsAllow'],
  [{ rules: { effect: 'deny' } }, 'rule_denies', 'rulesAllow'],
  [{ rules: { effect: 'needs_body' } }, 'rule_denies', 'rulesAllow'],
  [{ approval: { verdict: 'denied' } }, 'approval_denied', 'humanApproved'],
]

describe('decide()', () => {
  test('allows when every check passes', () => {
    assert.deepEqual(decide(good), { outcome: 'allow', check: 'all', why: undefined })
  })

  for (const [change, why, check] of refusals) {
    test(`denies with ${why} for ${JSON.stringify(change)}`, () => {
      assert.deepEqual(decide({ ...good, ...change }), { outcome: 'deny', check, why })
    })
  }

  test('asks when the action or a finding wants a human, and a yes answers it', () => {
    for (const change of [
      { resolution: { action: 'x', risk: 'high', ask: 'passkey' as const } },
      { findings: [{ id: 'fnd_1', effect: 'ask' }] },
      { rules: { effect: 'ask' } },
    ] as const) {
      const question = { ...good, ...change }
      assert.deepEqual(decide(question), { outcome: 'ask', check: 'humanApproved', why: 'approval_required' })
      assert.equal(decide({ ...question, approval: { verdict: 'approved' } }).outcome, 'allow')
    }
  })

  test('denies before it asks', () => {
    const question = {
      ...good,
      resolution: { action: 'x', risk: 'high', ask: 'passkey' as const },
      credential: 'expired',
    } as const
    assert.equal(decide(question).outcome, 'deny')
  })

  test('treats every missing fact as a no', () => {
    for (const name of Object.keys(good) as (keyof Question)[]) {
      if (name === 'approval' || name === 'now') continue
      const { [name]: _, ...rest } = good
      let outcome: string
      try {
        outcome = decide(rest as Question).outcome
      } catch {
        outcome = 'threw'
      }
      assert.notEqual(outcome, 'allow', name)
    }
  })
})

describe('explain()', () => {
  test('lists every check, and the first that does not pass is the decision', () => {
    const question = { ...good, token: undefined, credential: 'missing' } as const
    const lines = explain(question)
    assert.equal(lines.length, checks.length)
    assert.equal(lines.find((line) => line.say !== 'pass')?.check, decide(question).check)
    assert.equal(lines.filter((line) => line.say === 'deny').length, 2)
  })

  test('does not judge a grant that there is not', () => {
    const denied = explain({ ...good, grant: undefined, credential: 'missing' }).filter(({ say }) => say === 'deny')
    assert.deepEqual(denied, [{ check: 'grantCoversAction', say: 'deny', why: 'scope_not_granted' }])
    const unknown = explain({ ...good, serviceKnown: false, anyGrant: false, grant: undefined, resolution: undefined })
    assert.deepEqual(
      unknown.filter(({ say }) => say === 'deny').map(({ check }) => check),
      ['serviceIsKnown'],
    )
  })
})

describe('chooseGrant()', () => {
  const noWord = () => false
  const make = (id: string, covers: boolean, more: Partial<GrantFacts> = {}) => ({
    ...grant,
    id,
    ...more,
    covers: () => covers,
  })

  test('takes the first live grant that covers', () => {
    const grants = [make('a', false), make('b', true, { expiresAt: now }), make('c', true), make('d', true)]
    assert.equal(chooseGrant(grants, {}, noWord, now)?.id, 'c')
  })

  test('falls back to a dead one that covers, so that its own check can say why', () => {
    assert.equal(chooseGrant([make('a', true, { status: 'revoked' })], {}, noWord, now)?.id, 'a')
    assert.equal(chooseGrant([make('a', false)], {}, noWord, now), undefined)
  })
})
