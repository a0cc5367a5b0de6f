import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { until } from '../../test/instruments/wait.ts'
import { by, Receiver, TestAlerts } from './alerts.support.ts'
import { OPERATOR } from './contract.ts'

let room: TestAlerts
let receiver: Receiver
beforeEach(async () => {
  receiver = await Receiver.start()
  room = await new TestAlerts().start()
})
afterEach(async () => {
  await room.end()
  await receiver.close()
})

const idle = (id: string) => until(async () => (await room.alerts.find(id)).pending === 0)

describe('a delivery', () => {
  test('carries the documented envelope, and standardwebhooks verifies it', async () => {
    const { id, secret } = await room.hook(receiver.url)
    const details = { previousLocation: 'US', currentLocation: 'CN', timeDelta: 300 }
    const data = { agentId: 'agent_abc123', type: 'geographic_anomaly', details, riskScore: 8.5 }
    const at = Date.UTC(2026, 1, 9, 13, 0, 0, 250)
    room.alerts.emit({ type: 'security.suspicious_activity', data, at })
    await receiver.got(1)
    const { headers, body } = receiver.received[0]!
    const sent = JSON.parse(body)
    assert.match(sent.id, /^evt_[0-9A-Za-z]{22}$/)
    assert.deepEqual(sent, {
      id: sent.id,
      event: 'security.suspicious_activity',
      timestamp: '2026-02-09T13:00:00Z',
      data,
    })
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['webhook-id'], sent.id)
    assert.match(secret, /^whsec_[0-9A-Za-z+/]{43}=$/)
    new Webhook(secret).verify(body, headers as Record<string, string>)
    assert.throws(() => new Webhook(secret).verify(`${body} `, headers as Record<string, string>))
    const other = await room.hook(receiver.url)
    assert.throws(() => new Webhook(other.secret).verify(body, headers as Record<string, string>))
    assert.equal(headers['x-clawauth-signature'], undefined)
    await idle(id)
  })

  // CA-12: the original's webhooks have no signature, id or retries.
  test('CA-12: of the ClawAuth kind is signed in its dialect too; an edited or old one is told apart', async () => {
    const { secret } = await room.hook(receiver.url, { kind: 'clawauth' })
    room.tell()
    await receiver.got(1)
    const { headers, body } = receiver.received[0]!
    new Webhook(secret).verify(body, headers as Record<string, string>)
    const [, t, v1] = /^t=([0-9]+),v1=([0-9a-f]{64})$/.exec(String(headers['x-clawauth-signature'])) ?? []
    const expected = (text: string) => createHmac('sha256', secret).update(`${t}.${text}`).digest('hex')
    assert.equal(v1, expected(body))
    assert.notEqual(v1, expected(body.replace('a0', 'a1')))
    assert.ok(Math.abs(Number(t) * 1_000 - Date.now()) < 300_000)
    assert.equal(headers['x-clawauth-delivery'], JSON.parse(body).id)
  })

  test('is signed with both secrets while a rotation overlaps, and with the new one alone afterwards', async () => {
    const { id, secret } = await room.hook(receiver.url, { kind: 'clawauth' })
    const rotated = await room.alerts.rotate(id, 60_000, by)
    const fresh = rotated.secret.reveal().toString()
    assert.ok(rotated.view.previousSecretUntil! > Date.now())
    room.tell()
    await receiver.got(1)
    const { headers, body } = receiver.received[0]!
    assert.equal(String(headers['webhook-signature']).split(' ').length, 2)
    assert.equal(String(headers['x-clawauth-signature']).split(',v1=').length, 3)
    for (const one of [secret, fresh]) new Webhook(one).verify(body, headers as Record<string, string>)

    const last = (await room.alerts.rotate(id, 0, by)).secret.reveal().toString()
    room.tell()
    await receiver.got(2)
    const next = receiver.received[1]!
    new Webhook(last).verify(next.body, next.headers as Record<string, string>)
    assert.throws(() => new Webhook(fresh).verify(next.body, next.headers as Record<string, string>))
    const shown = JSON.stringify([await room.alerts.list(), room.changes])
    for (const one of [secret, fresh, last]) assert.ok(!shown.includes(one) && !shown.includes(one.slice(6)))
  })

  test('loses no change to one that was asked for at the same time, and nothing brings a removed endpoint back', async () => {
    const disabled = await room.hook(receiver.url)
    const [rotated] = await Promise.all([
      room.alerts.rotate(disabled.id, 60_000, by),
      room.alerts.setStatus(disabled.id, 'disabled', by),
    ])
    const hooks = await Promise.all(Array.from({ length: 16 }, () => room.hook(receiver.url)))
    const late = hooks.flatMap(({ id }) => [
      room.alerts.remove(id, by),
      room.alerts.rotate(id, 60_000, by),
      room.alerts.setStatus(id, 'disabled', by),
      room.alerts.setStatus(id, 'active', by),
    ])
    const settled = await Promise.allSettled(late)
    const codes = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
    assert.deepEqual(codes, Array(48).fill('webhook_unknown'))
    for (const look of [() => {}, () => room.restart()]) {
      await look()
      const [left, ...more] = await room.alerts.list()
      assert.deepEqual([left?.id, left?.status, more], [disabled.id, 'disabled', []])
      assert.equal(left?.previousSecretUntil, rotated.view.previousSecretUntil)
      assert.ok(left?.previousSecretUntil !== undefined)
    }
  })

  test('goes to whoever asked for it, by event, severity and owner', async () => {
    const add = async (path: string, events: string[], minSeverity?: 'warning' | 'critical') =>
      room.hook(`${receiver.url}/${path}`, { events, ...(minSeverity && { minSeverity }) })
    const all = await add('all', ['*'])
    await add('agents', ['agent.*'])
    await add('exact', ['token.revoked', 'echo'])
    await add('critical', ['*'], 'critical')
    const off = await add('off', ['*'])
    await room.alerts.setStatus(off.id, 'disabled', by)
    room.tell()
    room.alerts.emit({ type: 'agent.status_changed', data: { agentId: 'a', status: 'suspended' } })
    room.alerts.emit({ type: 'token.revoked', data: { tokenId: 't' } })
    room.alerts.emit({ type: 'security.suspicious_activity', data: { agentId: 'a', type: 'new_network' } })
    room.alerts.emit({ type: 'security.suspicious_activity', data: { agentId: 'a', type: 'refresh_reuse' } })
    await idle(all.id)
    await receiver.got(9)
    const paths = receiver.received.map(({ path }) => path.slice('/hook/'.length)).sort()
    assert.deepEqual(paths, ['agents', 'agents', 'all', 'all', 'all', 'all', 'all', 'critical', 'exact'])
    assert.equal((await room.alerts.find(off.id)).pending, 0)
  })

  test('to a relying service holds what is its business alone', async () => {
    await room.hook(`${receiver.url}/op`)
    // https is all that a service may name, so its rows are looked at where they wait.
    const input = { url: 'https://hooks.example.com/', events: ['*'] }
    const { view: mine } = await room.alerts.add(input, 'svc_1', by)
    const { view: theirs } = await room.alerts.add(input, 'svc_2', by)
    await room.alerts.setStatus(mine.id, 'active', by)
    const data = { agentId: 'a', roleId: 'r', serviceId: 'svc_1' }
    room.alerts.emit({ type: 'role.assigned', data, concerns: (service) => service === 'svc_1' })
    room.alerts.emit({ type: 'echo', data: { count: 1 } })
    room.alerts.emit({ type: 'agent.key_added', data: { agentId: 'a' }, concerns: () => true })
    await receiver.got(3)
    const rows = room.database.look('select webhook_id, type from alert_deliveries')
    const waiting = (id: string) => rows.filter((row) => row.webhook_id === id).map(({ type }) => type)
    assert.deepEqual(waiting(mine.id).sort(), ['agent.key_added', 'role.assigned'])
    assert.deepEqual(waiting(theirs.id), ['agent.key_added'])
  })
})

describe('an endpoint', () => {
  const refusals: readonly (readonly [string, readonly string[] | undefined, string])[] = [
    ['http://hooks.example.com/', undefined, 'webhook_url_refused'],
    ['http://hooks.example.com/', ['10.0.0.0/8'], 'webhook_url_refused'],
    ['http://1.1.1.1/', ['1.1.1.1'], 'webhook_url_refused'],
    ['https://127.0.0.1/', undefined, 'webhook_url_refused'],
    ['https://127.0.0.1/', ['10.0.0.0/8'], 'webhook_url_refused'],
    ['https://169.254.169.254/', ['169.254.0.0/16'], 'webhook_url_refused'],
    ['https://[::1]/', undefined, 'webhook_url_refused'],
    ['https://[::ffff:10.0.0.1]/', undefined, 'origin_invalid'],
    ['https://localhost/', undefined, 'webhook_url_refused'],
    ['https://hooks.internal/', undefined, 'webhook_url_refused'],
    ['https://hooks/', undefined, 'webhook_url_refused'],
    ['https://0x7f.1/', undefined, 'origin_invalid'],
    ['https://user@hooks.example.com/', undefined, 'origin_invalid'],
    ['https://hooks.example.com:25/', undefined, 'origin_invalid'],
    ['https://hooks.example.com/#x', undefined, 'webhook_url_refused'],
    ['https://hooks.example.com/ x', undefined, 'webhook_url_refused'],
    ['https:\\\\hooks.example.com/', undefined, 'webhook_url_refused'],
    ['ftp://hooks.example.com/', undefined, 'webhook_url_refused'],
    ['//hooks.example.com/', undefined, 'webhook_url_refused'],
    ['https://hooks.example.com/', ['10.0.0.0/99'], 'address_range_invalid'],
  ]
  test('is refused where nothing may be sent, and nothing is kept of it', async () => {
    for (const [url, addresses, code] of refusals) {
      const input = { url, events: ['*'], ...(addresses && { addresses: [...addresses] }) }
      await assert.rejects(room.alerts.add(input, OPERATOR, by), { code }, url)
    }
    const open = { url: receiver.url, events: ['*'], addresses: ['127.0.0.0/8'] }
    await assert.rejects(room.alerts.add(open, 'svc_1', by), { code: 'webhook_url_refused' })
    for (const events of [['agent'], ['agent.'], ['nothing.*'], ['webhook.test'], ['*', 'agents.*']]) {
      const input = { url: 'https://hooks.example.com/', events }
      await assert.rejects(room.alerts.add(input, OPERATOR, by), { code: 'webhook_event_unknown' }, events.join())
    }
    assert.deepEqual(await room.alerts.list(), [])
    assert.deepEqual([room.dials, room.changes], [[], []])
  })

  test('can be had 50 times by one owner, and seen and removed by its own alone', async () => {
    const input = { url: 'https://hooks.example.com/', events: ['*'] }
    const made = await Promise.all(Array.from({ length: 50 }, () => room.alerts.add(input, 'svc_1', by)))
    await assert.rejects(room.alerts.add(input, 'svc_1', by), { code: 'webhook_limit' })
    const { view: other } = await room.alerts.add(input, 'svc_2', by)
    assert.deepEqual([(await room.alerts.list('svc_1')).length, (await room.alerts.list()).length], [50, 51])
    const mine = made[0]!.view.id
    for (const work of [
      () => room.alerts.find(mine, 'svc_2'),
      () => room.alerts.remove(mine, by, 'svc_2'),
      () => room.alerts.test(mine, 'svc_2'),
      () => room.alerts.rotate(mine, 0, by, 'svc_2'),
      () => room.alerts.find('whk_nope'),
    ]) {
      await assert.rejects(work, { code: 'webhook_unknown' })
    }
    await room.alerts.removeOf('svc_1', by)
    assert.deepEqual(
      (await room.alerts.list()).map(({ id }) => id),
      [other.id],
    )
  })

  test('can be tested at once, and says how that went', async () => {
    const { id, secret } = await room.hook(receiver.url, { events: ['echo'], minSeverity: 'critical' })
    const good = await room.alerts.test(id)
    assert.deepEqual(good, { id: receiver.ids[0], delivered: true, status: 204 })
    const { body, headers } = receiver.received[0]!
    new Webhook(secret).verify(body, headers as Record<string, string>)
    assert.deepEqual([JSON.parse(body).event, JSON.parse(body).data], ['webhook.test', { webhookId: id }])
    receiver.answer = (_request, response) => void response.writeHead(500).end()
    const { id: _, ...bad } = await room.alerts.test(id)
    assert.deepEqual(bad, { delivered: false, status: 500, error: 'status_500' })
    receiver.answer = () => {}
    const [first, second] = [room.alerts.test(id), room.alerts.test(id)]
    await assert.rejects(second, { code: 'webhook_busy' })
    await receiver.got(3)
    await receiver.close()
    assert.equal((await first).error, 'outbound_failed')
    receiver = await Receiver.start()
  })

  test('edited by other hands is not believed, and gets nothing', async () => {
    const { id } = await room.hook(receiver.url)
    const { id: other } = await room.hook(receiver.url)
    room.database.edit(`update webhooks set url = 'http://127.0.0.1:9/' where id = ?`, id)
    await room.restart()
    assert.deepEqual(room.bad, [id])
    room.tell()
    await receiver.got(1)
    await idle(other)
    assert.equal(receiver.received.length, 1)
  })
})

describe('events on the disk', () => {
  test('are sealed: the file tells nobody, and what others write there is not sent', async () => {
    const { id } = await room.hook(receiver.url)
    await room.alerts.setStatus(id, 'disabled', by)
    await room.alerts.setStatus(id, 'active', by)
    receiver.answer = (_request, response) => void response.writeHead(500).end()
    room.alerts.emit({ type: 'echo', data: { note: 'a-canary-in-the-data' } })
    await until(async () => (await room.alerts.find(id)).lastFailureAt !== undefined)
    await room.stop()
    const [event] = room.database.look('select * from alert_events')
    assert.ok(!Buffer.from(event!.sealed as Uint8Array).includes('canary'))
    // A row of another event, and bytes of this one under another id.
    const insert = 'insert into alert_deliveries (id, event_id, webhook_id, type, state, attempts, due_at, created_at) '
    for (const forged of ['evt_forged', 'evt_moved']) {
      const sealed = forged === 'evt_moved' ? (event!.sealed as Uint8Array) : Buffer.alloc(64)
      room.database.edit('insert into alert_events (id, sealed, created_at) values (?, ?, 0)', forged, sealed)
      room.database.edit(`${insert} values (?, ?, ?, 'echo', 'pending', 0, 0, 0)`, `dlv_${forged}`, forged, id)
    }
    await room.start()
    await until(async () => (await room.alerts.deadLetters()).length === 2)
    const errors = (await room.alerts.deadLetters()).map(({ error }) => error)
    assert.deepEqual([errors, receiver.received.length], [['event_unreadable', 'event_unreadable'], 1])
  })

  test('moved to the row of another owner are not told to it', async () => {
    const { id } = await room.hook(receiver.url, { events: ['echo'] })
    const input = { url: 'https://hooks.example.com/', events: ['agent.*'] }
    const { view } = await room.alerts.add(input, 'svc_1', by)
    receiver.answer = (_request, response) => void response.writeHead(500).end()
    room.alerts.emit({ type: 'echo', data: {} })
    await until(async () => (await room.alerts.find(id)).lastFailureAt !== undefined)
    await room.stop()
    room.database.edit('update alert_deliveries set webhook_id = ?, due_at = 0', view.id)
    await room.start()
    await until(async () => (await room.alerts.deadLetters()).length === 1)
    assert.equal((await room.alerts.deadLetters())[0]!.error, 'event_not_theirs')
    assert.ok(room.dials.every((dial) => dial.startsWith('127.0.0.1:')))
  })

  test('go with the agent they are about', async () => {
    const { id } = await room.hook(receiver.url)
    receiver.answer = (_request, response) => void response.writeHead(500).end()
    room.alerts.emit({ type: 'agent.key_added', data: { agentId: 'agent_1' }, subject: 'agent_1' })
    room.alerts.emit({ type: 'agent.key_added', data: { agentId: 'agent_2' }, subject: 'agent_2' })
    await receiver.got(2)
    await until(async () => room.database.look('select * from alert_deliveries where attempts = 1').length === 2)
    assert.equal(await room.alerts.erase('agent_1'), 1)
    assert.equal((await room.alerts.find(id)).pending, 1)
    assert.deepEqual(
      room.database.look('select subject from alert_events').map((row) => row.subject),
      ['agent_2'],
    )
    await room.alerts.remove(id, by)
    assert.deepEqual(room.database.look('select id from alert_events union select id from alert_deliveries'), [])
  })
})
