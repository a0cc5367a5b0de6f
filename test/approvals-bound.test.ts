// A yes is for what was shown. Everything that can be other between the showing and the sending is tried (G-01).
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { furnish, type World, world } from './instruments/world.ts'

const BODY = '{"amount":4200}'
const actions = {
  pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' },
  put: { method: 'PUT', path: '/pay/{id}', ask: 'tap' },
}
interface Shape {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly token?: string
  readonly service?: string
}

let around: World
let n = 0
let token = ''
let agent = ''

/** An agent of its own for each test, so that no test's asking is another's flood. */
async function fresh(): Promise<void> {
  agent = `agent-${++n}`
  await around.gateway.does('POST', '/agents', { name: agent })
  const scopes = ['u:*']
  await around.gateway.does('POST', '/grants', { agent, service: 'u', scopes, credential: 'u-key' })
  token = (await around.gateway.does<{ token: string }>('POST', '/tokens', { agent })).token
}

function send({ method = 'POST', path = '/pay/7?a=1&b=2', headers = {}, ...more }: Shape = {}): Promise<Reply> {
  const { body = BODY, token: own = token, service = 'u' } = more
  const given = { 'content-type': 'application/json', 'x-kind': 'one', prefer: 'wait=0', ...headers }
  return around.call(path, { method, headers: given, body, token: own, service })
}

const asFurnished = { name: 'u', addresses: ['127.0.0.0/8'], injection: { kind: 'bearer' }, actions }

/** The answer that names what this agent is asked about. */
async function pendingOf(name: string): Promise<{ json(): unknown }> {
  const path = `/approvals?status=pending&agent=${name}`
  let id: string | undefined
  await until(async () => {
    id = (await around.gateway.does<{ items: { id: string }[] }>('GET', path)).items[0]?.id
    return id !== undefined
  })
  return { json: () => ({ approval: id }) }
}

async function approve(reply: { json(): unknown }): Promise<void> {
  const { approval } = reply.json() as { approval: string }
  const { digest } = await around.gateway.does<{ digest: string }>('GET', `/approvals/${approval}`)
  await around.gateway.does('POST', `/approvals/${approval}/verdict`, { verdict: 'approved', digest })
}

before(async () => {
  around = await world({ service: { actions }, env: { CLAVIGER_DEMO: 'off' } })
  const { gateway, upstream, secret } = around
  await gateway.does('POST', '/credentials', { handle: 'other-key', service: 'u', secret: `${secret}-other` })
  await furnish(gateway, { name: 'v', origins: [upstream.origin], secret: 'of-v-secret', service: { actions } })
})
after(() => around[Symbol.asyncDispose]())
beforeEach(async () => {
  await fresh()
  around.upstream.forget()
})

/** The call that was approved still waits for its identical self: so it was the other that was refused, and not all. */
async function onlyTheSame(other: () => Promise<Reply>): Promise<void> {
  await approve(await send())
  const refused = await other()
  assert.ok(refused.status === 403, `${refused.status} ${refused.code}`)
  assert.equal(around.upstream.receipts.length, 0)
}

describe('a call that is not what was approved is not sent, with another', () => {
  const others: readonly (readonly [what: string, shape: Shape])[] = [
    ['method', { method: 'PUT' }],
    ['path', { path: '/pay/8?a=1&b=2' }],
    ['path in another case', { path: '/Pay/7?a=1&b=2' }],
    ['query value', { path: '/pay/7?a=1&b=3' }],
    ['query order', { path: '/pay/7?b=2&a=1' }],
    ['query removed', { path: '/pay/7' }],
    ['query added', { path: '/pay/7?a=1&b=2&c=3' }],
    ['header value', { headers: { 'x-kind': 'two' } }],
    ['header added', { headers: { 'x-more': '1' } }],
    ['content type', { headers: { 'content-type': 'text/plain' } }],
    ['body', { body: BODY.replace('4200', '4201') }],
    ['body, longer', { body: `${BODY} ` }],
    ['body, none', { body: '' }],
    ['service', { service: 'v' }],
  ]
  for (const [what, shape] of others) {
    test(what, async () => {
      if (shape.service === 'v') await around.gateway.does('POST', '/grants', { agent, service: 'v', scopes: ['v:*'] })
      await onlyTheSame(() => send(shape))
      assert.equal((await send()).status, 200, 'what was approved passes')
    })
  }

  test('agent', async () => {
    const first = token
    await approve(await send())
    await fresh()
    assert.equal((await send()).code, 'approval_required')
    assert.equal(around.upstream.receipts.length, 0)
    assert.equal((await send({ token: first })).status, 200)
  })

  test('credential', async () => {
    await onlyTheSame(async () => {
      const { items } = await around.gateway.does<{ items: { id: string }[] }>('GET', `/grants?agent=${agent}`)
      for (const { id } of items) await around.gateway.does('DELETE', `/grants/${id}`)
      const scopes = ['u:*']
      await around.gateway.does('POST', '/grants', { agent, service: 'u', scopes, credential: 'other-key' })
      return send()
    })
  })

  test('grant, that is gone', async () => {
    await onlyTheSame(async () => {
      const { items } = await around.gateway.does<{ items: { id: string }[] }>('GET', `/grants?agent=${agent}`)
      for (const { id } of items) await around.gateway.does('DELETE', `/grants/${id}`)
      return send()
    })
  })

  test('agent that was locked meanwhile', async () => {
    await onlyTheSame(async () => {
      await around.gateway.does('POST', `/agents/${agent}/lock`)
      return send()
    })
  })

  test('service definition', async () => {
    await onlyTheSame(async () => {
      await around.gateway.does('PUT', '/services/u', {
        ...asFurnished,
        origins: [around.upstream.origin],
        actions: { ...actions, more: { method: 'GET', path: '/more' } },
      })
      return send()
    })
  })

  test('port of the service', async () => {
    const origins = [around.upstream.origin, around.attacker.origin]
    await around.gateway.does('PUT', '/services/u', { ...asFurnished, origins })
    const call = (origin: string) => {
      const asked = { service: 'u', method: 'POST', path: `${origin}/pay/7`, headers: { prefer: 'wait=0' }, body: BODY }
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
      return around.gateway.agent('POST', '/claviger/v1/call', { headers, body: JSON.stringify(asked) })
    }
    await approve(await call(around.upstream.origin))
    assert.equal((await call(around.attacker.origin)).code, 'approval_required')
    assert.equal(around.upstream.receipts.length + around.attacker.receipts.length, 0)
    assert.equal((await call(around.upstream.origin)).status, 200)
  })

  const rule = { name: 'asks', effect: 'ask', match: { actions: ['pay'] }, ask: { assurance: 'tap', uses: 1 } }
  const changes: readonly (readonly [what: string, before: boolean, change: () => Promise<unknown>])[] = [
    ['rule that asks, which was added', false, () => around.gateway.does('POST', '/rules', rule)],
    ['rule that asks, which was removed', true, () => around.gateway.does('DELETE', '/rules/asks')],
    ['version of a rule', true, () => around.gateway.does('PUT', '/rules/asks', { ...rule, note: 'other' })],
    ['life of a yes', true, () => around.gateway.does('PUT', '/rules/asks', withAsk({ lifeSeconds: 60 }))],
    ['number of uses', true, () => around.gateway.does('PUT', '/rules/asks', withAsk({ uses: 2 }))],
    ['assurance', true, () => around.gateway.does('PUT', '/rules/asks', withAsk({ assurance: 'passkey' }))],
  ]
  const withAsk = (ask: object) => ({ ...rule, ask: { ...rule.ask, ...ask } })
  for (const [what, before, change] of changes) {
    test(what, async () => {
      if (before) await around.gateway.does('POST', '/rules', rule)
      await onlyTheSame(async () => {
        await change()
        return send()
      })
      await around.gateway.operator('DELETE', '/rules/asks')
    })
    test(`${what}, while it waits on its connection`, async () => {
      if (before) await around.gateway.does('POST', '/rules', rule)
      const held = send({ headers: { prefer: 'wait=60' } })
      const waits = await pendingOf(agent)
      await change()
      await approve(waits)
      assert.equal((await held).code, 'approval_mismatch')
      assert.equal(around.upstream.receipts.length, 0)
      await around.gateway.operator('DELETE', '/rules/asks')
    })
  }

  test('nothing: what clients make anew for each try makes no other call', async () => {
    await approve(await send({ headers: { traceparent: '00-1', 'x-request-id': '1' } }))
    assert.equal(
      (
        await send({
          headers: { traceparent: '00-2', 'x-stainless-retry-count': '1', 'x-amz-date': '20260304T050607Z' },
        })
      ).status,
      200,
    )
    const [sent] = around.upstream.receipts
    for (const name of ['traceparent', 'x-request-id', 'x-stainless-retry-count', 'x-amz-date', 'prefer'])
      assert.equal(sent?.headers.has(name), false, name)
  })
})
