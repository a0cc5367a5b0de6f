// Pushes at the operators' pages, in a real browser. Its maker's service is out of reach here, so its subscription is made at
// an emulator of one; the push comes in by the debugger, where the browser's own connection would bring it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import { builtConsole } from '../scripts/console.mjs'
import { brokenRules, launchChromium, noChromium, pageWithPasskeys, watched } from './instruments/chromium.ts'
import { linkFor } from './instruments/person.ts'
import { PushService, type Browser as Subscribed } from './instruments/push-service.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

interface Shown {
  readonly title: string
  readonly body: string
  readonly tag: string
}

describe('pushes at the operators’ pages', { skip: noChromium }, () => {
  let around: World
  let service: PushService
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let session: CDPSession
  let seen: ReturnType<typeof watched>
  let origin: string
  let subscribed: Subscribed | undefined

  before(async () => {
    assert.equal(builtConsole(), undefined)
    service = await PushService.start()
    around = await world({
      service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'push' } } },
      env: { CLAVIGER_LIMIT_PEOPLE: 'off', CLAVIGER_PUSH_SERVICES: service.origin },
    })
    origin = around.gateway.ready.operators as string
    browser = await launchChromium()
    context = await browser.newContext({ viewport: { width: 390, height: 844 } })
    ;({ page, session } = await pageWithPasskeys(context))
    seen = watched(page)
    await context.exposeFunction('subscribeAt', async (key: string) => {
      subscribed = await service.subscribe(key)
      return subscribed.subscription
    })
    await page.addInitScript(subscribeAtEmulator)
    await around.gateway.does('POST', '/operators', { name: 'ann', role: 'approver' })
    const { link } = await linkFor(around.gateway, 'ann')
    await page.goto(link)
    await button('Begin').click()
    await page.getByLabel('Name of the passkey').fill('phone')
    await button('Make the passkey').click()
    await button('I have kept them').click()
    await page.getByRole('heading', { name: 'Inbox', level: 1 }).waitFor()
  })
  after(async () => {
    await browser?.close()
    await around?.[Symbol.asyncDispose]()
    await service?.[Symbol.asyncDispose]()
  })

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const pay = (id: string): Promise<Reply> =>
    around.call(`/pay/${id}`, { method: 'POST', headers: { prefer: 'wait=60' }, body: '{}' })
  const shown = (): Promise<Shown[]> =>
    page.evaluate(`navigator.serviceWorker.getRegistration().then(async (registration) =>
      (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag })))`)

  /** As the browser hands one on that came in. */
  async function deliver(payload: object): Promise<void> {
    const registrations: { registrationId: string; scopeURL: string }[] = []
    session.on('ServiceWorker.workerRegistrationUpdated', (event) => registrations.push(...event.registrations))
    await session.send('ServiceWorker.enable')
    await until(() => registrations.length > 0)
    const { registrationId } = registrations[0] as { registrationId: string }
    await session.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data: JSON.stringify(payload) })
    await session.send('ServiceWorker.disable')
  }

  test('are not switched on where the person does not allow it', async () => {
    // Whatever is not granted is refused from then on.
    await context.grantPermissions(['clipboard-read'], { origin })
    await page.getByRole('link', { name: 'Devices' }).click()
    await page.getByText('Notifications of these pages are blocked').waitFor()
    assert.equal(await button('Push here').count(), 0)
    const { items } = await around.gateway.does<{ items: unknown[] }>('GET', '/push/devices')
    assert.deepEqual(items, [])
  })

  test('are switched on, and a yes takes one touch where a push is enough', async () => {
    await context.grantPermissions(['notifications'], { origin })
    await page.reload()
    await page.getByLabel('Name of the device').fill('phone')
    assert.deepEqual(await brokenRules(session), [])
    await button('Push here').click()
    await button('Switch off phone').waitFor()
    assert.deepEqual(await brokenRules(session), [])
    const held = pay('1')
    // Nobody is told of what was answered before that.
    await until(() => subscribed?.received().length === 1)
    await page.locator('.places a').first().click()
    await page.getByRole('link', { name: /\/pay\/1/ }).click()
    await button('Approve').waitFor()
    assert.deepEqual(await brokenRules(session), [])
    await button('Approve').click()
    assert.equal((await held).status, 200)
    assert.equal(around.upstream.received('/pay/1').length, 1)
    await page.getByText(/approved it by push/).waitFor()
    await until(() => subscribed?.received().length === 2)
  })

  test('show that something waits and no more, and go when it is answered', async () => {
    const id = subscribed?.received()[0]?.id as string
    // By their tags: a browser that shows one of its own, where ours took it too long, shows it beside.
    const tagged = async (tag: string) => (await shown()).filter((one) => one.tag === tag)
    await deliver({ id })
    await until(async () => (await tagged(id)).length === 1)
    assert.deepEqual(await tagged(id), [{ title: 'An agent asks', body: 'Open to see what it wants to do.', tag: id }])
    await deliver({ id, over: true })
    await until(async () => (await tagged(id)).length === 0)
    await deliver({ id: '../../evil' })
    await until(async () => (await tagged('claviger')).length === 1)
    assert.deepEqual(await tagged('../../evil'), [])
  })

  test('go on where the browser’s push service gives it another address, and say so where they cannot', async () => {
    const [worker] = context.serviceWorkers()
    const before = subscribed
    const key = await page.evaluate(`caches.open('claviger-device').then(async (place) =>
      (await (await place.match('/device')).json()).key)`)
    const next = await service.subscribe(key as string)
    const tell = (given: object) => worker?.evaluate(`(${changed})(${JSON.stringify(given)})`)
    const count = before?.received().length
    await tell(next.subscription)
    const renewals = async () => {
      const path = '/audit/records?type=config&limit=100'
      const { items } = await around.gateway.does<{ items: { ev: { what?: string } }[] }>('GET', path)
      return items.filter(({ ev }) => ev.what === 'push.device_renewed').length
    }
    await until(async () => (await renewals()) === 1)
    const held = pay('renewed')
    await until(() => next.received().length === 1)
    await page.locator('.places a').first().click()
    await page.getByRole('link', { name: /\/pay\/renewed/ }).click()
    await button('Approve').click()
    assert.equal((await held).status, 200)
    assert.equal(before?.received().length, count)
    subscribed = next
    await tell({ endpoint: 'https://evil.test/x', keys: next.subscription.keys })
    await until(async () => (await shown()).some(({ title }) => title === 'Pushes stopped'))
  })

  test('are switched off, and the browser answers as any other', async () => {
    await page.getByRole('link', { name: 'Devices' }).click()
    await button('Switch off phone').click()
    await button('Switch it off phone').click()
    await button('Push here').waitFor()
    const held = pay('2')
    await page.locator('.places a').first().click()
    await page.getByRole('link', { name: /\/pay\/2/ }).click()
    await button('Approve with passkey').click()
    assert.equal((await held).status, 200)
    assert.deepEqual(seen, { dialogs: [], errors: [] })
  })
})

/** Runs in the page before ours: the part of the browser that needs its maker. */
const subscribeAtEmulator = `PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
  if (!userVisibleOnly) throw new Error('userVisibleOnly is wanted')
  const key = btoa(String.fromCharCode(...applicationServerKey)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  const given = await window.subscribeAt(key)
  return { toJSON: () => ({ ...given, expirationTime: null }) }
}`

/** Runs in the service worker: what the browser says when its subscription is another. */
const changed = `(given) => self.dispatchEvent(Object.assign(new Event('pushsubscriptionchange'), {
  newSubscription: { toJSON: () => given },
  waitUntil: () => {},
}))`
