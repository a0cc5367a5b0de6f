// The operators' listener: what it says to browsers, under which names it answers, and what reaches it through a proxy.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { chromium } from 'playwright-core'
import { asOperator, runs } from './instruments/command-line.ts'
import { Gateway, StartFailed } from './instruments/gateway.ts'
import { linkFor, Person } from './instruments/person.ts'
import { type Reply, send } from './instruments/send.ts'

const PUBLIC = 'https://claviger.example.com'
const env = {
  CLAVIGER_LIMIT_PEOPLE: 'off',
  CLAVIGER_PUBLIC_URL: PUBLIC,
  CLAVIGER_TRUSTED_PROXIES: '127.0.0.1',
}
/** As the proxy of the guide sends them. */
const proxied = { host: 'claviger.example.com', 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' }

describe('the operators’ listener', () => {
  let gateway: Gateway
  let port: number
  before(async () => {
    gateway = await Gateway.start({ env })
    const status = await gateway.does<{ operators: string; operatorPort: number }>('GET', '/status')
    assert.equal(status.operators, PUBLIC)
    port = status.operatorPort
  })
  after(() => gateway[Symbol.asyncDispose]())

  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> =>
    send({ port, method, path, headers: { host: `localhost:${port}`, ...headers } })

  test('says to browsers on every answer what may run and who may look, refusals too', async () => {
    const replies: [string, Reply][] = [
      ['a page', await ask('/')],
      ['a page within', await ask('/approvals/apr_1')],
      ['no file', await ask('/nothing.js')],
      ['the API', await ask('/claviger/v1/status')],
      ['no endpoint', await ask('/claviger/v1/nothing')],
      ['another Host', await ask('/', { host: 'evil.test' })],
      ['another site', await ask('/claviger/v1/status', { 'sec-fetch-site': 'cross-site' })],
      ['a wrong method', await ask('/', {}, 'POST')],
      ['an upgrade', await ask('/', { connection: 'upgrade', upgrade: 'websocket' })],
      ['the address', await ask('/', { host: `127.0.0.1:${port}` })],
    ]
    for (const [what, { headers, status }] of replies) {
      const csp = String(headers['content-security-policy'])
      for (const part of [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        'trusted-types claviger',
      ])
        assert.ok(csp.includes(part), `${what} (${status}): ${csp}`)
      assert.equal(headers['x-content-type-options'], 'nosniff', what)
      assert.equal(headers['referrer-policy'], 'no-referrer', what)
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin', what)
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', what)
      assert.match(String(headers['permissions-policy']), /publickey-credentials-get=\(self\)/, what)
    }
    assert.deepEqual(
      replies.map(([, { status }]) => status),
      [200, 200, 404, 401, 404, 421, 403, 405, 501, 307],
    )
  })

  test('sends whoever comes by the address on to the name that passkeys are good for', async () => {
    const { headers } = await ask('/enrol?x=1', { host: `127.0.0.1:${port}` })
    assert.equal(headers.location, `http://localhost:${port}/enrol?x=1`)
  })

  test('takes a link that another site leads to, and nothing else of it', async () => {
    const visit = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    assert.equal((await ask('/approvals/apr_1', visit)).status, 200)
    for (const other of [
      { ...visit, 'sec-fetch-dest': 'iframe' },
      { ...visit, 'sec-fetch-mode': 'no-cors' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      assert.equal((await ask('/approvals/apr_1', other)).code, 'cross_site_refused')
    assert.equal((await ask('/claviger/v1/status', visit)).code, 'cross_site_refused')
  })

  test('answers by its public name only what came over TLS to a proxy that it was told of', async () => {
    assert.equal((await ask('/', proxied)).status, 200)
    assert.equal((await ask('/', { host: proxied.host })).code, 'https_required')
    assert.equal((await ask('/', { ...proxied, 'x-forwarded-proto': 'http' })).code, 'https_required')
    assert.equal((await ask('/claviger/v1/health', { host: proxied.host })).code, 'https_required')
    const fromElsewhere = { ...proxied, host: 'localhost.evil.test' }
    assert.equal((await ask('/', fromElsewhere)).code, 'host_refused')
  })

  test('a passkey made there is good there, and not at localhost; one made at localhost says so', async () => {
    await gateway.does('POST', '/operators', { name: 'pia', role: 'approver' })
    const { link, token } = await linkFor(gateway, 'pia')
    assert.ok(link.startsWith(`${PUBLIC}/enrol#`))
    const away = new Person(gateway, { origin: PUBLIC, port, headers: proxied })
    assert.equal((await away.enrols(token)).status, 201)
    assert.equal((await away.signsIn()).status, 200)
    const here = new Person(gateway, { origin: `http://localhost:${port}`, port, authenticator: away.authenticator })
    assert.equal((await here.signsIn()).code, 'passkey_refused')
    here.cookie = away.cookie
    here.csrf = away.csrf
    assert.equal((await here.send('GET', '/people/session')).status, 401, 'its session neither')
    await gateway.does('POST', '/operators', { name: 'lou', role: 'auditor' })
    const lou = new Person(gateway, { origin: `http://localhost:${port}`, port })
    const made = await lou.enrols((await linkFor(gateway, 'lou')).token)
    assert.equal((made.json() as { thisMachineOnly: boolean }).thisMachineOnly, true)
    const { stdout } = await asOperator(gateway, 'passkey list --json')
    const { items } = JSON.parse(stdout) as { items: { operator: string; rpId: string; thisMachineOnly: boolean }[] }
    assert.deepEqual(
      items.map(({ operator, rpId, thisMachineOnly }) => [operator, rpId, thisMachineOnly]),
      [
        ['pia', 'claviger.example.com', false],
        ['lou', 'localhost', true],
      ],
    )
  })

  test('the command line lists and ends sessions, makes links, and keeps the last passkey', async () => {
    const { stdout } = await asOperator(gateway, 'session list --operator lou --json')
    const [session] = (JSON.parse(stdout) as { items: { id: string }[] }).items
    await asOperator(gateway, `session end ${session?.id}`)
    const { stdout: left } = await asOperator(gateway, 'session list --operator lou')
    assert.match(left, /nobody is signed in/)
    const listed = JSON.parse((await asOperator(gateway, 'passkey list --operator lou --json')).stdout)
    const refused = await asOperator(gateway, `passkey remove ${listed.items[0].id}`, 1)
    assert.match(refused.stderr, /last_passkey/)
    assert.match((await asOperator(gateway, 'operator link')).stdout, /https:\/\/claviger\.example\.com\/enrol#clv_iv_/)
    assert.match((await asOperator(gateway, 'operator add max --role auditor')).stdout, /\/enrol#clv_iv_/)
  })

  test('doctor says whether anybody can answer from elsewhere', async () => {
    const about = async (more: Record<string, string>) => {
      const { stdout } = await runs('doctor --json', { CLAVIGER_HOME: gateway.home, CLAVIGER_PORT: '0', ...more })
      const { items } = JSON.parse(stdout) as { items: { about: string; state: string; says: string }[] }
      return items.find((item) => item.about === 'operators')
    }
    assert.match((await about({}))?.says ?? '', /on this machine only/)
    const known = await about({ CLAVIGER_PUBLIC_URL: PUBLIC })
    assert.deepEqual([known?.state, /claviger\.example\.com/.test(known?.says ?? '')], ['ok', true])
    assert.match((await about({ CLAVIGER_OPERATOR_PORT: 'off' }))?.says ?? '', /no pages/)
  })

  test('is not there when it is off, and no link is made then; a port that was named and is taken stops the start', async () => {
    await using quiet = await Gateway.start({ env: { CLAVIGER_OPERATOR_PORT: 'off' } })
    assert.equal(quiet.ready.operators, undefined)
    assert.equal((await quiet.operator('POST', '/operators/self/link')).code, 'no_operator_pages')
    await asOperator(quiet, 'operator add sue --role auditor')
    const starting = Gateway.start({ env: { CLAVIGER_OPERATOR_PORT: String(port) } })
    await assert.rejects(starting, (error) => error instanceof StartFailed && error.code === 78)
  })
})

const CHROMIUM = '/usr/bin/chromium'

describe('a browser at the operators’ pages', { skip: existsSync(CHROMIUM) ? false : 'there is no Chromium' }, () => {
  test('keeps the session’s cookie over plain HTTP at localhost, and what it sends of it to other ports opens nothing', async () => {
    await using gateway = await Gateway.start()
    await gateway.does('POST', '/operators', { name: 'ann', role: 'owner' })
    const { link, token } = await linkFor(gateway, 'ann')
    const stolen: (string | undefined)[] = []
    const neighbour = createServer((request, response) => {
      stolen.push(request.headers.cookie)
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>dev server</title>')
    })
    await new Promise<void>((resolve) => neighbour.listen(0, '127.0.0.1', resolve))
    const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync']
    const browser = await chromium.launch({ executablePath: CHROMIUM, args })
    try {
      const context = await browser.newContext()
      const page = await context.newPage()
      const devtools = await context.newCDPSession(page)
      await devtools.send('WebAuthn.enable')
      const options = {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
      } as const
      const device = { ...options, isUserVerified: true, automaticPresenceSimulation: true }
      await devtools.send('WebAuthn.addVirtualAuthenticator', { options: device })
      await page.goto(link)
      const csrf = (await page.evaluate(`(${enrolIn})(${JSON.stringify(token)})`)) as string
      assert.equal(await page.evaluate(`(${asks})(${JSON.stringify(csrf)})`), 200)
      assert.equal(await page.evaluate(`(${asks})('')`), 401, 'the cookie alone opens nothing')
      const [cookie] = await context.cookies()
      assert.deepEqual(
        [cookie?.name, cookie?.secure, cookie?.httpOnly, cookie?.sameSite],
        ['__Host-clv', true, true, 'Strict'],
      )
      const { origin, port } = new URL(link)
      await page.goto(`http://localhost:${(neighbour.address() as AddressInfo).port}/`)
      const header = stolen.find((text) => text?.includes('__Host-clv='))
      assert.ok(header !== undefined, 'browsers do not know ports')
      const replay = { host: `localhost:${port}`, origin, cookie: header, 'sec-fetch-site': 'same-origin' }
      const path = '/claviger/v1/people/session'
      assert.equal((await send({ port: Number(port), method: 'GET', path, headers: replay })).status, 401)
    } finally {
      await browser.close()
      neighbour.close()
    }
  })
})

/** Runs in the page: makes a passkey by the link's token; the csrf token. */
const enrolIn = `async (token) => {
  const post = async (path, body) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch('/claviger/v1/people/enrol/' + path, { method: 'POST', headers, body: JSON.stringify(body) })
    return answer.json()
  }
  const { options } = await post('start', { token })
  const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
  return (await post('complete', { token, name: 'chromium', response: made.toJSON() })).csrf
}`
const asks = `(csrf) => fetch('/claviger/v1/people/session', { headers: { 'claviger-csrf': csrf } }).then((answer) => answer.status)`
