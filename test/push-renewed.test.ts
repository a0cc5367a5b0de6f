// A browser whose push service gave it another address is the same device, by what it and the gateway alone have.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Person } from './instruments/person.ts'
import { type Browser, PushService } from './instruments/push-service.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

interface Enrolled {
  readonly id: string
  readonly browser: Browser
  readonly cookie: string
}
type Body = Readonly<Record<string, unknown>>

let around: World
let service: PushService
let ann: Person
let phone: Enrolled
before(async () => {
  service = await PushService.start()
  around = await world({
    service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'push' } } },
    env: { CLAVIGER_PUSH_SERVICES: service.origin, CLAVIGER_LIMIT_PEOPLE: 'off' },
  })
  ann = await Person.enrolled(around.gateway, 'ann', 'approver')
  phone = await enrolled('phone')
})
after(async () => {
  await around?.[Symbol.asyncDispose]()
  await service?.[Symbol.asyncDispose]()
})

const subscribed = async (): Promise<Browser> =>
  service.subscribe((await ann.does<{ publicKey: string }>('POST', '/push/start')).publicKey)
async function enrolled(name: string): Promise<Enrolled> {
  const browser = await subscribed()
  const reply = await ann.send('POST', '/push/devices', { ...browser.subscription, name })
  assert.equal(reply.status, 201, reply.text())
  const [cookie = ''] = (reply.headers['set-cookie'] ?? []).flatMap(
    (line) => /^__Host-clv-device=[^;]+/.exec(line) ?? [],
  )
  return { id: (reply.json() as { id: string }).id, browser, cookie }
}
/** As the service worker sends it: nobody is signed in. */
const renew = (cookie: string | undefined, body: Body, more: Record<string, string | undefined> = {}): Promise<Reply> =>
  ann.send('POST', '/push/renewed', body, { headers: { cookie, 'claviger-csrf': undefined, ...more } })
const bodyOf = (was: Browser, now: Browser): Body => {
  const { endpoint, keys } = was.subscription
  return { before: { endpoint, auth: keys.auth }, ...now.subscription }
}
const devices = async () => (await ann.does<{ items: { id: string; name: string }[] }>('GET', '/push/devices')).items

describe('a device whose subscription is another', () => {
  test('is not taken for one by half of what it has, by another’s, at another page or address', async () => {
    const [next, other] = [await subscribed(), await enrolled('laptop')]
    const good = bodyOf(phone.browser, next)
    const { auth } = phone.browser.subscription.keys
    const before = { endpoint: phone.browser.subscription.endpoint, auth }
    const { endpoint, keys } = next.subscription
    const guessed = `${auth.startsWith('A') ? 'B' : 'A'}${auth.slice(1)}`
    const cases: readonly (readonly [string, string | undefined, Body, Record<string, string>?])[] = [
      ['device_unknown', undefined, good],
      ['device_unknown', '__Host-clv-device=guessed', good],
      ['device_unknown', other.cookie, good],
      ['device_unknown', `${phone.cookie}; ${phone.cookie}`, good],
      ['device_unknown', phone.cookie, { ...good, before: { ...before, auth: guessed } }],
      ['device_unknown', phone.cookie, { ...good, before: { ...before, auth: other.browser.subscription.keys.auth } }],
      ['device_unknown', phone.cookie, { ...good, before: { ...before, endpoint } }],
      ['push_service_unknown', phone.cookie, { ...good, endpoint: 'https://evil.test/x' }],
      ['push_service_unknown', phone.cookie, { ...good, endpoint: 'http://169.254.169.254/latest' }],
      [
        'push_key_invalid',
        phone.cookie,
        { ...good, keys: { ...keys, p256dh: Buffer.alloc(65).toString('base64url') } },
      ],
      ['request_invalid', phone.cookie, { endpoint, keys }],
      ['request_invalid', phone.cookie, { ...good, operator: 'ann' }],
      ['origin_refused', phone.cookie, good, { origin: 'http://evil.test' }],
      ['cross_site_refused', phone.cookie, good, { 'sec-fetch-site': 'cross-site' }],
    ]
    for (const [code, cookie, body, headers] of cases)
      assert.equal((await renew(cookie, body, headers)).code, code, JSON.stringify([cookie, body, headers]))
    const foreign = await renew(phone.cookie, good, { origin: undefined } as never)
    assert.equal(foreign.code, 'origin_refused')
    assert.deepEqual(
      (await devices()).map(({ name }) => name),
      ['phone', 'laptop'],
    )
    await ann.does('DELETE', `/push/devices/${other.id}`)
    assert.equal((await renew(other.cookie, bodyOf(other.browser, next))).code, 'device_unknown', 'removed is removed')
  })

  test('is pushed to at its new address alone, and still a device of its operator', async () => {
    const next = await subscribed()
    assert.equal((await renew(phone.cookie, bodyOf(phone.browser, next))).status, 200)
    assert.equal((await renew(phone.cookie, bodyOf(phone.browser, next))).code, 'device_unknown', 'good once')
    await around.gateway.kill9()
    await around.gateway.restart()
    await ann.signsIn()
    assert.deepEqual(
      (await devices()).map(({ id, name }) => [id, name]),
      [[phone.id, 'phone']],
    )
    const held = around.call('/pay/1', { method: 'POST', headers: { prefer: 'wait=60' }, body: '{}' })
    await until(() => next.received().length === 1)
    assert.deepEqual(phone.browser.received(), [])
    const { id = '' } = next.received()[0] ?? {}
    const { digest } = await ann.does<{ digest: string }>('GET', `/approvals/${id}`)
    const headers = { cookie: `__Host-clv=${ann.cookie}; ${phone.cookie}` }
    const verdict = await ann.send('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest }, { headers })
    assert.equal(verdict.status, 200, verdict.text())
    assert.equal((await held).status, 200)
    const path = '/audit/records?type=config&limit=100'
    const { items } = await around.gateway.does<{ items: { ev: { what?: string; device?: string } }[] }>('GET', path)
    const noted = items.filter(({ ev }) => ev.what === 'push.device_renewed')
    assert.deepEqual(
      noted.map(({ ev }) => ev.device),
      [phone.id],
    )
  })
})
