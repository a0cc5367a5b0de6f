// The SDK in a browser: a key that cannot be read out, kept over a reload, signs in where a gateway would be, and calls.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join, normalize } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { WireServer } from '../sdk/src/testing/wire-server.ts'
import { until } from './instruments/wait.ts'

const CHROMIUM = '/usr/bin/chromium'
const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
]
const sources = join(import.meta.dirname, '..', 'sdk', 'src')

describe('the SDK in a browser', { skip }, () => {
  let wire: WireServer
  let browser: Browser
  let page: Page
  /** The page, the SDK's sources as JavaScript, and the gateway, all at one origin. */
  const server = createServer(async (request, response) => {
    const url = request.url ?? '/'
    if (url === '/')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>t</title>')
    if (url.startsWith('/sdk/')) {
      const code = stripTypeScriptTypes(readFileSync(join(sources, normalize(url.slice(4))), 'utf8'))
      return void response.writeHead(200, { 'content-type': 'text/javascript' }).end(code)
    }
    if (url === '/to/llm/stream') return void stream(response)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const headers = Object.entries(request.headers).filter(([name]) =>
      ['authorization', 'content-type', 'dpop'].includes(name),
    )
    const body = request.method === 'GET' ? {} : { body: Buffer.concat(chunks) }
    const asked: RequestInit = {
      redirect: 'manual',
      method: request.method ?? 'GET',
      headers: headers as [string, string][],
      ...body,
    }
    const answer = await fetch(`${wire.url}${url}`, asked)
    const passing = [...answer.headers].filter(([name]) => /^(content-type|location|proxy-status|claviger-)/.test(name))
    response.writeHead(answer.status, Object.fromEntries(passing)).end(await answer.text())
  })

  let streamsOpen = 0
  /** Events as they come from a service, until nobody reads any more. */
  const stream = (response: ServerResponse): void => {
    streamsOpen += 1
    response.writeHead(200, { 'content-type': 'text/event-stream', 'claviger-request-id': 'call_s' })
    let count = 0
    const timer = setInterval(() => response.write(`id: ${++count}\nevent: tick\ndata: {"n":${count}}\r\n\r\n`), 2)
    response.on('close', () => {
      clearInterval(timer)
      streamsOpen -= 1
    })
  }

  before(async () => {
    wire = await WireServer.start()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    browser = await chromium.launch({ executablePath: CHROMIUM, args: flags })
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  })
  after(async () => {
    await browser?.close()
    server.close()
    await wire?.close()
  })

  /** Runs in the page, as a module that has the SDK as `sdk`. */
  const run = (code: string): Promise<unknown> =>
    page.evaluate(`(async () => { const sdk = await import('/sdk/claviger.ts'); ${code} })()`)

  test('makes a key that the page cannot read, and keeps it over a reload', async () => {
    const made = await run(`
      const pair = await sdk.generateKeyPair()
      const store = new sdk.KeyStore()
      await store.add('agent', pair)
      const read = await crypto.subtle.exportKey('jwk', pair.privateKey).then(() => 'read', (error) => error.name)
      const taken = await store.add('agent', pair).catch((error) => error.code)
      return [read, taken, (await sdk.publicKeyOf(pair.publicKey)).thumbprint]`)
    await page.reload()
    const kept = await run(`
      const pair = await new sdk.KeyStore().get('agent')
      const read = await crypto.subtle.exportKey('pkcs8', pair.privateKey).then(() => 'read', (error) => error.name)
      const signer = await sdk.webCryptoSigner(pair)
      const data = new Uint8Array([1, 2, 3])
      const { key, thumbprint } = await sdk.readPublicKey(signer.publicKey)
      const how = { name: 'ECDSA', hash: 'SHA-256' }
      const holds = await crypto.subtle.verify(how, key, await signer.sign(data), data)
      return [read, holds, thumbprint]`)
    const [read, taken, thumbprint] = made as [string, string, string]
    assert.deepEqual([read, taken], ['InvalidAccessError', 'key_store_failed'])
    assert.deepEqual(kept, ['InvalidAccessError', true, thumbprint])
  })

  test('signs in with it, bound to a key, and calls through the gateway', async () => {
    const publicKey = (await run(`
      return (await sdk.webCryptoSigner(await new sdk.KeyStore().get('agent'))).publicKey`)) as string
    wire.addAgent('agent_a', publicKey)
    const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    wire.namedIssuer = own
    const answer = await run(`
      const signer = await sdk.webCryptoSigner(await new sdk.KeyStore().get('agent'))
      const agent = new sdk.AgentClient({ baseUrl: location.origin, agentId: 'agent_a', signer })
      const answer = await agent.fetch('svc', '/x?y=1', { method: 'POST', body: 'hello' })
      return await answer.json()`)
    assert.deepEqual(answer, { agent: 'agent_a', path: '/to/svc/x?y=1', body: 'hello' })
  })

  const agent = `
    const signer = await sdk.webCryptoSigner(await new sdk.KeyStore().get('agent'))
    const agent = new sdk.AgentClient({ baseUrl: location.origin, agentId: 'agent_a', signer })`

  test('calls with JSON and bytes, and tells the gateway’s refusals from the service’s', async () => {
    const told = await run(`${agent}
      const query = { y: [1, "it's"] }
      const sent = await agent.callJson('svc', { method: 'POST', path: '/x', query, body: { a: 1 } })
      const blob = await agent.callJson('svc', { method: 'PUT', path: '/b', body: new Blob(['bytes']) })
      const upstream = await agent.call('svc', { path: '/x?status=403' })
      const own = new sdk.TokenClient({ baseUrl: location.origin, token: 'none' })
      const refused = await own.call('svc').catch((error) => [error instanceof sdk.AuthenticationError, error.code])
      const moved = await agent.call('svc', { path: '/x?status=302' }).catch((error) => error.code)
      return [sent.path, sent.body, blob.body, upstream.status, refused, moved]`)
    const path = '/to/svc/x?y=1&y=it%27s'
    assert.deepEqual(told, [path, '{"a":1}', 'bytes', 403, [true, 'token_not_live'], 'answer_invalid'])
    assert.equal(wire.count('/elsewhere'), 0)
  })

  test('reads events as they come, and ends the call by leaving or by signal', async () => {
    const read = await run(`${agent}
      const seen = []
      for await (const { type, data, lastEventId } of (await agent.call('llm', { path: '/stream' })).events()) {
        seen.push(type + ' ' + JSON.parse(data).n + ' ' + lastEventId)
        if (seen.length === 3) break
      }
      return seen`)
    assert.deepEqual(read, ['tick 1 1', 'tick 2 2', 'tick 3 3'])
    await until(() => streamsOpen === 0)
    const aborted = await run(`${agent}
      const controller = new AbortController()
      const answer = await agent.call('llm', { path: '/stream', signal: controller.signal })
      try {
        for await (const _ of answer.events()) controller.abort(new Error('enough'))
      } catch (error) {
        return error.message
      }`)
    assert.equal(aborted, 'enough')
    await until(() => streamsOpen === 0)
  })

  test('has no environment to take a skill’s token from', async () => {
    const told = await run(`
      const { ClauthClient } = await import('/sdk/clauth/clauth-client.ts')
      try {
        new ClauthClient({ daemonUrl: location.origin })
      } catch (error) {
        return [error.code, new ClauthClient({ daemonUrl: location.origin, skillId: 'a', skillToken: 'b' }) !== undefined]
      }`)
    assert.deepEqual(told, ['CONFIG_ERROR', true])
  })

  test('verifies tokens there', async () => {
    const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const token = wire.token({ iss: own })
    const verified = await run(`
      const verifier = sdk.createVerifier({ issuer: location.origin, audience: 'svc_x' })
      const [good, bad] = [${JSON.stringify(token)}, ${JSON.stringify(`${token.slice(0, -4)}AAAA`)}]
      return [(await verifier.verify(good)).valid, (await verifier.verify(bad)).error]`)
    assert.deepEqual(verified, [true, 'bad_signature'])
  })
})
