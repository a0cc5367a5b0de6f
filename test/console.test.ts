// The operators' pages in a real browser, with an authenticator that Chromium itself plays: K-02, K-06, G-10.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import { builtConsole } from '../scripts/console.mjs'
import { hostileStrings } from './generators/hostile-strings.ts'
import {
  addAuthenticator,
  brokenRules,
  launchChromium,
  noChromium,
  pageWithPasskeys,
  watched,
} from './instruments/chromium.ts'
import { linkFor } from './instruments/person.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const SEED = 20_261_121

describe('the operators’ pages', { skip: noChromium }, () => {
  let around: World
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let session: CDPSession
  let authenticator: string
  let seen: ReturnType<typeof watched>
  let origin: string

  before(async () => {
    assert.equal(builtConsole(), undefined)
    around = await world({
      service: {
        actions: {
          pay: { method: 'POST', path: '/pay/{id}', ask: 'passkey' },
          rent: { method: 'POST', path: '/rent/{id}' },
        },
      },
      env: { CLAVIGER_LIMIT_PEOPLE: 'off' },
    })
    origin = around.gateway.ready.operators as string
    browser = await launchChromium(['--host-resolver-rules=MAP evil.test 127.0.0.1'])
    context = await browser.newContext({ viewport: { width: 390, height: 844 } })
    context.setDefaultTimeout(Number(process.env.T ?? 30_000))
    ;({ page, session, authenticator } = await pageWithPasskeys(context))
    seen = watched(page)
  })
  after(async () => {
    await browser?.close()
    await around?.[Symbol.asyncDispose]()
  })

  const pay = (id: string, body = '{"amount":4200}'): Promise<Reply> =>
    around.call(`/pay/${id}`, {
      method: 'POST',
      headers: { prefer: 'wait=60', 'content-type': 'application/json' },
      body,
    })
  const sentFor = (id: string) => around.upstream.received(`/pay/${id}`).length
  const button = (name: string) => page.getByRole('button', { name })
  const heading = (name: string | RegExp) => page.getByRole('heading', { name, level: 1 })

  const broken = () => brokenRules(session)

  test('enrol a person by their link, once, and show the recovery codes', async () => {
    await around.gateway.does('POST', '/operators', { name: 'ann', role: 'owner' })
    const { link } = await linkFor(around.gateway, 'ann')
    await page.goto(link)
    assert.deepEqual(await broken(), [])
    await button('Begin').click()
    assert.equal(new URL(page.url()).hash, '', 'the token does not stay in the address')
    await page.getByLabel('Name of the passkey').fill('laptop')
    await button('Make the passkey').click()
    await button('I have kept them').waitFor()
    assert.equal(await page.locator('.secrets li').count(), 10)
    assert.deepEqual(await broken(), [])
    await button('I have kept them').click()
    await heading('Inbox').waitFor()
    const stranger = await context.newPage()
    await stranger.goto(link)
    await stranger.getByRole('button', { name: 'Begin' }).click()
    await stranger.getByRole('alert').getByText('The link was used').waitFor()
    await stranger.close()
  })

  test('sign them out, after which nothing is answered, and in again by passkey', async () => {
    await button('Sign out').click()
    await button('Sign in with passkey').waitFor()
    assert.deepEqual(await broken(), [])
    const status = await page.evaluate(`fetch('/claviger/v1/approvals').then(({ status }) => status)`)
    assert.equal(status, 401)
    await button('Sign in with passkey').click()
    await heading('Inbox').waitFor()
    assert.deepEqual(await broken(), [])
  })

  test('show a call as it comes, and let it out once after a yes by passkey', async () => {
    const held = pay('7')
    await page.getByRole('link', { name: /POST .*\/pay\/7/ }).click()
    await heading(/POST .*\/pay\/7/).waitFor()
    await page.getByText('"amount": 4200').waitFor()
    assert.deepEqual(await broken(), [])
    assert.equal(sentFor('7'), 0)
    await button('Approve with passkey').click()
    assert.equal((await held).status, 200)
    await page.getByText('approved it by passkey').waitFor()
    assert.equal(await button('Approve with passkey').count(), 0)
    assert.equal(sentFor('7'), 1)
  })

  test('hear of a call that comes by the stream of events, and by asking where there is none', async () => {
    await page.locator('.places a').first().click()
    await page.locator('.how.live').waitFor()
    const asked: string[] = []
    const note = (request: { url(): string }) => asked.push(new URL(request.url()).pathname)
    page.on('request', note)
    const leaving = new AbortController()
    const headers = { prefer: 'wait=60', 'content-type': 'application/json' }
    const waits = (id: string) =>
      around.call(`/pay/${id}`, { method: 'POST', headers, body: '{}', signal: leaving.signal }).catch(() => undefined)
    const first = waits('live-1')
    await page.getByRole('link', { name: /\/pay\/live-1/ }).waitFor()
    assert.equal(await page.locator('.how.live').count(), 1)
    assert.ok(!asked.includes('/claviger/v1/approvals/events'), 'the stream is the one there was')
    page.off('request', note)
    await page.route('**/claviger/v1/approvals/events', (route) => route.abort())
    await page.reload()
    await page.getByText('asks every 5 s').waitFor()
    const second = waits('live-2')
    await page.getByRole('link', { name: /\/pay\/live-2/ }).waitFor()
    await page.unroute('**/claviger/v1/approvals/events')
    await page.locator('.how.live').waitFor()
    leaving.abort()
    await Promise.all([first, second])
    const { items } = await around.gateway.does<{ items: { id: string }[] }>('GET', '/approvals?status=pending')
    // Taken back, not denied: after a no the agent would have to wait.
    for (const { id } of items)
      await around.gateway.agent('DELETE', `/claviger/v1/agents/self/approvals/${id}`, {
        headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${around.token}` },
      })
    await page.getByText('Nothing waits for an answer.').waitFor()
  })

  test('are framed by nobody, and take nothing from pages of other sites', async () => {
    const held = pay('9')
    await page.locator('.places a').first().click()
    await page.getByRole('link', { name: /\/pay\/9/ }).waitFor()
    const { items } = await around.gateway.does<{ items: { id: string; digest: string }[] }>(
      'GET',
      '/approvals?status=pending',
    )
    const [one] = items as [{ id: string; digest: string }]
    const framing = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' })
      response.end(`<!doctype html><title>evil</title><iframe src="${origin}/approvals/${one.id}"></iframe>`)
    })
    await new Promise<void>((resolve) => framing.listen(0, '127.0.0.1', resolve))
    const { port } = framing.address() as AddressInfo
    for (const host of ['evil.test', 'localhost']) {
      const evil = await context.newPage()
      await evil.goto(`http://${host}:${port}/`)
      const frame = evil.frames()[1]
      assert.equal(await frame?.locator('#root').count(), 0, `framed by ${host}`)
      const url = `${origin}/claviger/v1/approvals/${one.id}/verdict`
      await evil.evaluate(`(${fireAt})(${JSON.stringify(url)}, ${JSON.stringify(one.digest)})`)
    }
    for (const other of context.pages()) if (other !== page) await other.close()
    await page.bringToFront()
    framing.close()
    const { status } = await around.gateway.does<{ status: string }>('GET', `/approvals/${one.id}`)
    assert.equal(status, 'pending')
    await page.getByRole('link', { name: /\/pay\/9/ }).click()
    await button('Approve with passkey').click()
    assert.equal((await held).status, 200)
  })

  test('allow more of the same for a while, by the digest of the window, and end it', async () => {
    const ask = { assurance: 'passkey', window: { maxSeconds: 5_400, maxUses: 20 } }
    await around.gateway.does('POST', '/rules', { name: 'rents', effect: 'ask', match: { actions: ['rent'] }, ask })
    const rent = (id: number, wait: number) =>
      around.call(`/rent/${id}`, { method: 'POST', headers: { prefer: `wait=${wait}` }, body: `{"n":${id}}` })
    const held = rent(1, 60)
    await page.locator('.places a').first().click()
    await page.getByRole('link', { name: /POST .*\/rent\/1/ }).click()
    await heading(/POST .*\/rent\/1/).waitFor()
    await page.getByText('What such a call must be').click()
    const offer = page.getByRole('region', { name: 'More of the same' })
    for (const text of ['20 more', 'within 1 hour 30 minutes', 'rents (']) await offer.getByText(text).first().waitFor()
    assert.deepEqual(await broken(), [])
    await button('Allow for 1 hour 30 minutes, 20 more calls').click()
    assert.equal((await held).status, 200)
    await page.getByText('approved it by passkey').waitFor()
    for (const id of [2, 3]) assert.equal((await rent(id, 0)).status, 200)
    await page.getByRole('link', { name: 'Windows' }).click()
    await page.getByText('2 of 20 calls').waitFor()
    await page.getByText('allowed by ann').waitFor()
    assert.deepEqual(await broken(), [])
    assert.equal((await rent(4, 0)).status, 200)
    await page.getByText('3 of 20 calls').waitFor()
    await button('End window of agent-of-u').click()
    await button('End it window of agent-of-u').click()
    await page.getByText('Every call that must be asked about is.').waitFor()
    const again = await rent(5, 0)
    assert.equal(again.code, 'approval_required')
    await around.gateway.does('DELETE', '/rules/rents')
    const { approval } = again.json() as { approval: string }
    await around.gateway.agent('DELETE', `/claviger/v1/agents/self/approvals/${approval}`, {
      headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${around.token}` },
    })
  })

  test('deny with a reason, in one tab what another tab shows too', async () => {
    const held = pay('8')
    const other = await context.newPage()
    await other.goto(origin)
    await other.getByRole('link', { name: /\/pay\/8/ }).waitFor()
    await page.locator('.places a').first().click()
    await page.getByRole('link', { name: /POST .*\/pay\/8/ }).click()
    await button('Deny').click()
    await page.getByLabel(/^Reason/).fill('not today')
    await button('Deny it').click()
    assert.equal((await held).code, 'approval_denied')
    await page.getByText('not today').waitFor()
    await other.getByText('Nothing waits for an answer.').waitFor()
    await other.close()
    assert.equal(sentFor('8'), 0)
  })

  test('keep the history, by outcome and by words', async () => {
    await page.getByRole('link', { name: 'History' }).click()
    await page.getByRole('link', { name: /\/pay\/7/ }).waitFor()
    assert.deepEqual(await broken(), [])
    await page.getByLabel('Outcome').selectOption('denied')
    await page.getByText('1 answer.').waitFor()
    await page.getByRole('link', { name: /\/pay\/8/ }).waitFor()
    await page.getByLabel(/^Agent/).fill('no such words')
    await page.getByText('0 answers.').waitFor()
  })

  test('add and remove passkeys, and make new recovery codes', async () => {
    await page.getByRole('link', { name: 'Passkeys' }).click()
    await page.getByText('this machine only').waitFor()
    assert.deepEqual(await broken(), [])
    // Another device, as far as the browser knows.
    await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: authenticator })
    await addAuthenticator(session)
    await page.getByLabel('Name of the passkey').fill('again')
    await button('Add a passkey').click()
    await button('Remove again').click()
    await button('Remove it again').click()
    await button('Remove again').or(button('Remove it again')).waitFor({ state: 'detached' })
    await button('Remove laptop').click()
    await button('Remove it laptop').click()
    await page.getByText('The last passkey of an operator cannot be removed').waitFor()
    await button('Make new codes').click()
    await button('I have kept them').click()
  })

  test('make an agent’s key, show it once, and revoke it', async () => {
    await page.getByRole('link', { name: 'Keys', exact: true }).click()
    await page.getByLabel('Agent', { exact: true }).selectOption({ label: 'agent-of-u' })
    await button('Make a key').click()
    const token = await page.locator('.secrets code').textContent()
    assert.equal((await around.call('/v1/items', { token: token as string })).status, 200)
    assert.deepEqual(await broken(), [])
    await button('I have it').click()
    assert.equal(await page.getByText(token as string).count(), 0)
    for (const kind of ['Revoke', 'Revoke it'])
      await page
        .getByRole('button', { name: `${kind} key of agent-of-u` })
        .first()
        .click()
    await until(async () => (await page.getByRole('button', { name: 'Revoke key of agent-of-u' }).count()) === 1)
  })

  test('draw 300 hostile strings as text, wherever an agent can put words', async () => {
    // As long as the gateway lets the longest of them be; those that break programs by length alone come last.
    const all = hostileStrings(SEED, 320).map((text) => text.slice(0, 1_000))
    const strings = [...new Set(all)].slice(0, 300)
    assert.equal(strings.length, 300)
    await page.evaluate(watchPolicy)
    const list = { items: strings.map((text, at) => lineOf(text, at)) }
    await context.route('**/claviger/v1/approvals?status=pending', (route) => route.fulfill({ json: list }))
    await context.route('**/claviger/v1/approvals/apr_*', (route) => {
      const at = Number(/apr_(\d+)$/.exec(route.request().url())?.[1])
      return route.fulfill({ json: detailOf(strings.slice(at, at + 30), at) })
    })
    await page.locator('.places a').first().click()
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
    await until(async () => (await page.locator('.card').count()) === strings.length)
    for (let at = 0; at < strings.length; at += 30) {
      await page.evaluate(`history.pushState(null, '', '/approvals/apr_${at}'); dispatchEvent(new Event('popstate'))`)
      await page.locator(`[data-approval="apr_${at}"]`).waitFor()
    }
    assert.deepEqual(await page.evaluate('window.refusedByPolicy'), [])
    assert.equal(
      await page.evaluate(`document.querySelectorAll('img,iframe,script:not([src]),a[href^="j"]').length`),
      0,
    )
    assert.deepEqual(seen, { dialogs: [], errors: [] })
  })
})

/** Runs in the page: keeps what the policy of the page refused. */
const watchPolicy = `window.refusedByPolicy = []
document.addEventListener('securitypolicyviolation', ({ violatedDirective, sample }) =>
  window.refusedByPolicy.push(violatedDirective + ' ' + sample))`

/** Runs in a page of another site, with the browser's cookies for ours. */
const fireAt = `async (url, digest) => {
  const body = JSON.stringify({ verdict: 'denied', digest })
  const quiet = () => {}
  for (const type of ['text/plain', 'application/json'])
    await fetch(url, { method: 'POST', body, credentials: 'include', headers: { 'content-type': type } }).catch(quiet)
  await fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body }).catch(quiet)
  navigator.sendBeacon(url, body)
  const form = document.body.appendChild(document.createElement('form'))
  Object.assign(form, { method: 'post', enctype: 'text/plain', action: url, target: '_blank' })
  form.submit()
}`

function lineOf(text: string, at: number) {
  const time = new Date(Date.now() + 60_000).toISOString()
  return {
    id: `apr_${at}`,
    status: 'pending',
    agent: { id: text, name: text },
    kind: 'call',
    says: text,
    digest: '0'.repeat(64),
    assurance: 'passkey',
    openedAt: time,
    expiresAt: time,
    reason: text,
    uses: { used: 0, of: 1 },
  }
}

function detailOf(texts: readonly string[], at: number) {
  const [first] = texts as [string]
  const facts = texts.map((text) => ({ name: text, value: text, kind: 'text' }))
  const quoted = texts.map((text) => ({ name: text, lines: [text, text], cut: text }))
  const parts = texts.map((text) => ({
    name: text,
    fileName: text,
    contentType: text,
    bytes: 1,
    sha256: '0',
    lines: [text],
  }))
  const at0 = new Date(0).toISOString()
  const offered = { title: first, facts, warnings: [], allows: texts.join(' '), said: [] }
  return {
    ...lineOf(first, at),
    window: { digest: '0'.repeat(64), seconds: 60, lasts: first, calls: 1, shown: offered },
    shown: {
      title: texts.join(' '),
      facts,
      warnings: texts,
      allows: texts.join(' '),
      preview: { of: 'e-mail', title: first, facts, texts: quoted },
      body: { kind: 'multipart', bytes: 1, sha256: '0', contentType: first, cut: first, parts },
      said: quoted,
    },
    answers: texts.map((text) => ({
      name: text,
      verdict: 'denied',
      assurance: 'tap',
      channel: text,
      at: at0,
      comment: text,
    })),
  }
}
