// The operator's rules: what they refuse never leaves, what they ask about waits for a human, what they allow goes on.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { describe, test } from 'node:test'
import { until } from './instruments/wait.ts'
import { type World, type WorldOptions, world } from './instruments/world.ts'

const service = { actions: { pay: { method: 'POST', path: '/pay/{id}' } }, plainQuery: ['dry'] }
const house = (more: WorldOptions = {}) => world({ service, ...more })
const json = { 'content-type': 'application/json' }
const pay = (around: World, body: unknown, more: Record<string, string> = {}) =>
  around.call('/pay/7', {
    method: 'POST',
    headers: { ...json, prefer: 'wait=0', ...more },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const add = (around: World, rule: object) =>
  around.gateway.does<{ id: string; version: number }>('POST', '/rules', rule)
const large = {
  name: 'large',
  effect: 'deny',
  match: { services: ['u'], actions: ['pay'] },
  when: 'body.amount > 1000',
}

describe('rules', () => {
  test('refuse by the body, before anything is sent, and tell the agent which did', async () => {
    await using around = await house()
    await add(around, large)
    const refused = await pay(around, { amount: 4_200 })
    assert.deepEqual([refused.status, refused.code], [403, 'rule_denies'])
    assert.equal((refused.json() as { rule: string }).rule, 'large')
    assert.equal(around.upstream.received('/pay/7').length, 0)
    for (const body of ['{"amount":1,"amount":4200}', 'amount=4200', '{}']) {
      assert.equal((await pay(around, body)).code, 'rule_denies', body)
    }
    assert.equal(around.upstream.received('/pay/7').length, 0)
  })

  test('send on what they looked into, as it came', async () => {
    await using around = await house()
    await add(around, large)
    const body = '{ "amount" : 12.5 , "note":"\u00fc" }'
    const passed = await pay(around, body, { 'idempotency-key': 'once' })
    assert.equal(passed.status, 200)
    const [sent] = around.upstream.received('/pay/7')
    assert.equal(sent?.body.bytes.toString(), body)
    assert.deepEqual(sent?.headers.get('idempotency-key'), ['once'], 'nobody was asked, so nothing is left out')
  })

  test('have no more bodies in memory at once than there is room for', async () => {
    await using around = await house()
    await add(around, large)
    const body = '{"amount":1}'
    const slow = Array.from({ length: 4 }, () => {
      const headers = { ...json, authorization: `Bearer ${around.token}`, 'content-length': String(body.length) }
      const call = request(`${around.gateway.url}/to/u/pay/7`, { method: 'POST', headers })
      call.write(body.slice(0, 4))
      return { call, answered: once(call, 'response', { signal: AbortSignal.timeout(60_000) }) }
    })
    await until(async () => (await pay(around, { amount: 1 })).code === 'too_many_in_flight')
    for (const { call, answered } of slow) {
      call.end(body.slice(4))
      const [answer] = (await answered) as [IncomingMessage]
      assert.equal(answer.resume().statusCode, 200)
    }
    assert.equal((await pay(around, { amount: 1 })).status, 200)
  })

  test('ask a human: what is approved is sent once, and a rule that changes meanwhile makes it fit no more', async () => {
    await using around = await house()
    const rule = { ...large, effect: 'ask', ask: { assurance: 'tap' } }
    const added = await add(around, rule)
    assert.equal((await pay(around, { amount: 1 })).status, 200)
    assert.equal((await pay(around, { amount: 4_200 })).code, 'approval_required')
    const approve = async () => {
      const path = '/approvals?status=pending'
      const { items } = await around.gateway.does<{ items: { id: string; digest: string }[] }>('GET', path)
      const [{ id, digest }] = items as [{ id: string; digest: string }]
      const shown = await around.gateway.does<{ action: { rules: unknown; terms: object } }>('GET', `/approvals/${id}`)
      await around.gateway.does('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest })
      return shown.action
    }
    const action = await approve()
    assert.deepEqual(action.rules, [{ id: added.id, name: 'large', version: 1 }])
    assert.deepEqual(action.terms, { assurance: 'tap', lifeSeconds: 900, uses: 1 })
    await around.gateway.does('PUT', '/rules/large', { ...rule, note: 'changed' })
    assert.equal((await pay(around, { amount: 4_200 })).code, 'approval_required', 'the yes was for version 1')
    await approve()
    assert.equal((await pay(around, { amount: 4_200 })).status, 200)
    assert.equal(around.upstream.received('/pay/7').length, 2)
  })

  test('refuse by default what no rule allows, and hold over a restart', async () => {
    await using around = await house()
    await add(around, { name: 'small', effect: 'allow', match: { services: ['u'], body: { '/amount': [1, 2] } } })
    assert.equal((await pay(around, { amount: 9 })).status, 200)
    await around.gateway.does('PUT', '/rule-default', { effect: 'deny' })
    assert.equal((await pay(around, { amount: 9 })).code, 'rule_denies')
    assert.equal((await pay(around, { amount: 2 })).status, 200)
    await around.gateway.restart()
    assert.equal((await pay(around, { amount: 9 })).code, 'rule_denies')
    assert.equal((await pay(around, { amount: 1 })).status, 200)
  })

  test('are shown with names, and explained for a call that is described', async () => {
    await using around = await house()
    const { id } = await add(around, large)
    const shown = await around.gateway.does<{ match: object; version: number }>('GET', `/rules/${id}`)
    assert.deepEqual(shown.match, { services: ['u'], actions: ['pay'] })
    const asked = { agent: around.agentId, service: 'u', method: 'POST', path: '/pay/7' }
    const explain = (body?: unknown) =>
      around.gateway.does<{ effect: string; rules: object[] }>('POST', '/rule-explain', {
        ...asked,
        ...(body !== undefined && { body }),
      })
    assert.equal((await explain()).effect, 'needs_body')
    assert.equal((await explain({ amount: 1 })).effect, 'none')
    const said = await explain({ amount: 4_200 })
    assert.equal(said.effect, 'deny')
    const parts = { services: 'yes', actions: 'yes', when: 'yes' }
    assert.deepEqual(said.rules, [{ id, name: 'large', version: 1, effect: 'deny', about: 'yes', parts }])
    const checks = await around.gateway.does<{ why: string; rules: object }>('POST', '/explain', {
      ...asked,
      body: { amount: 4_200 },
    })
    assert.deepEqual([checks.why, checks.rules], ['rule_denies', { effect: 'deny', names: ['large'] }])
  })

  test('can be tried on the calls that are on record, and say of which they cannot tell', async () => {
    await using around = await house()
    for (const query of ['?dry=yes', '?dry=no', '?secret=a']) {
      await around.call(`/pay/7${query}`, { method: 'POST', headers: json, body: '{"amount":1}' })
    }
    await around.call('/other')
    const tried = async (rule: object) => {
      const { about, notAbout, cannotTell, complete } = await around.gateway.does<Record<string, unknown>>(
        'POST',
        '/rule-test',
        {
          rule: { name: 'candidate', effect: 'deny', ...rule },
          days: 1,
        },
      )
      return { about, notAbout, cannotTell, complete }
    }
    const all = { complete: true }
    assert.deepEqual(await tried({ match: { actions: ['pay'] } }), { about: 3, notAbout: 1, cannotTell: 0, ...all })
    assert.deepEqual(await tried({ match: { query: { dry: 'yes' } } }), {
      about: 1,
      notAbout: 3,
      cannotTell: 0,
      ...all,
    })
    assert.deepEqual(await tried({ match: { query: { secret: 'a' } } }), {
      about: 0,
      notAbout: 3,
      cannotTell: 1,
      ...all,
    })
    assert.deepEqual(await tried({ match: { actions: ['pay'] }, when: 'body.amount > 3' }), {
      about: 0,
      notAbout: 1,
      cannotTell: 3,
      ...all,
    })
    assert.deepEqual(await tried({ match: { trust: { below: 3 } } }), { about: 0, notAbout: 0, cannotTell: 4, ...all })
    assert.deepEqual((await around.gateway.does<{ items: object[] }>('GET', '/rules')).items, [], 'it was not added')
  })
})
