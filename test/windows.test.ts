// A trust window: one yes, and then no more of the same than was shown, for no longer (G-08).
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Receiver } from '../src/alerts/alerts.support.ts'
import { asOperator } from './instruments/command-line.ts'
import { Person } from './instruments/person.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const json = { 'content-type': 'application/json' }
const actions = {
  pay: { method: 'POST', path: '/pay/{id}' },
  refund: { method: 'POST', path: '/refund/{id}' },
}
const rule = {
  name: 'money',
  effect: 'ask',
  match: { services: ['u'], methods: ['POST'] },
  ask: { assurance: 'tap', window: { maxSeconds: 3_600, maxUses: 5 } },
}
interface Detail {
  readonly id: string
  readonly digest: string
  readonly status: string
  readonly window?: { readonly digest: string; readonly seconds: number; readonly calls: number; readonly text: string }
}
interface Told {
  readonly windowId: string
  readonly agentId: string
  readonly approvalId?: string
  readonly reason?: string
  readonly calls?: number
  readonly used?: number
  readonly seconds?: number
}
interface Window {
  readonly id: string
  readonly calls: { readonly used: number; readonly of: number }
}

let around: World
let n = 0
let agent = ''
let token = ''

/** An agent of its own for each test: windows and floods are an agent's. */
async function fresh(): Promise<void> {
  agent = `agent-${++n}`
  await around.gateway.does('POST', '/agents', { name: agent })
  await around.gateway.does('POST', '/grants', { agent, service: 'u', scopes: ['u:*'], credential: 'u-key' })
  token = (await around.gateway.does<{ token: string }>('POST', '/tokens', { agent })).token
}

interface Shape {
  readonly prefer?: string
  readonly body?: string
  readonly method?: string
  readonly as?: string
}

const call = (
  path: string,
  { prefer = 'wait=0', body = '{}', method = 'POST', as = token }: Shape = {},
): Promise<Reply> => around.call(path, { method, headers: { ...json, prefer }, body, token: as })
const detailOf = (reply: Reply) =>
  around.gateway.does<Detail>('GET', `/approvals/${(reply.json() as { approval: string }).approval}`)
const answer = (id: string, digest: string, verdict = 'approved') =>
  around.gateway.operator('POST', `/approvals/${id}/verdict`, { verdict, digest })
const windows = async () => (await around.gateway.does<{ items: Window[] }>('GET', '/windows')).items
const sent = (path: string) => around.upstream.received(path).length

/** Asks for payment 1, and allows it and five more. */
async function opened(): Promise<Window> {
  const detail = await detailOf(await call('/pay/1'))
  const reply = await answer(detail.id, detail.window?.digest ?? '')
  assert.equal(reply.status, 200, reply.text())
  const all = await windows()
  assert.equal(all.length, 1)
  return all[0] as Window
}

const putService = (more: object = {}) =>
  around.gateway.does('PUT', '/services/u', {
    name: 'u',
    origins: [around.upstream.origin],
    addresses: ['127.0.0.0/8'],
    injection: { kind: 'bearer' },
    actions: { ...actions, ...more },
  })

before(async () => {
  around = await world({ service: { actions }, env: { CLAVIGER_DEMO: 'off', CLAVIGER_LIMIT_PEOPLE: 'off' } })
  await around.gateway.does('POST', '/credentials', { handle: 'other-key', service: 'u', secret: `${around.secret}-2` })
  await around.gateway.does('POST', '/rules', rule)
})
after(() => around[Symbol.asyncDispose]())
beforeEach(async () => {
  for (const { id } of await windows()) await around.gateway.does('DELETE', `/windows/${id}`)
  await fresh()
  around.upstream.forget()
})

describe('a trust window', () => {
  test('is shown with its bounds, opened by its own digest, and lets as many calls out as were shown', async () => {
    const detail = await detailOf(await call('/pay/1'))
    const offer = detail.window as NonNullable<Detail['window']>
    assert.deepEqual([offer.seconds, offer.calls], [3_600, 5])
    for (const fact of [
      'action: pay',
      `agent: ${agent}`,
      'credential: u-key',
      'calls: 5',
      'for: 1 hour',
      'rule: money',
    ])
      assert.ok(offer.text.includes(fact), fact)
    assert.equal((await answer(detail.id, '0'.repeat(64))).code, 'approval_other_action')
    assert.equal((await answer(detail.id, offer.digest)).status, 200)
    assert.equal((await call('/pay/1')).status, 200, 'the first, by the same yes')
    const [window] = (await windows()) as [Window]
    assert.deepEqual(window.calls, { used: 0, of: 5 })
    for (let at = 2; at <= 6; at += 1)
      assert.equal((await call(`/pay/${at}?x=${at}`, { body: `{"n":${at}}` })).status, 200)
    const seventh = await call('/pay/7')
    assert.equal(seventh.code, 'approval_required')
    assert.equal(sent('/pay/7'), 0)
    assert.deepEqual(await windows(), [])
    const intents = await around.gateway.does<{ items: { approval?: { id: string }; ev?: object }[] }>(
      'GET',
      `/audit/records?type=intent&agent=${agent}`,
    )
    assert.equal(intents.items.filter(({ approval }) => approval?.id === window.id).length, 5)
  })

  test('is shown with what the agent did of its form in a week', async () => {
    await opened()
    for (const path of ['/pay/1', '/pay/2', '/pay/3']) assert.equal((await call(path)).status, 200)
    const first = await detailOf(await call('/refund/1'))
    assert.match(first.window?.text ?? '', /lately: 0 of 3 calls /)
    await answer(first.id, first.digest)
    assert.equal((await call('/refund/1')).status, 200)
    const second = await detailOf(await call('/refund/2'))
    assert.match(second.window?.text ?? '', /lately: 1 of 4 calls /)
  })

  test('takes a passkey over its own digest, and none over the call’s, nor the call one over the window’s (G-05)', async () => {
    const sure = { assurance: 'passkey', window: { maxSeconds: 60, maxUses: 2 } }
    await around.gateway.does('POST', '/rules', {
      name: 'sure',
      effect: 'ask',
      match: { actions: ['refund'] },
      ask: sure,
    })
    const ann = await Person.enrolled(around.gateway, 'ann', 'approver')
    const { id, digest, window } = await detailOf(await call('/refund/1'))
    const offered = window?.digest ?? ''
    assert.deepEqual([window?.seconds, window?.calls], [60, 2], 'the least of what the rules give')
    const give = async (signed: string, given: string) => {
      const options = await ann.does('POST', `/approvals/${id}/challenge`, { digest: signed })
      const assertion = ann.authenticator.get(options as never, ann.origin)
      return ann.send('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest: given, assertion })
    }
    assert.equal((await give(digest, offered)).code, 'passkey_refused')
    assert.equal((await give(offered, digest)).code, 'passkey_refused')
    const byToken = await answer(id, offered)
    assert.equal(byToken.code, 'approval_too_weak')
    assert.deepEqual(await windows(), [])
    assert.equal((await give(offered, offered)).status, 200)
    for (const [path, status] of [
      ['/refund/1', 200],
      ['/refund/2', 200],
      ['/refund/3', 200],
      ['/refund/4', 403],
    ] as const)
      assert.equal((await call(path)).status, status, path)
    await around.gateway.does('DELETE', '/rules/sure')
  })

  test('lets calls out that waited when it was opened, and nobody need answer them any more', async () => {
    const held = [call('/pay/11', { prefer: 'wait=60' }), call('/pay/12', { prefer: 'wait=60' })]
    const first = await detailOf(await call('/pay/1'))
    const waiting = async () =>
      (await around.gateway.does<{ items: Detail[] }>('GET', `/approvals?status=pending&agent=${agent}`)).items.length
    await until(async () => (await waiting()) === 3)
    await answer(first.id, first.window?.digest ?? '')
    for (const one of held) assert.equal((await one).status, 200)
    assert.equal(await waiting(), 0)
    assert.deepEqual((await windows())[0]?.calls, { used: 2, of: 5 })
  })

  test('is not opened by a yes to the call, and refused by itself leaves the call', async () => {
    const one = await detailOf(await call('/pay/1'))
    await answer(one.id, one.window?.digest ?? '', 'denied')
    assert.equal((await answer(one.id, one.window?.digest ?? '')).code, 'approval_other_action')
    const again = await around.gateway.does<Detail>('GET', `/approvals/${one.id}`)
    assert.deepEqual([again.status, again.window], ['pending', undefined])
    await answer(one.id, one.digest)
    assert.deepEqual(await windows(), [])
    assert.equal((await call('/pay/1')).status, 200)
    assert.equal((await call('/pay/2')).code, 'approval_required')
  })

  const others: readonly (readonly [what: string, other: () => Promise<Reply>, code?: string])[] = [
    ['another action', () => call('/refund/2')],
    ['a path that is no action', () => call('/other')],
    ['another method', () => call('/pay/2', { method: 'PUT' }), 'granted'],
    [
      'another agent',
      async () => {
        await fresh()
        return call('/pay/2')
      },
    ],
    [
      'another credential',
      async () => {
        const { items } = await around.gateway.does<{ items: { id: string }[] }>('GET', `/grants?agent=${agent}`)
        for (const { id } of items) await around.gateway.does('DELETE', `/grants/${id}`)
        await around.gateway.does('POST', '/grants', { agent, service: 'u', scopes: ['u:*'], credential: 'other-key' })
        return call('/pay/2')
      },
    ],
    [
      'one rule more that asks',
      async () => {
        await around.gateway.does('POST', '/rules', { ...rule, name: 'more' })
        const reply = await call('/pay/2')
        await around.gateway.does('DELETE', '/rules/more')
        return reply
      },
    ],
    [
      'a rule that denies',
      async () => {
        await around.gateway.does('POST', '/rules', { name: 'no', effect: 'deny', match: { services: ['u'] } })
        const reply = await call('/pay/2')
        await around.gateway.does('DELETE', '/rules/no')
        return reply
      },
      'rule_denies',
    ],
  ]
  for (const [what, other, code = 'approval_required'] of others) {
    test(`does not cover ${what}`, async () => {
      if (code === 'granted')
        await around.gateway.does('POST', '/rules', {
          ...rule,
          name: 'puts',
          match: { services: ['u'], methods: ['PUT'] },
        })
      await opened()
      const reply = await other()
      if (code === 'granted') await around.gateway.does('DELETE', '/rules/puts')
      assert.equal(reply.code, code === 'granted' ? 'approval_required' : code)
      assert.equal(around.upstream.receipts.length, 0)
    })
  }

  const ends: readonly (readonly [what: string, end: (window: Window) => Promise<unknown>])[] = [
    ['an operator ends it', ({ id }) => around.gateway.does('DELETE', `/windows/${id}`)],
    ['its rule is replaced by the same', () => around.gateway.does('PUT', '/rules/money', rule)],
    ['its service is', () => putService()],
    [
      'its agent is locked, be it for a moment',
      async () => {
        await around.gateway.does('POST', `/agents/${agent}/lock`)
        await around.gateway.does('POST', `/agents/${agent}/unlock`)
      },
    ],
    [
      'its rule is removed, and made anew',
      async () => {
        await around.gateway.does('DELETE', '/rules/money')
        await around.gateway.does('POST', '/rules', rule)
      },
    ],
  ]
  for (const [what, end] of ends) {
    test(`ends when ${what}`, async () => {
      const window = await opened()
      assert.equal((await call('/pay/2')).status, 200)
      await end(window)
      await until(async () => (await windows()).length === 0)
      assert.equal((await call('/pay/3')).code, 'approval_required')
      assert.equal(sent('/pay/3'), 0)
      const { items } = await around.gateway.does<{ items: { approval?: { id: string } }[] }>(
        'GET',
        '/audit/records?type=approval.window_ended',
      )
      assert.ok(items.some(({ approval }) => approval?.id === window.id))
    })
  }

  test('ends at once where it is opened for an agent that was locked meanwhile', async () => {
    const { id, window } = await detailOf(await call('/pay/1'))
    await around.gateway.does('POST', `/agents/${agent}/lock`)
    assert.equal((await answer(id, window?.digest ?? '')).status, 200)
    await until(async () => (await windows()).length === 0)
    await around.gateway.does('POST', `/agents/${agent}/unlock`)
    assert.equal((await call('/pay/2')).code, 'approval_required')
  })

  test('is nothing that an agent sees, or anybody ends who may not answer', async () => {
    const { id } = await opened()
    const asAgent = (method: string, path: string) =>
      around.gateway.agent(method, `/claviger/v1${path}`, {
        headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${token}` },
      })
    assert.equal((await asAgent('GET', `/agents/self/approvals/${id}`)).code, 'approval_unknown')
    assert.equal((await asAgent('DELETE', `/agents/self/approvals/${id}`)).code, 'approval_unknown')
    assert.equal((await asAgent('GET', `/agents/self/approvals/${id}/receipt`)).code, 'approval_unknown')
    for (const [method, path] of [
      ['GET', '/windows'],
      ['DELETE', `/windows/${id}`],
    ] as const)
      assert.ok([401, 403, 404].includes((await asAgent(method, path)).status), path)
    await around.gateway.does('POST', '/operators', { name: 'reader', role: 'auditor' })
    const reader = await around.gateway.does<{ token: string }>('POST', '/operators/reader/tokens', {})
    assert.equal(
      (await around.gateway.operator('DELETE', `/windows/${id}`, undefined, reader.token)).code,
      'role_refused',
    )
    assert.equal((await windows()).length, 1)
  })

  test('is told to webhooks when it opens and when it ends, whatever ends it', async () => {
    const receiver = await Receiver.start()
    const hook = { url: receiver.url, addresses: ['127.0.0.1'], events: ['window.*'] }
    const { id: webhook } = await around.gateway.does<{ id: string }>('POST', '/webhooks', hook)
    try {
      const { id: first } = await opened()
      for (const left of [1, 2, 3, 4, 5, 6]) assert.equal((await call(`/pay/${left}`)).status, 200)
      await fresh()
      const { id: second } = await opened()
      await around.gateway.does('DELETE', `/windows/${second}`)
      await fresh()
      const { id: third } = await opened()
      await around.gateway.does('POST', `/agents/${agent}/lock`)
      await receiver.got(6)
      const told = receiver.received.map(({ body }) => JSON.parse(body) as { event: string; data: Told })
      assert.deepEqual(
        told.map(({ event, data }) => [event, data.windowId, data.reason ?? data.calls, data.used ?? data.seconds]),
        [
          ['window.opened', first, 5, 3_600],
          ['window.ended', first, 'used_up', 5],
          ['window.opened', second, 5, 3_600],
          ['window.ended', second, 'operator', 0],
          ['window.opened', third, 5, 3_600],
          ['window.ended', third, 'agent', 0],
        ],
      )
      assert.equal(told[5]?.data.agentId, told[4]?.data.agentId)
      assert.match(`${told[4]?.data.agentId} ${told[4]?.data.approvalId}`, /^agent_\w+ apr_\w+$/)
    } finally {
      await around.gateway.does('DELETE', `/webhooks/${webhook}`)
      await receiver.close()
    }
  })

  test('is opened, seen and ended from the command line', async () => {
    const { id } = await detailOf(await call('/pay/1'))
    const shown = await asOperator(around.gateway, `approval show ${id}`)
    assert.match(shown.stdout, /It offers a trust window/)
    await asOperator(around.gateway, `approve ${id} --window`)
    const list = await asOperator(around.gateway, 'window list')
    assert.ok(list.stdout.includes(agent) && list.stdout.includes('0 of 5'), list.stdout)
    const { items } = JSON.parse((await asOperator(around.gateway, 'window list --json')).stdout)
    await asOperator(around.gateway, `window end ${items[0].id}`)
    assert.match((await asOperator(around.gateway, 'window list')).stdout, /no trust window is open/)
    const again = await asOperator(around.gateway, `window end ${items[0].id}`, 1)
    assert.match(again.stderr, /window_unknown/)
    const other = await detailOf(await call('/pay/2'))
    await asOperator(around.gateway, `deny ${other.id} --window`)
    assert.match((await asOperator(around.gateway, `approve ${other.id} --window`, 1)).stderr, /window_not_offered/)
  })
})

describe('a trust window, over what kills', () => {
  test('gives no call more than was shown when the gateway dies while they are made', async () => {
    await opened()
    const moments: readonly ((flying: readonly Promise<unknown>[]) => Promise<unknown>)[] = [
      () => until(() => around.upstream.receipts.length > 0),
      (flying) => Promise.race(flying),
      async () => undefined,
      (flying) => Promise.any(flying.slice(4)),
    ]
    for (const [round, moment] of moments.entries()) {
      const flying = Array.from({ length: 8 }, (_, at) => call(`/pay/${100 + round * 8 + at}`).catch(() => undefined))
      await moment(flying)
      await around.gateway.kill9()
      await Promise.all(flying)
      await around.gateway.restart()
    }
    for (let at = 0; at < 8; at += 1) await call(`/pay/${500 + at}`)
    const { length } = around.upstream.receipts
    assert.ok(length >= 1 && length <= 5, String(length))
  })

  test('ends with an emergency, and for good', async () => {
    await opened()
    await around.gateway.does('POST', '/emergency-revoke')
    assert.deepEqual(await windows(), [])
    await around.gateway.restart()
    assert.deepEqual(await windows(), [])
  })
})
