// How often somebody may try at the ClawGate door: by address, and by whoever it is about.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { approve, ClawGateClient, refusedAs } from './instruments/clawgate-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { Person } from './instruments/person.ts'
import { type Reply, send } from './instruments/send.ts'

const REGISTRATION = { CLAVIGER_CLAWGATE_REGISTRATION: 'open' }
const PROXY = '203.0.113.'

function post(gateway: Gateway, path: string, body: object, from = 1): Promise<Reply> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': `${PROXY}${from}` }
  return send({ port: gateway.port, method: 'POST', path: `/api/v1${path}`, headers, body: JSON.stringify(body) })
}

function limited(reply: Reply): void {
  assert.deepEqual(refusedAs(reply), [429, 'RATE_LIMITED'])
  assert.ok(Number(reply.headers['retry-after']) > 0)
}

describe('an address', () => {
  let gateway: Gateway
  before(async () => {
    const env = { ...REGISTRATION, CLAVIGER_DEMO: 'off', CLAVIGER_TRUSTED_PROXIES: '127.0.0.1' }
    gateway = await Gateway.start({
      env: {
        ...env,
        CLAVIGER_LIMIT_PEOPLE: '3/h',
        CLAVIGER_LIMIT_REGISTER: '3/h',
        CLAVIGER_CLAWGATE_VERIFY_PER_MINUTE: '3',
      },
    })
  })
  after(() => gateway[Symbol.asyncDispose]())

  const tries: readonly [path: string, body: (at: number) => object][] = [
    ['/auth/register', (at) => ({ email: `a${at}@example.com` })],
    ['/auth/verify-email', () => ({ code: 'x' })],
    ['/passkey/authenticate/start', (at) => ({ email: `a${at}@example.com` })],
    ['/passkey/authenticate/complete', () => ({})],
    ['/auth/recover', (at) => ({ email: `a${at}@example.com`, recoveryCode: 'x' })],
    ['/approval/verify-token', () => ({ token: 'x' })],
  ]
  for (const [at, [path, body]] of tries.entries()) {
    test(`may ask ${path} so often, and another address is not hindered by it`, async () => {
      const [one, other] = [10 + at, 100 + at]
      for (let count = 0; count < 3; count += 1)
        assert.notEqual((await post(gateway, path, body(count), one)).status, 429, `${path} ${count}`)
      limited(await post(gateway, path, body(3), one))
      assert.notEqual((await post(gateway, path, body(4), other)).status, 429)
    })
  }
})

describe('an account', () => {
  let gateway: Gateway
  let ann: Person
  before(async () => {
    const env = { ...REGISTRATION, CLAVIGER_DEMO: 'off', CLAVIGER_TRUSTED_PROXIES: '127.0.0.1' }
    gateway = await Gateway.start({
      env: { ...env, CLAVIGER_CLAWGATE_ACCOUNT_PER_MINUTE: '2', CLAVIGER_CLAWGATE_VERIFY_PER_MINUTE: '2' },
    })
    ann = await Person.enrolled(gateway, 'ann', 'owner')
  })
  after(() => gateway[Symbol.asyncDispose]())

  /** From another address each time. */
  let from = 0
  function tries(path: string, body: object): Promise<Reply> {
    from += 1
    return post(gateway, path, body, from)
  }

  for (const [path, body, other] of [
    ['/auth/register', { email: 'A@example.com' }, { email: 'b@example.com' }],
    ['/passkey/authenticate/start', { email: 'A@example.com' }, { email: 'b@example.com' }],
    ['/auth/recover', { email: 'A@example.com', recoveryCode: 'x' }, { email: 'b@example.com', recoveryCode: 'x' }],
  ] as const) {
    test(`is asked about at ${path} so often, from wherever, and another is not hindered by it`, async () => {
      for (let count = 0; count < 2; count += 1) assert.notEqual((await tries(path, body)).status, 429)
      limited(await tries(path, { ...body, email: 'a@EXAMPLE.com' }))
      assert.notEqual((await tries(path, other)).status, 429)
    })
  }

  test('is signed in to so often by whatever answers its passkey gives', async () => {
    const answer = async () => {
      const options = (await tries('/passkey/authenticate/start', {})).json()
      return ann.authenticator.get(options as never, ann.origin, { origin: 'https://evil.test' })
    }
    for (let count = 0; count < 2; count += 1)
      assert.equal((await tries('/passkey/authenticate/complete', await answer())).status, 403)
    limited(await tries('/passkey/authenticate/complete', await answer()))
  })

  test('has its approval tokens looked at so often; what is no token of ours counts for no agent', async () => {
    await gateway.does('POST', '/agents', { name: 'my-agent' })
    const { key } = await gateway.does<{ key: string }>('POST', '/clawgate/api-keys', { agent: 'my-agent', name: 'a' })
    const own = new ClawGateClient(gateway, key)
    const { requestId } = await own.request()
    await approve(ann, requestId)
    const { token = '' } = await own.status(requestId)
    const forged = `${token.slice(0, -4)}AAAA`
    for (let count = 0; count < 4; count += 1)
      assert.equal((await tries('/approval/verify-token', { token: forged })).status, 200)
    for (let count = 0; count < 2; count += 1)
      assert.match((await tries('/approval/verify-token', { token })).text(), /"valid":true/)
    limited(await tries('/approval/verify-token', { token }))
  })
})
