// Calls that are sent for an agent once a human said yes (RFC 7240 respond-async): once, as they were shown, or not at all.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { EventReader } from './instruments/event-reader.ts'
import { KeyAgent } from './instruments/key-agent.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const BODY = '{"amount":4200}'
const action = { method: 'POST', path: '/{kind}/{id}', ask: 'tap' }
const service = { actions: { pay: action } }
const asking = (more: Record<string, unknown> = {}) => world({ service: { ...service, ...more } })

interface Standing {
  readonly status: string
  readonly digest: string
  readonly sending?: { readonly state: string; readonly code?: string }
}

const call = (around: World, path: string, headers: Record<string, string> = {}, token = around.token) =>
  around.call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async', ...headers },
    body: BODY,
    token,
  })
const own = ({ gateway, token }: World, path: string, presented = token, method = 'GET') =>
  gateway.agent(method, `/claviger/v1/agents/self/approvals/${path}`, {
    headers: { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${presented}` },
  })
const standing = async ({ gateway }: World, id: string) => gateway.does<Standing>('GET', `/approvals/${id}`)
const sendingOf = async (around: World, id: string) => (await standing(around, id)).sending
const over = (around: World, id: string) =>
  until(async () => !['waits', 'sending'].includes((await sendingOf(around, id))?.state ?? ''))
const received = ({ upstream }: World, path: string) => upstream.received(path).length
async function answer(around: World, id: string, verdict = 'approved'): Promise<void> {
  const { digest } = await standing(around, id)
  await around.gateway.does('POST', `/approvals/${id}/verdict`, { verdict, digest })
}

/** Asked for, and its id; the agent is told where to look. */
async function accepted(reply: Reply): Promise<string> {
  assert.equal(reply.status, 202, reply.text())
  const { approval, status } = reply.json() as { approval: string; status: string }
  assert.equal(status, 'pending')
  assert.equal(reply.headers.location, `/claviger/v1/agents/self/approvals/${approval}`)
  assert.equal(reply.headers['preference-applied'], 'respond-async')
  assert.equal(reply.headers['proxy-status'], 'claviger; details="respond_async"')
  return approval
}

describe('a call that nobody waits for', () => {
  test('is sent once, after the yes, with the credential, and its answer is there to fetch', async () => {
    await using around = await asking()
    using listening = await EventReader.open({
      port: around.gateway.port,
      path: '/claviger/v1/agents/self/approvals/events',
      headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${around.token}` },
    })
    const id = await accepted(await call(around, '/headers/7'))
    assert.equal(received(around, '/headers/7'), 0)
    const { shown } = await around.gateway.does<{ shown: { allows: string } }>('GET', `/approvals/${id}`)
    assert.match(shown.allows, /Claviger sends it/, 'people are told that nothing lies between the yes and the sending')
    assert.equal((await own(around, `${id}/answer`)).code, 'answer_not_yet')
    await answer(around, id)
    await listening.heard('sent')
    const kept = await own(around, `${id}/answer`)
    assert.equal(kept.status, 200, kept.text())
    const { status, headers, base64 } = kept.json() as { status: number; headers: { name: string }[]; base64: string }
    assert.equal(status, 200)
    assert.ok(headers.some(({ name }) => name.toLowerCase() === 'content-type'))
    const echoed = Buffer.from(base64, 'base64').toString()
    assert.match(echoed, /authorization/i)
    assert.ok(!echoed.includes(around.secret), 'scrubbed like every answer')
    const [sent] = around.upstream.received('/headers/7')
    assert.deepEqual(sent?.headers.get('authorization'), [`Bearer ${around.secret}`])
    assert.equal(sent?.headers.get('prefer'), undefined)
    assert.equal(sent?.body.bytes.toString(), BODY)
    assert.deepEqual(await sendingOf(around, id).then((is) => is?.state), 'answered')
    const next = await call(around, '/headers/7')
    assert.notEqual(await accepted(next), id, 'a yes is for once')
    assert.equal(received(around, '/headers/7'), 1)
    const spool = join(around.gateway.home, 'spool', 'answers')
    assert.deepEqual(readdirSync(spool), [id])
  })

  test('is told of at once in the explicit form too, and waits first where the caller says so', async () => {
    await using around = await asking()
    const { gateway } = around
    const explicit = await gateway.agent('POST', '/claviger/v1/call', {
      headers: {
        host: `127.0.0.1:${gateway.port}`,
        authorization: `Bearer ${around.token}`,
        'content-type': 'application/json',
        prefer: 'respond-async',
      },
      body: JSON.stringify({ service: 'u', method: 'POST', path: '/ok/1', body: { a: 1 } }),
    })
    const first = await accepted(explicit)
    await answer(around, first)
    await over(around, first)
    assert.equal(received(around, '/ok/1'), 1)
    const held = call(around, '/ok/2', { prefer: 'respond-async, wait=60' })
    const pending = () => gateway.does<{ items: { id: string }[] }>('GET', '/approvals?status=pending')
    await until(async () => (await pending()).items.length === 1)
    await answer(around, (await pending()).items[0]?.id as string)
    assert.equal((await held).status, 200, 'who waits gets the answer itself')
    await accepted(await call(around, '/ok/3', { prefer: 'wait=1, respond-async' }))
    assert.equal((await around.call('/v1/plain', { headers: { prefer: 'respond-async' } })).status, 200)
  })

  test('is told its id alone where the client speaks to the service by us as its proxy', async () => {
    await using around = await asking()
    const { gateway, upstream, token } = around
    const proxied = await gateway.agent('POST', `${upstream.origin}/ok/1`, {
      headers: {
        host: `127.0.0.1:${upstream.port}`,
        'proxy-authorization': `Basic ${Buffer.from(`${token}:`).toString('base64')}`,
        prefer: 'respond-async',
      },
      body: BODY,
    })
    const { approval } = proxied.json() as { approval: string }
    assert.deepEqual([proxied.status, proxied.headers.location], [202, undefined], proxied.text())
    await answer(around, approval)
    await over(around, approval)
    assert.equal((await own(around, `${approval}/answer`)).status, 200)
    assert.equal(received(around, '/ok/1'), 1)
  })

  test('is the same for the same key, before and after it was sent', async () => {
    await using around = await asking()
    const key = { 'idempotency-key': 'order-7' }
    const id = await accepted(await call(around, '/ok/7', key))
    assert.equal(await accepted(await call(around, '/ok/7', key)), id)
    await answer(around, id)
    await over(around, id)
    const again = await call(around, '/ok/7', key)
    assert.equal(again.status, 202)
    assert.deepEqual(again.json(), { ...(again.json() as object), approval: id, status: 'consumed' })
    assert.equal(received(around, '/ok/7'), 1)
  })

  test('is sent to nobody after a no, or when it was taken back', async () => {
    await using around = await asking()
    const taken = await accepted(await call(around, '/ok/1'))
    assert.equal((await own(around, taken, around.token, 'DELETE')).status, 200)
    const denied = await accepted(await call(around, '/ok/2'))
    await answer(around, denied, 'denied')
    for (const id of [taken, denied]) assert.equal((await own(around, `${id}/answer`)).code, 'answer_none')
    assert.equal((await call(around, '/ok/2')).code, 'approval_denied')
    // A later one goes out: those before it had their turn.
    assert.equal(received(around, '/ok/1') + received(around, '/ok/2'), 0)
  })

  test('tells another agent nothing', async () => {
    await using around = await asking()
    const id = await accepted(await call(around, '/ok/1'))
    await answer(around, id)
    await over(around, id)
    await around.gateway.does('POST', '/agents', { name: 'other' })
    const { token } = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: 'other' })
    assert.equal((await own(around, `${id}/answer`, token)).code, 'approval_unknown')
    assert.equal((await own(around, `${id}/answer`)).status, 200)
  })
})

describe('when the yes comes, everything is looked at again', () => {
  const changes: readonly [string, string, (around: World) => Promise<unknown>][] = [
    [
      'the token was revoked',
      'token_not_live',
      async ({ gateway }) => {
        const { items } = await gateway.does<{ items: { id: string; kind: string }[] }>('GET', '/tokens')
        for (const { id, kind } of items) if (kind === 'ak') await gateway.does('DELETE', `/tokens/${id}`)
      },
    ],
    ['the agent was locked', 'agent_not_active', ({ gateway }) => gateway.does('POST', '/agents/agent-of-u/lock')],
    [
      'the grant was revoked',
      'service_not_granted',
      async ({ gateway }) => {
        const { items } = await gateway.does<{ items: { id: string }[] }>('GET', '/grants')
        for (const { id } of items) await gateway.does('DELETE', `/grants/${id}`)
      },
    ],
    [
      'the service is another',
      'approval_mismatch',
      ({ gateway, upstream }) =>
        gateway.does('PUT', '/services/u', {
          name: 'u',
          origins: [upstream.origin],
          addresses: ['127.0.0.0/8'],
          injection: { kind: 'header', name: 'x-other' },
          actions: { pay: action },
        }),
    ],
    [
      'nobody need be asked any more',
      'approval_mismatch',
      ({ gateway, upstream }) =>
        gateway.does('PUT', '/services/u', {
          name: 'u',
          origins: [upstream.origin],
          addresses: ['127.0.0.0/8'],
          injection: { kind: 'bearer' },
          actions: { pay: { method: 'POST', path: '/{kind}/{id}' } },
        }),
    ],
  ]
  for (const [what, code, change] of changes) {
    test(`and nothing is sent: ${what}`, async () => {
      await using around = await asking()
      const id = await accepted(await call(around, '/ok/1'))
      await change(around)
      await answer(around, id)
      await over(around, id)
      assert.deepEqual(await sendingOf(around, id).then((is) => [is?.state, is?.code]), ['not_sent', code])
      assert.equal(around.upstream.receipts.length, 0)
    })
  }

  test('and a token that cannot be looked at again is refused at once, and nobody asked', async () => {
    await using around = await asking()
    const { gateway } = around
    const agent = await KeyAgent.add(gateway, 'signer')
    await gateway.does('POST', '/grants', { agent: 'signer', service: 'u', scopes: ['u:*'] })
    const { accessToken } = await agent.signIn()
    const refused = await call(around, '/ok/1', {}, accessToken)
    assert.deepEqual([refused.status, refused.code], [422, 'async_refused'])
    assert.deepEqual(await gateway.does('GET', '/approvals'), { items: [] })
    const waiting = await call(around, '/ok/1', { prefer: 'wait=0' }, accessToken)
    assert.equal(waiting.code, 'approval_required', 'it can ask like everybody')
    const { approval } = waiting.json() as { approval: string }
    assert.equal((await own(around, `${approval}/answer`, accessToken)).code, 'answer_beyond_scope')
  })
})

describe('the answer', () => {
  test('says so where it is larger than is kept, or where there is none', async () => {
    await using around = await asking()
    around.upstream.on('huge', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' })
      response.end(Buffer.alloc(1024 * 1024 + 1, 'a'))
    })
    around.upstream.on('most', (_request, response) => response.end(Buffer.alloc(1024 * 1024, 'a')))
    around.upstream.on('gone', (request) => request.socket.destroy())
    for (const [path, state, code] of [
      ['/huge/1', 'failed', 'answer_too_large'],
      ['/most/1', 'answered', undefined],
      ['/gone/1', 'failed', 'upstream_broke'],
    ] as const) {
      const id = await accepted(await call(around, path))
      await answer(around, id)
      await over(around, id)
      assert.deepEqual(await sendingOf(around, id).then((is) => [is?.state, is?.code]), [state, code])
      assert.equal(received(around, path), 1, path)
      const kept = await own(around, `${id}/answer`)
      if (code === undefined) assert.equal((kept.json() as { bytes: number }).bytes, 1024 * 1024)
      else
        assert.deepEqual(kept.json(), { ...(kept.json() as object), code: 'answer_none', sending: state, reason: code })
    }
  })

  test('is none where the gateway stops while the service takes its time, and nothing goes out again', async () => {
    await using around = await world({ service, env: { CLAVIGER_DRAIN_SECONDS: '1' } })
    const { gateway, upstream } = around
    upstream.on('slow', () => {})
    const id = await accepted(await call(around, '/slow/1'))
    await answer(around, id)
    await until(() => received(around, '/slow/1') === 1)
    assert.equal(await gateway.stop(), 0)
    await gateway.restart()
    assert.deepEqual(await sendingOf(around, id).then((is) => [is?.state, is?.code]), ['failed', 'call_ended'])
    const next = await accepted(await call(around, '/ok/2'))
    await answer(around, next)
    await over(around, next)
    assert.equal(received(around, '/slow/1'), 1)
  })

  test('is there after a restart, and the call that waited through a kill is sent once', async () => {
    await using around = await asking()
    const { gateway } = around
    const id = await accepted(await call(around, '/ok/1'))
    await gateway.kill9()
    await gateway.restart()
    await answer(around, id)
    await over(around, id)
    await gateway.kill9()
    await gateway.restart()
    const kept = await own(around, `${id}/answer`)
    assert.equal((kept.json() as { status: number }).status, 200)
    assert.equal(received(around, '/ok/1'), 1)
  })
})
