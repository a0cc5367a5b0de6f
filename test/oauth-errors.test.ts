import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Gateway } from './instruments/gateway.ts'
import { OAuthAgent } from './instruments/oauth-agent.ts'
import { type Reply, send } from './instruments/send.ts'

const FORM = 'application/x-www-form-urlencoded'
const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

describe('the OAuth endpoints', () => {
  let gateway: Gateway
  let agent: OAuthAgent
  before(async () => {
    gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
    agent = await OAuthAgent.add(gateway, 'coder')
  })
  after(() => gateway[Symbol.asyncDispose]())

  const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Reply> =>
    gateway.agent('POST', path, { body, headers: { 'content-type': FORM, ...headers } })
  const errorOf = (reply: Reply) => (reply.json() as { error: string }).error

  const refused: readonly (readonly [string, string, number, string, Record<string, string>?])[] = [
    ['nothing', '', 400, 'invalid_request'],
    ['no grant type', 'scope=a:b', 400, 'invalid_request'],
    ['an empty grant type', 'grant_type=', 400, 'invalid_request'],
    ['a grant type twice', 'grant_type=client_credentials&grant_type=client_credentials', 400, 'invalid_request'],
    ['a grant type that is not there', 'grant_type=password&username=a&password=b', 400, 'unsupported_grant_type'],
    ['a code', 'grant_type=authorization_code&code=x', 400, 'unsupported_grant_type'],
    ['JSON', '{"grant_type":"client_credentials"}', 400, 'invalid_request', { 'content-type': 'application/json' }],
    ['text', 'grant_type=client_credentials', 400, 'invalid_request', { 'content-type': 'text/plain' }],
    ['a form that is too large', `grant_type=${'x'.repeat(20_000)}`, 400, 'invalid_request'],
    ['a form that is no form', 'grant_type=%zz', 400, 'invalid_request'],
    ['nobody', 'grant_type=client_credentials', 401, 'invalid_client'],
    [
      'a stranger',
      `grant_type=client_credentials&client_assertion=x&client_assertion_type=${jwtBearer}`,
      401,
      'invalid_client',
    ],
    ['a refresh without a token', 'grant_type=refresh_token', 400, 'invalid_request'],
    ['a refresh by nobody', `grant_type=refresh_token&refresh_token=rf_${'0'.repeat(43)}`, 401, 'invalid_client'],
    ['a proof that is none', 'grant_type=client_credentials', 400, 'invalid_dpop_proof', { dpop: 'x' }],
    ['two proofs', 'grant_type=client_credentials', 400, 'invalid_dpop_proof', { dpop: 'x', DPoP: 'x' }],
  ]
  for (const [what, body, status, error, headers] of refused) {
    test(`refuse ${what} as RFC 6749 §5.2 words it`, async () => {
      const reply = await post('/oauth/token', body, headers)
      const { error: said, error_description: why, ...more } = reply.json() as Record<string, string>
      assert.deepEqual([reply.status, said, more], [status, error, {}])
      assert.match(why!, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
      assert.match(reply.headers['content-type']!, /^application\/json/)
      assert.deepEqual([reply.headers['cache-control'], reply.headers.pragma], ['no-store', 'no-cache'])
      assert.equal(reply.headers['www-authenticate'], undefined)
    })
  }

  test('say in those words what is not there, and keep its status', async () => {
    const { status, headers, json } = await gateway.agent('GET', '/oauth/authorize')
    assert.deepEqual([status, errorOf({ json } as Reply)], [404, 'invalid_request'])
    assert.match(headers['content-type']!, /^application\/json/)
    assert.equal((await gateway.agent('GET', '/oauth/token')).status, 405)
  })

  test('challenge whoever tried the Authorization header, in its scheme', async () => {
    for (const [authorization, scheme] of [
      [`Basic ${Buffer.from('a:b').toString('base64')}`, 'Basic'],
      ['Bearer svc_0', 'Bearer'],
    ] as const) {
      for (const path of ['/oauth/token', '/oauth/introspect']) {
        const reply = await post(path, 'grant_type=client_credentials&token=x', { authorization })
        assert.deepEqual([reply.status, errorOf(reply)], [401, 'invalid_client'])
        assert.equal(reply.headers['www-authenticate'], `${scheme} realm="claviger"`)
      }
    }
  })

  test('want a token to introspect or revoke, and somebody to tell', async () => {
    for (const path of ['/oauth/introspect', '/oauth/revoke']) {
      const reply = await post(path, 'token_type_hint=access_token')
      assert.deepEqual([reply.status, errorOf(reply)], [400, 'invalid_request'])
    }
    assert.equal((await post('/oauth/introspect', 'token=x')).status, 401)
    const revoked = await post('/oauth/revoke', 'token=x&token_type_hint=nonsense')
    assert.deepEqual([revoked.status, revoked.json()], [200, {}])
    const badly = await post('/oauth/revoke', `token=x&client_assertion=x&client_assertion_type=${jwtBearer}`)
    assert.equal(badly.status, 401)
  })

  test('are posted to alone', async () => {
    for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke']) {
      assert.equal((await gateway.agent('GET', `${path}?grant_type=client_credentials`)).status, 405)
    }
    const reply = await post('/oauth/token?grant_type=client_credentials', '')
    assert.deepEqual([reply.status, errorOf(reply)], [400, 'invalid_request'])
  })

  test('tell an operator on the own socket everything, and on no other way', async () => {
    const { access_token: token } = await agent.clientCredentials()
    const headers = { 'content-type': FORM, authorization: `Bearer ${gateway.operatorToken}`, host: 'localhost' }
    const asked = { method: 'POST', path: '/oauth/introspect', body: `token=${token}`, headers }
    const here = (await send({ socketPath: gateway.socketPath, ...asked })).json() as { active: boolean; sub: string }
    assert.deepEqual([here.active, here.sub], [true, agent.id])
    assert.equal(
      (await post('/oauth/introspect', `token=${token}`, { authorization: headers.authorization })).status,
      401,
    )
  })

  test('give out the same bytes of metadata to everybody, to be kept (F-13)', async () => {
    for (const name of ['oauth-authorization-server', 'oauth-protected-resource']) {
      const replies = await Promise.all([0, 1].map(() => gateway.agent('GET', `/.well-known/${name}`)))
      assert.deepEqual(replies[0]!.body, replies[1]!.body)
      assert.equal(replies[0]!.headers['cache-control'], 'public, max-age=300')
    }
  })

  test('know nobody while the vault is sealed, and say that', async () => {
    await gateway.does('POST', '/seal')
    for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke']) {
      const reply = await post(path, 'grant_type=client_credentials&token=x')
      assert.deepEqual([reply.status, errorOf(reply)], [503, 'temporarily_unavailable'])
    }
  })
})
