// Which web pages may use the ClawGate door: those that are listed, and no other, whatever they look like.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Authenticator } from './instruments/authenticator.ts'
import { Gateway } from './instruments/gateway.ts'
import { linkFor, Person } from './instruments/person.ts'
import { type Reply, send } from './instruments/send.ts'

const [LISTED, APP] = ['https://front.example.com', 'https://app.example.org']
const PATH = '/api/v1/approval/verify-token'
const ASKED = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }

let gateway: Gateway
before(async () => {
  const env = {
    CLAVIGER_DEMO: 'off',
    CLAVIGER_CLAWGATE_ORIGINS: LISTED,
    CLAVIGER_CLAWGATE_PASSKEY_ORIGINS: `${APP}=example.org`,
  }
  gateway = await Gateway.start({ env })
})
after(() => gateway[Symbol.asyncDispose]())

const sends = (method: string, path: string, headers: Record<string, string>, body?: object): Promise<Reply> =>
  send({ port: gateway.port, method, path, headers, body: body && JSON.stringify(body) })

/** What a browser is told of who may read the answer. */
const allowed = ({ headers }: Reply) => [
  headers['access-control-allow-origin'],
  headers['access-control-allow-credentials'],
]

describe('a page of another origin', () => {
  const foreign = [
    'null',
    'https://front.example.com.evil.test',
    'https://evil-front.example.com',
    'https://evil.front.example.com',
    'https://front.example.com:8443',
    'http://front.example.com',
    'https://FRONT.example.com',
    'https://front.example.com/',
    'https://front.example.com, https://evil.test',
    'https://front.example.com@evil.test',
    'https://example.org',
    'https://evil.test',
    '*',
    '',
  ]
  for (const origin of foreign) {
    test(`is refused where it says to be ${origin || '(nothing)'}`, async () => {
      for (const site of ['same-site', 'cross-site']) {
        const asked = await sends('OPTIONS', PATH, { origin, 'sec-fetch-site': site, ...ASKED })
        const reply = await sends('POST', PATH, { origin, 'sec-fetch-site': site }, { token: 'x' })
        assert.deepEqual([asked.status, reply.status], [403, 403], site)
        for (const one of [asked, reply]) assert.deepEqual(allowed(one), [undefined, undefined])
      }
    })
  }

  for (const origin of [LISTED, APP]) {
    test(`is let in where it is ${origin}, from another site too, without the browser’s own credentials`, async () => {
      const head = { origin, 'sec-fetch-site': 'cross-site' }
      const asked = await sends('OPTIONS', PATH, { ...head, ...ASKED })
      assert.deepEqual([asked.status, asked.text()], [204, ''])
      assert.equal(asked.headers['access-control-allow-methods'], 'GET, POST, DELETE')
      assert.equal(asked.headers['access-control-allow-headers'], 'authorization, content-type, x-api-key')
      const reply = await sends('POST', PATH, head, { token: 'x' })
      assert.deepEqual(reply.json(), { valid: false, error: 'malformed' })
      const refused = await sends('GET', '/api/v1/auth/me', head)
      assert.equal(refused.status, 401)
      for (const one of [asked, reply, refused]) {
        assert.deepEqual(allowed(one), [origin, undefined])
        assert.equal(one.headers.vary, 'Origin')
      }
    })
  }

  test('opens nothing but that door', async () => {
    for (const path of ['/claviger/v1/call', '/claviger/v1/health', '/to/demo/']) {
      const reply = await sends('OPTIONS', path, { origin: LISTED, 'sec-fetch-site': 'cross-site', ...ASKED })
      assert.equal(reply.status, 403, path)
      assert.deepEqual(allowed(reply), [undefined, undefined])
    }
    const pages = gateway.ready.operators as string
    const { port, host } = new URL(pages)
    const headers = { host, origin: LISTED, 'content-type': 'application/json' }
    const reply = await send({ port: Number(port), method: 'POST', path: '/claviger/v1/people/sign-in/start', headers })
    assert.equal(reply.code, 'origin_refused')
  })

  test('is none where no `Origin` comes, and then the answer has no leave for anybody', async () => {
    const reply = await sends('POST', PATH, {}, { token: 'x' })
    assert.equal(reply.status, 200)
    assert.deepEqual(allowed(reply), [undefined, undefined])
    assert.equal(reply.headers.vary, 'Origin')
    assert.equal((await sends('OPTIONS', PATH, ASKED)).status, 404)
  })
})

describe('a passkey at a page of the door’s own', () => {
  test('is made and used there for the name that the setting says, and not at the operators’ pages', async () => {
    await gateway.does('POST', '/operators', { name: 'ann', role: 'owner' })
    const person = new Person(gateway)
    await person.enrols((await linkFor(gateway, 'ann')).token)
    const [recoveryCode = ''] = person.recoveryCodes
    const recovered = await ask('/auth/recover', { email: 'ann', recoveryCode })
    const session = (recovered.json() as { token: string }).token
    const made = new Authenticator()
    const options = (await ask('/passkey/register/start', {}, session)).json() as { rp: { id: string } }
    assert.equal(options.rp.id, 'example.org')
    const added = await ask('/passkey/register/complete', made.create(options as never, APP), session)
    assert.equal(added.status, 201, added.text())
    const start = (await ask('/passkey/authenticate/start', {})).json()
    const signedIn = await ask('/passkey/authenticate/complete', made.get(start as never, APP))
    assert.equal(signedIn.status, 200, signedIn.text())
    const other = new Person(gateway, { authenticator: made })
    assert.notEqual((await other.signsIn()).status, 200)
  })
})

const ask = (path: string, body: object, session?: string) =>
  sends('POST', `/api/v1${path}`, { origin: APP, ...(session && { authorization: `Bearer ${session}` }) }, body)
