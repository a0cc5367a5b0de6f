// The operators' pages in a real browser: calls that the gateway sends for agents, one no to many, people of channels.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import { builtConsole } from '../scripts/console.mjs'
import { brokenRules, launchChromium, noChromium, pageWithPasskeys, watched } from './instruments/chromium.ts'
import { MailServer } from './instruments/mail-server.ts'
import { linkFor } from './instruments/person.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const action = (kind: string) => ({ method: 'POST', path: `/${kind}/{id}`, ask: 'passkey' })

describe('the inbox', { skip: noChromium }, () => {
  let around: World
  let mail: MailServer
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let session: CDPSession
  let seen: ReturnType<typeof watched>

  before(async () => {
    assert.equal(builtConsole(), undefined)
    mail = await MailServer.start()
    around = await world({
      service: { actions: { pay: action('pay'), gone: action('gone') } },
      env: { CLAVIGER_LIMIT_PEOPLE: 'off' },
    })
    around.upstream.on('gone', (request) => request.socket.destroy())
    browser = await launchChromium()
    context = await browser.newContext({ viewport: { width: 390, height: 844 } })
    ;({ page, session } = await pageWithPasskeys(context))
    seen = watched(page)
    await around.gateway.does('POST', '/operators', { name: 'ann', role: 'owner' })
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
    await mail?.[Symbol.asyncDispose]()
  })

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const inbox = () => page.locator('.places a').first().click()
  const picture = async (name: string) => {
    if (process.env.SHOTS === undefined) return
    await page.screenshot({ path: `${process.env.SHOTS}/${name}-phone.png`, fullPage: true })
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.screenshot({ path: `${process.env.SHOTS}/${name}-desktop.png`, fullPage: true })
    await page.setViewportSize({ width: 390, height: 844 })
  }

  /** Left with the gateway. */
  async function later(path: string, token = around.token): Promise<string> {
    const headers = { prefer: 'respond-async', 'content-type': 'application/json' }
    const reply = await around.call(path, { method: 'POST', headers, body: '{"amount":4200}', token })
    assert.equal(reply.status, 202, reply.text())
    return (reply.json() as { approval: string }).approval
  }

  test('says of a call that the gateway sends it, and then what became of it', async () => {
    await later('/pay/1')
    const card = page.getByRole('link', { name: /\/pay\/1/ })
    await card.getByText('Claviger sends it').waitFor()
    assert.deepEqual(await brokenRules(session), [])
    await picture('sending-inbox')
    await card.click()
    await page.getByText('the agent does not wait for it').waitFor()
    await button('Approve with passkey').click()
    await page.getByText('approved and sent', { exact: true }).waitFor()
    await page.getByText('Claviger sent it, and keeps the answer').waitFor()
    assert.deepEqual(await brokenRules(session), [])
    await picture('sending-sent')
    assert.equal(around.upstream.received('/pay/1').length, 1)
  })

  test('says of one that brought no answer why, in the history too', async () => {
    await inbox()
    await later('/gone/1')
    await page.getByRole('link', { name: /\/gone\/1/ }).click()
    await button('Approve with passkey').click()
    await page.getByText('approved, no answer', { exact: true }).waitFor()
    const sending = page.getByRole('region', { name: 'Sending' })
    for (const text of ['It is not sent again', 'upstream_broke']) await sending.getByText(text).waitFor()
    await picture('sending-failed')
    await page.getByRole('link', { name: 'History' }).click()
    await page
      .getByRole('link', { name: /\/gone\/1/ })
      .getByText('approved, no answer')
      .waitFor()
    await page
      .getByRole('link', { name: /\/pay\/1/ })
      .getByText('approved and sent')
      .waitFor()
    await picture('sending-history')
    assert.deepEqual(await brokenRules(session), [])
  })

  test('says that nothing was sent where the agent may not any more', async () => {
    await around.gateway.does('POST', '/agents', { name: 'leaves' })
    await around.gateway.does('POST', '/grants', { agent: 'leaves', service: 'u', scopes: ['u:*'] })
    const { token, id } = await around.gateway.does<{ token: string; id: string }>('POST', '/tokens', {
      agent: 'leaves',
    })
    const approval = await later('/pay/2', token)
    await around.gateway.does('DELETE', `/tokens/${id}`)
    await inbox()
    await page.getByRole('link', { name: /\/pay\/2/ }).click()
    await button('Approve with passkey').click()
    await page.getByText('approved, not sent', { exact: true }).waitFor()
    await page.getByRole('region', { name: 'Sending' }).getByText('token_not_live').waitFor()
    assert.equal(around.upstream.received('/pay/2').length, 0)
    await page.locator(`[data-approval="${approval}"]`).waitFor()
  })

  test('denies all of one agent, and all that waits, and nothing else', async () => {
    const statusOf = async (id: string) =>
      (await around.gateway.does<{ status: string }>('GET', `/approvals/${id}`)).status
    const others: string[] = []
    for (const name of ['first', 'second']) {
      await around.gateway.does('POST', '/agents', { name })
      await around.gateway.does('POST', '/grants', { agent: name, service: 'u', scopes: ['u:*'] })
      const { token } = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: name })
      for (const id of [1, 2]) others.push(await later(`/pay/${name}-${id}`, token))
    }
    const own = await later('/pay/own')
    await inbox()
    await page.getByText('5 requests wait.').waitFor()
    await page.getByText('Deny several at once').click()
    assert.deepEqual(await brokenRules(session), [])
    await button('Deny all of first').click()
    await picture('deny-several')
    await button('Deny them all of first').click()
    await page.getByText('3 requests wait.').waitFor()
    const statuses = () => Promise.all([...others, own].map(statusOf))
    assert.deepEqual(await statuses(), ['denied', 'denied', 'pending', 'pending', 'pending'])
    await button('Deny all that waits').click()
    await button('Deny them all that waits').click()
    await page.getByText('Nothing waits for an answer.').waitFor()
    assert.deepEqual(new Set(await statuses()), new Set(['denied']))
    assert.equal(await page.getByText('Deny several at once').count(), 0)
  })

  test('has beside it whom the channels reach, and an owner takes one out', async () => {
    const account = { host: '127.0.0.1', port: mail.port, tls: 'off', allow: ['127.0.0.1'], from: 'c@example.com' }
    await page.getByRole('link', { name: 'Channels' }).click()
    await page.getByText('nobody is told').waitFor()
    await around.gateway.does('POST', '/channels', { kind: 'email', ...account })
    await around.gateway.does('POST', '/operators', { name: 'bob', role: 'approver' })
    for (const operator of ['ann', 'bob'])
      await around.gateway.does('POST', '/channels/email/people', { user: `${operator}@example.com`, operator })
    await inbox()
    await page.getByRole('link', { name: 'Channels' }).click()
    await page.getByText('bob@example.com').waitFor()
    assert.deepEqual(await brokenRules(session), [])
    await button('Remove bob from email').click()
    await picture('channels')
    await button('Remove them bob from email').click()
    await page.getByText('bob@example.com').waitFor({ state: 'detached' })
    const people = async () => {
      const { items } = await around.gateway.does<{ items: { people: { user: string }[] }[] }>('GET', '/channels')
      return items.flatMap((channel) => channel.people.map(({ user }) => user))
    }
    await until(async () => (await people()).length === 1)
    assert.deepEqual(await people(), ['ann@example.com'])
    assert.deepEqual(seen, { dialogs: [], errors: [] })
  })
})
