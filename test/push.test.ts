// Pushes to an operator's browsers. The push service is somebody else's emulator: it verifies who sends, and decrypts.
import assert from 'node:assert/strict'
import { createECDH, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Person } from './instruments/person.ts'
import { type Browser, PushService } from './instruments/push-service.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

interface Item {
  readonly id: string
  readonly digest: string
  readonly says: string
  readonly status: string
}
interface Shown {
  readonly id: string
  readonly name: string
  readonly operator: string
  readonly service: string
  readonly here: boolean
}
interface Enrolled {
  readonly browser: Browser
  /** As the browser sends it along with the session's. */
  readonly cookie: string
  readonly id: string
}

const actions = {
  pay: { method: 'POST', path: '/pay/{id}', ask: 'push' },
  close: { method: 'POST', path: '/close/{id}', ask: 'passkey' },
}

describe('pushes', () => {
  let around: World
  let service: PushService
  let own: RecordingUpstream
  let ann: Person
  let phone: Enrolled
  before(async () => {
    service = await PushService.start()
    own = await RecordingUpstream.start()
    const env = { CLAVIGER_PUSH_SERVICES: `${service.origin},${own.origin}`, CLAVIGER_LIMIT_PEOPLE: 'off' }
    around = await world({ service: { actions }, env })
    ann = await Person.enrolled(around.gateway, 'ann', 'approver')
    phone = await enrolled(ann, 'phone')
  })
  after(async () => {
    await around?.[Symbol.asyncDispose]()
    await own?.close()
    await service?.[Symbol.asyncDispose]()
  })

  async function enrolled(who: Person, name: string): Promise<Enrolled> {
    const { publicKey } = await who.does<{ publicKey: string }>('POST', '/push/start')
    const browser = await service.subscribe(publicKey)
    const reply = await added(who, { ...browser.subscription, name })
    assert.equal(reply.status, 201, reply.text())
    return { browser, cookie: deviceCookie(reply), id: (reply.json() as Shown).id }
  }
  const added = (who: Person, body: unknown): Promise<Reply> => who.send('POST', '/push/devices', body)
  const deviceCookie = (reply: Reply): string =>
    (reply.headers['set-cookie'] ?? []).map((line) => /^__Host-clv-device=[^;]+/.exec(line)?.[0]).find(Boolean) ?? ''
  const devices = async (who: Person, cookie?: string): Promise<Shown[]> => {
    const reply = await who.send('GET', '/push/devices', undefined, withDevice(who, cookie))
    return (reply.json() as { items: Shown[] }).items
  }
  const withDevice = (who: Person, device?: string) =>
    device === undefined ? {} : { headers: { cookie: `__Host-clv=${who.cookie}; ${device}` } }
  const ask = (path: string, wait = 60): Promise<Reply> =>
    around.call(path, { method: 'POST', headers: { prefer: `wait=${wait}` }, body: '{"amount":4200}' })
  const pending = async (path: string): Promise<Item> => {
    let found: Item | undefined
    await until(async () => {
      const { items } = await around.gateway.does<{ items: Item[] }>('GET', '/approvals?status=pending')
      found = items.find(({ says }) => says.endsWith(path))
      return found !== undefined
    })
    return found as Item
  }
  const verdict = (who: Person, { id, digest }: Item, device?: string, says = 'approved'): Promise<Reply> =>
    who.send('POST', `/approvals/${id}/verdict`, { verdict: says, digest }, withDevice(who, device))

  test('say the id of what waits and nothing else, and a yes on that device is worth a push', async () => {
    const held = ask('/pay/1')
    const item = await pending('/pay/1')
    await until(() => phone.browser.received().length === 1)
    assert.deepEqual(phone.browser.received(), [{ id: item.id }])
    assert.equal((await verdict(ann, item)).code, 'approval_too_weak', 'a session alone is worth a tap')
    assert.equal((await verdict(ann, item, `${phone.cookie.slice(0, -1)}_`)).code, 'approval_too_weak')
    assert.equal((await verdict(ann, item, `${phone.cookie}; ${phone.cookie}`)).code, 'approval_too_weak')
    const bob = await Person.enrolled(around.gateway, 'bob', 'approver')
    assert.equal((await verdict(bob, item, phone.cookie)).code, 'approval_too_weak', 'of another operator')
    assert.equal((await verdict(ann, item, phone.cookie)).status, 200)
    assert.equal((await held).status, 200)
    const { answers } = await ann.does<{ answers: { assurance: string; channel: string }[] }>(
      'GET',
      `/approvals/${item.id}`,
    )
    assert.deepEqual(
      answers.map(({ assurance, channel }) => [assurance, channel]),
      [['push', 'push']],
    )
    await until(() => phone.browser.received().length === 2)
    assert.deepEqual(phone.browser.received()[1], { id: item.id, over: true })
  })

  test('lets nobody say yes on a device where a passkey is wanted (G-06)', async () => {
    const held = ask('/close/1')
    const item = await pending('/close/1')
    assert.equal((await verdict(ann, item, phone.cookie)).code, 'approval_too_weak')
    const options = await ann.does('POST', `/approvals/${item.id}/challenge`, { digest: item.digest })
    const assertion = ann.authenticator.get(options as never, ann.origin)
    const body = { verdict: 'approved', digest: item.digest, assertion }
    assert.equal((await ann.send('POST', `/approvals/${item.id}/verdict`, body)).status, 200)
    assert.equal((await held).status, 200)
  })

  test('are switched on by a fresh session of an approver alone, for services that are known', async () => {
    const { publicKey } = await ann.does<{ publicKey: string }>('POST', '/push/start')
    const { subscription } = await service.subscribe(publicKey)
    const name = 'other'
    const endpoints = [
      'https://evil.test/x',
      'http://127.0.0.1:1/x',
      'https://fcm.googleapis.com:8443/x',
      'http://[::1]/x',
    ]
    for (const endpoint of endpoints) {
      assert.equal((await added(ann, { ...subscription, endpoint, name })).code, 'push_service_unknown', endpoint)
    }
    const nowhere = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString('base64url')
    const bad = { ...subscription.keys, p256dh: nowhere }
    assert.equal((await added(ann, { ...subscription, keys: bad, name })).code, 'push_key_invalid')
    assert.equal((await added(ann, { ...subscription, name, more: 1 })).status, 400)
    const reader = await Person.enrolled(around.gateway, 'reader', 'auditor')
    assert.equal((await added(reader, { ...subscription, name })).code, 'role_refused')
    const byToken = await around.gateway.operator('POST', '/push/devices', { ...subscription, name })
    assert.equal(byToken.code, 'session_wanted')
    assert.equal(
      (await ann.send('POST', '/push/devices', { ...subscription, name }, { headers: { origin: 'https://evil.test' } }))
        .code,
      'origin_refused',
    )
    assert.equal((await devices(ann)).length, 1)
  })

  test('know a device by its cookie, and forget one that is removed, or gone at its service', async () => {
    const laptop = await enrolled(ann, 'laptop')
    const listed = await devices(ann, laptop.cookie)
    assert.deepEqual(
      listed.map(({ name, operator, here, service: host }) => [name, operator, here, host]),
      [
        ['phone', 'ann', false, '127.0.0.1'],
        ['laptop', 'ann', true, '127.0.0.1'],
      ],
    )
    const bob = await Person.enrolled(around.gateway, 'carl', 'approver')
    assert.equal((await bob.send('DELETE', `/push/devices/${laptop.id}`)).code, 'role_refused')
    await ann.does('DELETE', `/push/devices/${laptop.id}`)
    const tablet = await enrolled(ann, 'tablet')
    tablet.browser.expire()
    const held = ask('/pay/2')
    const item = await pending('/pay/2')
    await until(async () => (await devices(ann)).length === 1)
    for (const { cookie } of [laptop, tablet])
      assert.equal((await verdict(ann, item, cookie)).code, 'approval_too_weak', 'no device any more')
    assert.equal((await verdict(ann, item, phone.cookie)).status, 200)
    assert.equal((await held).status, 200)
    assert.equal(laptop.browser.received().length, 0)
    assert.match((await asOperator(around.gateway, 'channel device list')).stdout, /phone/)
  })

  test('are tried again where a service is down, kept as long as the approval, and replaced by its end', async () => {
    const statuses = [429, 503, 201]
    own.on('flaky', (_request, response) => {
      const status = statuses.shift() ?? 201
      response.writeHead(status, status === 429 ? { 'retry-after': '1' } : {}).end()
    })
    const keys = {
      p256dh: createECDH('prime256v1').generateKeys('base64url'),
      auth: randomBytes(16).toString('base64url'),
    }
    const reply = await added(ann, { endpoint: `${own.origin}/flaky/1`, keys, name: 'flaky' })
    assert.equal(reply.status, 201, reply.text())
    const held = ask('/pay/3')
    const item = await pending('/pay/3')
    await until(() => own.received('/flaky').length === 3)
    const [first] = own.received('/flaky')
    const header = (name: string, of = first) => of?.headers.get(name)?.[0] ?? ''
    assert.match(header('topic'), /^[\w-]{32}$/)
    assert.ok(!header('topic').includes(item.id.slice(4)))
    assert.equal(header('content-encoding'), 'aes128gcm')
    assert.equal(header('urgency'), 'high')
    assert.ok(Number(header('ttl')) > 60 && Number(header('ttl')) <= 86_400, header('ttl'))
    const [, claims = ''] = header('authorization').split('.')
    assert.equal((JSON.parse(Buffer.from(claims, 'base64url').toString()) as { aud: string }).aud, own.origin)
    await until(async () => {
      const path = '/audit/records?type=approval.notified&limit=100'
      const { items } = await around.gateway.does<{ items: { approval: { id: string } }[] }>('GET', path)
      return items.filter(({ approval }) => approval.id === item.id).length === 2
    })
    assert.equal((await verdict(ann, item, phone.cookie)).status, 200)
    await held
    await until(() => own.received('/flaky').length === 4)
    const last = own.received('/flaky').at(-1)
    assert.equal(header('topic', last), header('topic'), 'it takes the place of the question')
    assert.ok(Number(header('ttl', last)) <= 60)
    assert.equal(last?.body.length, first?.body.length)
    const listed = await devices(ann)
    await ann.does('DELETE', `/push/devices/${listed.find(({ name }) => name === 'flaky')?.id}`)
  })

  test('hold on to devices and their key over a restart, and tell nobody who may not answer', async () => {
    await around.gateway.restart()
    await ann.signsIn()
    const before = phone.browser.received().length
    await asOperator(around.gateway, 'channel test push')
    assert.deepEqual(phone.browser.received().at(-1), { test: true })
    await asOperator(around.gateway, 'operator role ann auditor')
    const held = ask('/pay/4', 0)
    await pending('/pay/4')
    await held
    await asOperator(around.gateway, 'operator role ann approver')
    const item = await pending('/pay/4')
    await until(() => phone.browser.received().length === before + 2)
    assert.deepEqual(phone.browser.received().at(-1), { id: item.id })
    await verdict(ann, item, undefined, 'denied')
  })

  test('end with their channel', async () => {
    await asOperator(around.gateway, 'channel remove push')
    assert.deepEqual(await devices(ann), [])
    const { items } = await around.gateway.does<{ items: unknown[] }>('GET', '/channels')
    assert.deepEqual(items, [])
  })
})
