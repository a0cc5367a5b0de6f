// An agent asks about something that it does itself: what it says is shown whole, answered, and proved to the doer.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { approve } from './instruments/clawgate-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { Person } from './instruments/person.ts'
import type { Reply } from './instruments/send.ts'

interface Opened {
  readonly id: string
  readonly status: string
  readonly digest: string
  readonly assurance: string
  readonly payloadHash: string
  readonly expiresAt: string
  readonly action: Readonly<Record<string, unknown>>
}

const SAID = { action: 'db.migrate', context: { table: 'orders', ratio: 0.25, none: null }, description: 'tidy up' }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

let gateway: Gateway
let ann: Person
let agents = 0
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
  ann = await Person.enrolled(gateway, 'ann', 'owner')
})
after(() => gateway[Symbol.asyncDispose]())

/** An agent of its own for each test, so that none stands in the way of another's three that may wait. */
class Asker {
  readonly name: string
  readonly token: string

  constructor(name: string, token: string) {
    this.name = name
    this.token = token
  }

  static async new(): Promise<Asker> {
    agents += 1
    const name = `asker-${agents}`
    await gateway.does('POST', '/agents', { name })
    return new Asker(name, (await gateway.does<{ token: string }>('POST', '/tokens', { agent: name })).token)
  }

  send(method: string, path: string, body?: object | string, more: Record<string, string> = {}): Promise<Reply> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const headers = {
      host: `127.0.0.1:${gateway.port}`,
      authorization: `Bearer ${this.token}`,
      ...(text !== undefined && { 'content-type': 'application/json' }),
      ...more,
    }
    return gateway.agent(method, `/claviger/v1/agents/self/approvals${path}`, { headers, ...(text && { body: text }) })
  }

  async states(more: object = {}): Promise<Opened> {
    const reply = await this.send('POST', '', { ...SAID, ...more })
    assert.equal(reply.status, 201, reply.text())
    return reply.json() as Opened
  }

  async get<T = Opened>(path: string): Promise<T> {
    return (await this.send('GET', path)).json() as T
  }
}

const verified = async (body: object) =>
  (
    await gateway.agent('POST', '/claviger/v1/receipts/verify', {
      headers: { host: `127.0.0.1:${gateway.port}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  ).json() as { valid: boolean; error?: string; claims?: Record<string, unknown> }

describe('a stated action', () => {
  test('waits, is approved with a passkey, and its receipt is used once by whoever does it', async () => {
    const agent = await Asker.new()
    const opened = await agent.states()
    assert.deepEqual([opened.status, opened.assurance], ['pending', 'passkey'])
    const { id, payloadHash } = opened
    const waiting = agent.get(`/${id}?wait=60`)
    assert.equal((await agent.send('GET', `/${id}/receipt`)).code, 'receipt_missing')
    assert.equal((await approve(ann, id)).status, 200)
    assert.equal((await waiting).status, 'approved')
    const { receipt } = await agent.get<{ receipt: string }>(`/${id}/receipt`)
    const about = { receipt, payloadHash, agent: agent.name, digest: opened.digest }
    assert.equal((await verified({ ...about, payloadHash: '0'.repeat(64), consume: true })).error, 'wrong_action')
    const { valid, claims } = await verified({ ...about, consume: true })
    assert.deepEqual([valid, claims?.action, claims?.kind], [true, 'db.migrate', 'stated'])
    assert.equal((await verified({ ...about, consume: true })).error, 'consumed')
    assert.equal((await agent.get(`/${id}`)).status, 'consumed')
  })

  test('is shown to people as it is, and its hash is what anybody computes of it', async () => {
    const agent = await Asker.new()
    const payload = { sql: 'drop table orders', dry: false, share: 1e-7 }
    const opened = await agent.states({ payload })
    assert.equal(opened.payloadHash, sha256('{"dry":false,"share":1e-7,"sql":"drop table orders"}'))
    const seen = await ann.does<{ action: object; shown: object; digest: string }>('GET', `/approvals/${opened.id}`)
    assert.deepEqual(seen.action, opened.action)
    assert.equal(opened.action.context, '{"none":null,"ratio":0.25,"table":"orders"}')
    const text = JSON.stringify(seen.shown)
    for (const part of ['drop table orders', 'orders', 'tidy up', opened.payloadHash]) assert.ok(text.includes(part))
    const whole = await agent.states()
    const { agent: who, context } = whole.action as { agent: { id: string }; context: string }
    assert.equal(whole.payloadHash, sha256(`{"action":"db.migrate","agentId":"${who.id}","context":${context}}`))
  })

  test('has the risk raised by what is seen in it, in its payload too', async () => {
    const agent = await Asker.new()
    const risk = async (more: object) => (await agent.states({ ...more, risk: 'low' })).action.risk
    assert.equal(await risk({ action: 'x' }), 'low')
    assert.equal(await risk({ action: 'x', context: { params: 'rm -rf ./old' } }), 'high')
    assert.equal(await risk({ action: 'x', payload: ['mkfs', '/dev/sdb1'] }), 'critical')
  })

  test('is denied by a tap, and approved by none', async () => {
    const agent = await Asker.new()
    const { id, digest } = await agent.states()
    const answer = (verdict: string) => gateway.operator('POST', `/approvals/${id}/verdict`, { verdict, digest })
    assert.equal((await answer('approved')).code, 'approval_too_weak')
    assert.equal((await answer('denied')).status, 200)
    assert.equal((await agent.get(`/${id}`)).status, 'denied')
    const { receipt } = await agent.get<{ receipt: string }>(`/${id}/receipt`)
    assert.equal((await verified({ receipt, consume: true })).error, 'denied')
    assert.equal((await agent.send('POST', '', SAID)).code, 'approvals_cooling_down')
  })

  for (const [asked, given] of [
    ['tap', 'passkey'],
    ['push', 'passkey'],
    ['passkey', 'passkey'],
    ['two-people', 'two-people'],
  ]) {
    test(`that asks for ${asked} wants ${given}: an agent may want more, never less`, async () => {
      assert.equal((await (await Asker.new()).states({ assurance: asked })).assurance, given)
    })
  }

  test('is one under one key, and under one name of the agent’s own', async () => {
    const agent = await Asker.new()
    const key = { 'idempotency-key': '"k-1"' }
    const first = await agent.send('POST', '', SAID, key)
    const again = await agent.send('POST', '', SAID, key)
    assert.deepEqual([first.status, again.status, again.json()], [201, 200, first.json()])
    const other = await agent.send('POST', '', { ...SAID, action: 'else' }, key)
    assert.deepEqual([other.status, other.code], [409, 'idempotency_conflict'])
    assert.equal((await agent.send('POST', '', SAID, { 'idempotency-key': '' })).code, 'idempotency_key_invalid')
    const named = await agent.states({ requestId: 'deploy-7' })
    const twin = await agent.send('POST', '', { ...SAID, requestId: 'deploy-7' })
    assert.deepEqual([twin.status, (twin.json() as Opened).id], [200, named.id])
    assert.notEqual((await agent.states()).id, named.id)
    assert.equal((await agent.send('POST', '', SAID)).code, 'approvals_crowded', 'three wait')
  })

  test('survives a kill, is seen and taken back by its own agent alone, and then nobody approves it', async () => {
    const [agent, other] = [await Asker.new(), await Asker.new()]
    const { id, digest } = await agent.states({ lifeSeconds: 3_600 })
    await gateway.kill9()
    await gateway.restart()
    await ann.signsIn()
    assert.equal((await other.send('GET', `/${id}`)).code, 'approval_unknown')
    assert.equal((await other.send('DELETE', `/${id}`)).code, 'approval_unknown')
    assert.equal((await agent.get(`/${id}`)).digest, digest)
    assert.equal(((await agent.send('DELETE', `/${id}`)).json() as Opened).status, 'cancelled')
    assert.equal((await approve(ann, id)).code, 'approval_already_decided')
  })

  test('is told to nobody whose token ended while they waited', async () => {
    const agent = await Asker.new()
    const { id } = await agent.states()
    const waiting = agent.send('GET', `/${id}?wait=60`)
    // The answer below ends the wait; if the request comes later it finds a locked agent at the door.
    await gateway.does('POST', `/agents/${agent.name}/lock`)
    assert.equal((await approve(ann, id)).status, 200)
    assert.ok([401, 403].includes((await waiting).status))
    const { receipt } = await gateway.does<{ receipt: string }>('GET', `/approvals/${id}/receipt`)
    assert.equal((await verified({ receipt, consume: true })).error, 'revoked')
  })

  test('is refused where it is wrong', async () => {
    const agent = await Asker.new()
    const wrong: [object | string, string][] = [
      ['{', 'json_invalid'],
      ['{"action":"a","action":"b"}', 'json_invalid'],
      [String.raw`{"action":"\ud800"}`, 'json_invalid'],
      ['{"action":"a","context":{"n":9007199254740993}}', 'json_invalid'],
      [{}, 'request_invalid'],
      [{ action: '' }, 'request_invalid'],
      [{ action: 'x'.repeat(201) }, 'request_invalid'],
      [{ ...SAID, context: [] }, 'request_invalid'],
      [{ ...SAID, payload: 1, payloadHash: 'ab'.repeat(32) }, 'request_invalid'],
      [{ ...SAID, payloadHash: 'AB'.repeat(32) }, 'request_invalid'],
      [{ ...SAID, assurance: 'none' }, 'request_invalid'],
      [{ ...SAID, lifeSeconds: 29 }, 'request_invalid'],
      [{ ...SAID, goodSeconds: 3_601 }, 'request_invalid'],
      [{ ...SAID, requestId: 'a b' }, 'request_invalid'],
      [{ ...SAID, approved: true }, 'request_invalid'],
      [{ ...SAID, description: 'x'.repeat(300_000) }, 'body_too_large'],
    ]
    for (const [body, code] of wrong) assert.equal((await agent.send('POST', '', body)).code, code, code)
    const stranger = new Asker('nobody', `${agent.token.slice(0, -1)}x`)
    assert.equal((await stranger.send('POST', '', SAID)).code, 'unauthenticated')
  })
})

test('CLAVIGER_STATED_ASSURANCE is the least that a yes is given with', async () => {
  await using other = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_STATED_ASSURANCE: 'two-people' } })
  await other.does('POST', '/agents', { name: 'a' })
  const { token } = await other.does<{ token: string }>('POST', '/tokens', { agent: 'a' })
  const reply = await other.agent('POST', '/claviger/v1/agents/self/approvals', {
    headers: {
      host: `127.0.0.1:${other.port}`,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ ...SAID, assurance: 'tap' }),
  })
  assert.equal((reply.json() as Opened).assurance, 'two-people')
})
