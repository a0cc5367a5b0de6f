// K-01, K-02 with a real browser: a page that rebinds its name, and a page of another site that fires at every route.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { openApiDocument } from '../src/openapi.ts'
import { type World, world } from './instruments/world.ts'

const CHROMIUM = '/usr/bin/chromium'
const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
  '--host-resolver-rules=MAP evil.test 127.0.0.1',
]

describe('a browser', { skip }, () => {
  let here: World
  let browser: Browser
  let page: Page
  let evil: string
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<!doctype html><title>evil</title><p>evil</p>')
  })

  before(async () => {
    here = await world()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    evil = `http://evil.test:${(server.address() as AddressInfo).port}/`
    browser = await chromium.launch({ executablePath: CHROMIUM, args: flags })
    page = await browser.newPage()
  })
  after(async () => {
    await browser?.close()
    server.close()
    await here?.[Symbol.asyncDispose]()
  })

  const epochNow = async () => ((await here.gateway.operator('GET', '/status')).json() as { epoch: number }).epoch

  test('shows the home page to who comes by its own name', async () => {
    const answer = await page.goto(here.gateway.url)
    assert.equal(answer?.status(), 200)
    assert.equal(await page.title(), 'Claviger')
    assert.equal(await page.locator('script').count(), 0)
  })

  test('is refused when its page rebound another name to the gateway', async () => {
    const { port } = new URL(here.gateway.url)
    const answer = await page.goto(`http://evil.test:${port}/`)
    assert.equal(answer?.status(), 421)
    const status = await page.evaluate(`fetch('/health').then((answer) => answer.status)`)
    assert.equal(status, 421)
  })

  test('changes nothing by forms, fetches, images and beacons of another site', async () => {
    const before = await epochNow()
    const upstreamBefore = here.upstream.receipts.length
    const { paths } = openApiDocument() as { paths: Record<string, Record<string, unknown>> }
    const routes = [...Object.keys(paths).map((path) => path.replaceAll(/\{\w+\}/g, 'x')), '/to/u/v1/items']
    await page.goto(evil)
    for (const route of routes) await page.evaluate(`(${fireAt})(${JSON.stringify(here.gateway.url + route)})`)
    assert.equal(await epochNow(), before)
    assert.equal(here.upstream.receipts.length, upstreamBefore)
  })
})

/** Runs in the page: everything that a page may send without asking first. Text, because the browser's globals are not ours. */
const fireAt = `async (url) => {
  const body = '{"name":"evil"}'
  const quiet = () => {}
  await fetch(url, { method: 'POST', mode: 'no-cors', body, headers: { 'content-type': 'text/plain' } }).catch(quiet)
  await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } }).catch(quiet)
  await fetch(url, { mode: 'no-cors', credentials: 'include' }).catch(quiet)
  navigator.sendBeacon(url, body)
  await new Promise((resolve) => {
    const image = new Image()
    image.onload = image.onerror = resolve
    image.src = url
  })
  const frame = document.body.appendChild(document.createElement('iframe'))
  frame.name = 'sink'
  const form = document.body.appendChild(document.createElement('form'))
  Object.assign(form, { method: 'post', enctype: 'text/plain', action: url, target: 'sink' })
  await new Promise((resolve) => {
    frame.onload = resolve
    setTimeout(resolve, 100)
    form.submit()
  })
  form.remove()
  frame.remove()
}`
