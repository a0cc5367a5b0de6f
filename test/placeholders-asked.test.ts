// Placeholders in calls that rules look into and people are asked about: what is shown, what a yes is good for, what is sent.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { MARK } from '../src/ground/placeholder-shape.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { loopback, type World, world } from './instruments/world.ts'

interface Run {
  readonly token: string
  readonly placeholder: string
}

const secret = 'secret-of-the-shop-0123456789'

describe('a placeholder in a call that a human is asked about', () => {
  let around: World
  let first: Run
  let later: Run

  /** Another token of the same agent, with placeholders of its own. */
  async function run(service: string): Promise<Run> {
    const { gateway } = around
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'buyer' })
    const reply = await gateway.agent('POST', '/claviger/v1/agents/self/placeholders', {
      headers: { host: host(), authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ services: [service] }),
    })
    const { items } = reply.json() as { items: { placeholder: string }[] }
    return { token, placeholder: items[0]?.placeholder ?? '' }
  }

  const host = () => `127.0.0.1:${around.gateway.port}`

  function pay({ token, placeholder }: Run, more: Readonly<Record<string, string>> = {}, amount = 1): Promise<Reply> {
    return around.gateway.agent('POST', '/to/shop/pay/7', {
      headers: { host: host(), 'x-api-key': token, 'content-type': 'application/json', prefer: 'wait=0', ...more },
      body: JSON.stringify({ amount, auth: { key: placeholder } }),
    })
  }

  /** All that people are shown, as one text, and the yes. */
  async function approve(reply: Reply): Promise<string> {
    const { approval } = reply.json() as { approval: string }
    const shown = await around.gateway.does<{ digest: string }>('GET', `/approvals/${approval}`)
    await around.gateway.does('POST', `/approvals/${approval}/verdict`, { verdict: 'approved', digest: shown.digest })
    return JSON.stringify(shown)
  }

  before(async () => {
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    const { gateway, upstream } = around
    await gateway.does('POST', '/agents', { name: 'buyer' })
    const origins = [upstream.origin]
    const described = {
      shop: { injection: { kind: 'body' }, bodyFields: ['/auth/key'] },
      desk: { injection: { kind: 'header', name: 'x-desk' } },
    }
    for (const [name, service] of Object.entries(described)) {
      const actions = { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } }
      await gateway.does('POST', '/services', { name, origins, addresses: loopback, actions, ...service })
      await gateway.does('POST', '/credentials', { handle: `${name}-one`, service: name, secret })
      await gateway.does('POST', '/grants', { agent: 'buyer', service: name, scopes: [`${name}:*`] })
    }
    first = await run('shop')
    later = await run('shop')
  })
  after(() => around[Symbol.asyncDispose]())
  beforeEach(() => around.upstream.forget())

  test('is shown by its handle, and the yes holds for another run, whose placeholder is another', async () => {
    const shown = await approve(await pay(first))
    assert.match(shown, /clv_handle_shop-one/)
    assert.ok(!shown.includes(MARK) && !shown.includes(secret))
    assert.equal((await pay(later, {}, 2)).code, 'approval_required', 'another amount')
    const passed = await pay(later)
    assert.equal(passed.status, 200, passed.text())
    const [received] = around.upstream.received('/pay/7')
    assert.equal(received?.body.bytes.toString(), JSON.stringify({ amount: 1, auth: { key: secret } }))
  })

  test('is replaced in a call that is sent for an agent that left', async () => {
    const reply = await pay(first, { prefer: 'respond-async' }, 3)
    assert.equal(reply.status, 202, reply.text())
    await approve(reply)
    await until(() => around.upstream.received('/pay/7').length === 1)
    const [received] = around.upstream.received('/pay/7')
    await until(() => received?.body.complete === true)
    assert.equal(received?.body.bytes.toString(), JSON.stringify({ amount: 3, auth: { key: secret } }))
  })

  test('is not in what is shown of the head', async () => {
    const { token, placeholder } = await run('desk')
    const send = (key: Readonly<Record<string, string>>) =>
      around.gateway.agent('POST', '/to/desk/pay/9', {
        headers: { host: host(), 'x-api-key': token, prefer: 'wait=0', 'content-type': 'text/plain', ...key },
        body: 'please',
      })
    const shown = await approve(await send({ 'x-desk': placeholder }))
    assert.ok(!shown.includes(MARK) && !shown.includes('x-desk'))
    assert.equal((await send({})).status, 200, 'the same call without a placeholder')
    assert.deepEqual(around.upstream.received('/pay/9')[0]?.headers.get('x-desk'), [secret])
  })

  test('anywhere else is refused before anybody is asked', async () => {
    const { token, placeholder } = first
    const reply = await around.gateway.agent('POST', '/to/shop/pay/7', {
      headers: { host: host(), 'x-api-key': token, 'content-type': 'application/json', prefer: 'wait=0' },
      body: JSON.stringify({ note: placeholder }),
    })
    assert.equal(reply.code, 'placeholder_misplaced')
    assert.equal(around.upstream.receipts.length, 0)
  })

  test('is seen by rules as its handle', async () => {
    const { gateway } = around
    const when = 'body.auth.key == "clv_handle_shop-one" && body.amount > 100'
    await gateway.does('POST', '/rules', { name: 'no-large', effect: 'deny', match: { services: ['shop'] }, when })
    assert.equal((await pay(later, {}, 101)).code, 'rule_denies')
    assert.equal((await pay(later, {}, 99)).code, 'approval_required')
  })
})
