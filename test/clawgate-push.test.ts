// Pushes to browsers that subscribed at the ClawGate door, through somebody else's push service.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ClawGateClient, refusedAs } from './instruments/clawgate-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { Person } from './instruments/person.ts'
import { PushService } from './instruments/push-service.ts'
import { type Reply, send } from './instruments/send.ts'
import { until } from './instruments/wait.ts'

let gateway: Gateway
let service: PushService
let ann: Person
let session = ''
before(async () => {
  service = await PushService.start()
  const env = { CLAVIGER_DEMO: 'off', CLAVIGER_LIMIT_PEOPLE: 'off', CLAVIGER_CLAWGATE_REGISTRATION: 'invited' }
  gateway = await Gateway.start({ env: { ...env, CLAVIGER_PUSH_SERVICES: service.origin } })
  ann = await Person.enrolled(gateway, 'ann', 'owner')
  session = await signIn(ann)
})
after(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await service?.[Symbol.asyncDispose]()
})

function ask(line: string, body?: object, token = session): Promise<Reply> {
  const [method = '', path = ''] = line.split(' ')
  const headers = { ...(token !== '' && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' }
  return send({ port: gateway.port, method, path: `/api/v1${path}`, headers, body: body && JSON.stringify(body) })
}

async function does(line: string, body?: object, token = session): Promise<Record<string, string>> {
  const reply = await ask(line, body, token)
  assert.ok(reply.status < 300, `${line} ${reply.status} ${reply.text()}`)
  return reply.json() as Record<string, string>
}

async function signIn({ authenticator, origin }: Person): Promise<string> {
  const answer = authenticator.get((await does('POST /passkey/authenticate/start', {}, '')) as never, origin)
  return (await does('POST /passkey/authenticate/complete', answer, '')).token as string
}

async function subscribed(token = session) {
  const { publicKey = '' } = await does('GET /push/vapid-key', undefined, token)
  const browser = await service.subscribe(publicKey)
  const { id } = await does('POST /push/subscribe', { ...browser.subscription, expirationTime: null }, token)
  assert.match(id ?? '', /^psh_/)
  return browser
}

describe('a push', () => {
  test('says the request and nothing else, once, to who subscribed and did not unsubscribe', async () => {
    assert.deepEqual(refusedAs(await ask('GET /push/vapid-key', undefined, '')), [401, 'UNAUTHORIZED'], 'none is made')
    const [phone, laptop] = [await subscribed(), await subscribed()]
    assert.equal((await ask('GET /push/vapid-key', undefined, '')).status, 200, 'it is public')
    assert.equal((await does('POST /push/unsubscribe', { endpoint: laptop.subscription.endpoint })).ok, true)
    await gateway.does('POST', '/agents', { name: 'my-agent' })
    const { key } = await gateway.does<{ key: string }>('POST', '/clawgate/api-keys', { agent: 'my-agent', name: 'a' })
    const own = new ClawGateClient(gateway, key)
    const { requestId } = await own.request()
    await until(() => phone.received().length === 1)
    assert.deepEqual(phone.received(), [{ requestId }])
    assert.deepEqual(laptop.received(), [])
    await does(`POST /approval/deny/${requestId}`, {})
  })

  test('goes to no operator for what a member’s agents ask, and to members at services that everybody knows', async () => {
    const email = 'mia@example.com'
    const { invite } = await gateway.does<{ invite: string }>('POST', '/clawgate/people/invites', { email })
    const { token = '' } = await does('POST /auth/register', { email, invite }, '')
    const mia = new Person(gateway)
    const made = mia.authenticator.create((await does('POST /passkey/register/start', {}, token)) as never, mia.origin)
    await does('POST /passkey/register/complete', made, token)
    const hers = await signIn(mia)
    const annsBrowser = await subscribed()
    const browser = await service.subscribe((await does('GET /push/vapid-key')).publicKey as string)
    const { endpoint, keys } = browser.subscription
    // It is an address inside, which the operator named for operators.
    const inside = await ask('POST /push/subscribe', { endpoint, keys }, hers)
    assert.deepEqual(refusedAs(inside), [422, 'VALIDATION_ERROR'])
    const known = 'https://updates.push.services.mozilla.com/wpush/v2/mias'
    assert.match((await does('POST /push/subscribe', { endpoint: known, keys }, hers)).id ?? '', /^psh_/)
    await does('POST /push/unsubscribe', { endpoint: known }, hers)
    await does('POST /push/unsubscribe', { endpoint: annsBrowser.subscription.endpoint }, hers)
    const { key = '' } = await does('POST /auth/api-keys', { name: 'laptop', agentId: 'mias' }, hers)
    await new ClawGateClient(gateway, key).request()
    await gateway.does('POST', '/agents', { name: 'the-house' })
    const house = await gateway.does<{ key: string }>('POST', '/clawgate/api-keys', { agent: 'the-house', name: 'a' })
    const asked = await new ClawGateClient(gateway, house.key).request()
    // Hers would have come before: what waits is told in order, and she could not unsubscribe another's browser.
    await until(() => annsBrowser.received().length === 1)
    assert.deepEqual(annsBrowser.received(), [{ requestId: asked.requestId }])
    assert.deepEqual(browser.received(), [])
  })

  test('goes to push services alone, and to no key that is none', async () => {
    const browser = await service.subscribe((await does('GET /push/vapid-key')).publicKey as string)
    const { endpoint, keys } = browser.subscription
    for (const body of [
      {},
      { endpoint },
      { endpoint: 'http://169.254.169.254/latest', keys },
      { endpoint: `${endpoint.replace('127.0.0.1', '127.0.0.2')}`, keys },
      { endpoint, keys: { ...keys, p256dh: Buffer.alloc(65).toString('base64url') } },
      { endpoint, keys: { ...keys, auth: 'x' } },
    ])
      assert.deepEqual(
        refusedAs(await ask('POST /push/subscribe', body)),
        [422, 'VALIDATION_ERROR'],
        JSON.stringify(body),
      )
    for (const line of ['POST /push/subscribe', 'POST /push/unsubscribe'])
      assert.deepEqual(refusedAs(await ask(line, browser.subscription, '')), [401, 'UNAUTHORIZED'])
  })
})
