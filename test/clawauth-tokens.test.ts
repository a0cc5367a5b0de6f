// What the tokens of the ClawAuth door are good for, and what somebody gets who steals them, forges them, or has the database.
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, type KeyObject } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { toDer } from '../sdk/src/signature.ts'
import { fromKey } from '../src/crypto/p256.ts'
import { signed } from '../src/identity/oauth/jwt-forgeries.support.ts'
import {
  ask,
  ClawAuthClient,
  type DoorTokens,
  type RelyingService,
  refused,
  relyingService,
} from './instruments/clawauth-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { claimsOf, dpopProof, headerOf, newKeys, pemOf } from './instruments/proofs.ts'

let gateway: Gateway
let shop: RelyingService
let bank: RelyingService
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
  shop = await relyingService(gateway, 'shop')
  bank = await relyingService(gateway, 'bank')
  await gateway.does('PUT', '/relying/shop/roles/buyer', { permissions: ['orders.read'] })
})
after(() => gateway[Symbol.asyncDispose]())

let count = 0
const client = () => {
  count += 1
  return ClawAuthClient.register(gateway, `holder-${count}`)
}
interface Said {
  readonly valid: boolean
  readonly error?: string
  readonly agent?: { readonly roles: string[]; readonly permissions: string[]; readonly email: string }
}
async function verify(token: string, key = shop.key, more: object = {}): Promise<Said> {
  const reply = await ask(gateway, 'POST /auth/verify', { token: key, body: { token, ...more } })
  assert.equal(reply.status, 200, reply.text())
  return reply.json() as Said
}
const errorOf = async (token: string, key?: string, more?: object) => (await verify(token, key, more)).error

describe('a token', () => {
  test('is for the audience of its challenge, or the default service, and for nobody else (CA-03, F-05)', async () => {
    const agent = await client()
    const { accessToken, refreshToken } = await agent.signIn(shop.id)
    assert.equal((await verify(accessToken)).valid, true)
    assert.equal(await errorOf(accessToken, bank.key), 'wrong_audience')
    const refreshed = await ask(gateway, 'POST /auth/refresh', { body: { refreshToken } })
    assert.equal(await errorOf((refreshed.json() as DoorTokens).accessToken, bank.key), 'wrong_audience')
    // At the gateway itself it opens nothing either.
    const log = await ask(gateway, `GET /agents/${agent.id}/auth-log`, { token: accessToken })
    refused(log, 401, 'INVALID_TOKEN')
    assert.equal(claimsOf((await agent.signIn()).accessToken).aud, gateway.url)
    await gateway.does('PUT', '/relying/bank/default')
    const byDefault = await agent.signIn()
    assert.equal((await verify(byDefault.accessToken, bank.key)).valid, true)
    assert.equal(await errorOf(byDefault.accessToken), 'wrong_audience')
  })

  test('that is forged is never valid, whatever it says of its algorithm (CA-08, F-04)', async (t) => {
    const agent = await client()
    const { accessToken } = await agent.signIn(shop.id)
    const [head, body, signature] = accessToken.split('.') as [string, string, string]
    const header: { kid: string } = headerOf(accessToken)
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const { keys } = (await gateway.agent('GET', '/.well-known/jwks.json')).json() as { keys: { kid: string }[] }
    const jwk = keys.find(({ kid }) => kid === header.kid) as Record<string, string>
    const pem = publicPem(jwk)
    const hmac = (secret: string | Buffer, more: object = {}) => {
      const input = `${encode({ ...header, alg: 'HS256', ...more })}.${body}`
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
    }
    const mine = newKeys().privateKey
    const own = (more: object = {}) => signed(`${encode({ ...header, ...more })}.${body}`, mine)
    const forged: Record<string, string> = {
      none: `${encode({ ...header, alg: 'none' })}.${body}.`,
      'none, with the signature': `${encode({ ...header, alg: 'none' })}.${body}.${signature}`,
      None: `${encode({ ...header, alg: 'None' })}.${body}.`,
      'HS256 by the public key in PEM': hmac(pem),
      'HS256 by the public key in PEM, trimmed': hmac(pem.trim()),
      'HS256 by the public key in DER': hmac(fromKey(keyOf(jwk)).spki),
      'HS256 by the JWK': hmac(JSON.stringify(jwk)),
      'HS256 by nothing': hmac(''),
      ES384: `${encode({ ...header, alg: 'ES384' })}.${body}.${signature}`,
      ES256K: `${encode({ ...header, alg: 'ES256K' })}.${body}.${signature}`,
      'no alg': `${encode({ typ: 'JWT', kid: header.kid })}.${body}.${signature}`,
      'another key under our kid': own(),
      'a key that it brings along': own({ jwk: fromKey(mine).jwk }),
      'a key that it points to': own({ jku: 'https://elsewhere.example/jwks.json' }),
      'a kid that is a path': own({ kid: '../../../../dev/null' }),
      'a kid that is nobody': own({ kid: 'nobody' }),
      'no kid': own({ kid: undefined }),
      crit: own({ crit: ['exp'] }),
      'unencoded payload': own({ b64: false, crit: ['b64'] }),
      'a claim changed': `${head}.${encode({ ...claimsOf(accessToken), aud: shop.id, trustScore: 10 })}.${signature}`,
      'no signature': `${head}.${body}.`,
      'two parts': `${head}.${body}`,
      'four parts': `${accessToken}.x`,
      'another typ': own({ typ: 'at+jwt' }),
      padded: `${accessToken}=`,
      'signature in DER': `${head}.${body}.${Buffer.from(toDer(Buffer.from(signature, 'base64url'))).toString('base64url')}`,
    }
    const said: Record<string, string | undefined> = {}
    for (const [what, token] of Object.entries(forged)) {
      const { valid, error } = await verify(token)
      assert.equal(valid, false, what)
      assert.ok(['bad_signature', 'malformed'].includes(error as string), `${what}: ${error}`)
      said[what] = error
    }
    t.diagnostic(`${Object.keys(forged).length} forgeries, 0 accepted`)
    assert.equal((await verify(accessToken)).valid, true)
  })

  test('of another algorithm is bad_signature, in the words of the contract (CA-08)', async () => {
    const { accessToken } = await (await client()).signIn(shop.id)
    const body = accessToken.split('.')[1]
    const header: object = headerOf(accessToken)
    for (const alg of ['HS256', 'none']) {
      const input = `${Buffer.from(JSON.stringify({ ...header, alg })).toString('base64url')}.${body}`
      const mac = alg === 'none' ? '' : createHmac('sha256', 'x').update(input).digest('base64url')
      assert.equal(await errorOf(`${input}.${mac}`), 'bad_signature', alg)
    }
  })

  test('holds while the signing keys rotate, and not after the one that signed it is revoked (CA-06, F-11)', async () => {
    const agent = await client()
    const { accessToken } = await agent.signIn(shop.id)
    assert.equal((await verify(accessToken)).valid, true)
    await gateway.does('POST', '/signing-keys/rotate', { emergency: true })
    assert.equal(await errorOf(accessToken), 'bad_signature')
    const next = await agent.signIn(shop.id)
    assert.equal((await verify(next.accessToken)).valid, true)
    assert.notEqual(headerOf(next.accessToken).kid, headerOf(accessToken).kid)
  })
})

describe('revocation (CA-07)', () => {
  test('of an agent, its key or its token is seen at once: verified, refreshed, obtained', async () => {
    const ends: Record<string, (agent: ClawAuthClient, tokens: DoorTokens) => Promise<unknown>> = {
      agent: ({ id }) => gateway.does('POST', `/agents/${id}/revoke`),
      key: ({ id, keyId }) => gateway.does('DELETE', `/agents/${id}/keys/${keyId}`),
      token: (_agent, { accessToken: token }) => ask(gateway, 'POST /auth/revoke', { body: { token } }),
      everybody: () => gateway.does('POST', '/emergency-revoke'),
    }
    for (const [what, end] of Object.entries(ends)) {
      const agent = await client()
      const tokens = await agent.signIn(shop.id)
      assert.equal((await verify(tokens.accessToken)).valid, true, what)
      await end(agent, tokens)
      const { valid, error } = await verify(tokens.accessToken)
      assert.equal(valid, false, what)
      assert.ok(['revoked', 'agent_inactive'].includes(error as string), `${what}: ${error}`)
      const { refreshToken } = tokens
      const refreshed = await ask(gateway, 'POST /auth/refresh', { body: { refreshToken } })
      assert.ok([401, 403].includes(refreshed.status), `${what}: ${refreshed.status}`)
      const again = await agent.byInput(await agent.challenge())
      assert.equal(again.status === 200, what === 'token', `${what}: ${again.status}`)
    }
  })
})

describe('a role (CA-13)', () => {
  test('ends by itself, in tokens and at verification, and is its service’s alone', async () => {
    const agent = await client()
    await gateway.does('PUT', '/relying/bank/roles/buyer', { permissions: ['accounts.read'] })
    const give = (key: string, expiresAt?: string) =>
      ask(gateway, `POST /agents/${agent.id}/roles`, { token: key, body: { roleId: 'buyer', expiresAt } })
    const end = Date.now() + 4_000
    assert.equal((await give(shop.key, new Date(end).toISOString())).status, 201)
    const { accessToken } = await agent.signIn(shop.id)
    if (Date.now() < end - 2_000) {
      assert.deepEqual(claimsOf(accessToken).roles, ['buyer'])
      assert.deepEqual((await verify(accessToken)).agent?.permissions, ['orders.read'])
    }
    const forBank = (await agent.signIn(bank.id)).accessToken
    assert.deepEqual((await verify(forBank, bank.key)).agent?.roles, [])
    while (Date.now() <= end) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual((await verify(accessToken)).agent?.roles, [])
    assert.deepEqual(claimsOf((await agent.signIn(shop.id)).accessToken).roles, [])
    assert.deepEqual((await verify(forBank, bank.key)).agent?.permissions, [])
  })
})

describe('an e-mail address (CA-10)', () => {
  test('is told to services of the same owner alone', async () => {
    const agent = await client()
    // Owner left out: the operator, who registered the agent too.
    const own = await gateway.does<{ id: string; owner: string }>('POST', '/relying', { name: 'own' })
    const { key } = await gateway.does<{ key: string }>('POST', '/relying/own/keys', {})
    const emails = async (of: { id: string; key: string }) => {
      const { accessToken } = await agent.signIn(of.id)
      const shown = await ask(gateway, `GET /agents/${agent.id}`, { token: of.key })
      return [(await verify(accessToken, of.key)).agent?.email, (shown.json() as { email: string }).email]
    }
    assert.match((await emails({ id: own.id, key }))[0] as string, /^holder-\d+@example\.com$/)
    assert.match((await emails({ id: own.id, key }))[1] as string, /^holder-\d+@example\.com$/)
    assert.deepEqual(await emails(shop), ['', ''])
  })
})

describe('a token that is bound to a key (CA-04, F-09)', () => {
  const { privateKey } = newKeys()
  const at = 'https://shop.example/orders'

  test('is worth nothing to whoever has it alone, at the service, at the gateway and for a refresh', async () => {
    const agent = await client()
    const { accessToken, refreshToken } = await agent.signIn(shop.id, {
      dpop: dpopProof(privateKey, 'POST', `${gateway.url}/auth/authenticate`),
    })
    const { jkt } = claimsOf(accessToken).cnf as { jkt: string }
    assert.equal(jkt, fromKey(privateKey).thumbprint)
    const shown = (proof: string, more: object = {}) => ({ dpop: { proof, method: 'POST', url: at, ...more } })
    const good = dpopProof(privateKey, 'POST', at, accessToken)
    assert.equal(await errorOf(accessToken), 'bad_signature')
    assert.equal((await verify(accessToken, shop.key, shown(good))).valid, true)
    const bad: Record<string, object> = {
      'the same again': shown(good),
      'another method': shown(dpopProof(privateKey, 'GET', at, accessToken)),
      'another address': shown(dpopProof(privateKey, 'POST', `${at}/1`, accessToken)),
      'another token': shown(dpopProof(privateKey, 'POST', at, `${accessToken}x`)),
      'no token': shown(dpopProof(privateKey, 'POST', at)),
      'another key': shown(dpopProof(newKeys().privateKey, 'POST', at, accessToken)),
      'no proof': shown('x'),
    }
    for (const [what, more] of Object.entries(bad))
      assert.equal(await errorOf(accessToken, shop.key, more), 'bad_signature', what)

    const refresh = async (key?: KeyObject) =>
      ask(gateway, 'POST /auth/refresh', {
        body: { refreshToken },
        headers: key === undefined ? {} : { dpop: dpopProof(key, 'POST', `${gateway.url}/auth/refresh`) },
      })
    refused(await refresh(), 401, 'INVALID_TOKEN')
    refused(await refresh(newKeys().privateKey), 401, 'INVALID_TOKEN')
    const renewed = await refresh(privateKey)
    assert.equal(renewed.status, 200, renewed.text())
    assert.deepEqual(claimsOf((renewed.json() as DoorTokens).accessToken).cnf, { jkt })
  })

  test('is not made of a bad proof', async () => {
    const agent = await client()
    const url = `${gateway.url}/auth/authenticate`
    for (const proof of ['x', dpopProof(privateKey, 'GET', url), dpopProof(privateKey, 'POST', `${url}x`)]) {
      const reply = await agent.byInput(await agent.challenge(), undefined, { dpop: proof })
      refused(reply, 401, 'INVALID_SIGNATURE')
    }
  })
})

describe('whoever has the database (CA-06, F-07)', () => {
  test('finds no service key, no token, no secret of a webhook and no private key', async () => {
    const agent = await client()
    const tokens = await agent.signIn(shop.id)
    const { secret } = (
      await ask(gateway, 'POST /webhooks', {
        token: shop.key,
        body: { url: 'https://hooks.example.com/x', events: ['token.revoked'] },
      })
    ).json() as { secret: string }
    const hidden = [shop.key, tokens.accessToken, tokens.refreshToken, secret, gateway.operatorToken]
    for (const text of [...hidden]) {
      const body = text.slice(text.lastIndexOf('_') + 1)
      // What follows the last `_` of a signature may be a letter or two, which stand in any file.
      if (body.length < 16) continue
      hidden.push(body, Buffer.from(body).toString('hex'), Buffer.from(body).toString('base64').replace(/=+$/, ''))
    }
    const bytes = [
      Buffer.from(secret.slice('whsec_'.length), 'base64'),
      agent.keys.privateKey.export({ type: 'pkcs8', format: 'der' }),
    ]
    let read = 0
    for (const name of readdirSync(gateway.home, { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue
      const file = readFileSync(join(name.parentPath, name.name))
      read += file.length
      for (const text of hidden) assert.equal(file.includes(text), false, `${name.name} holds ${text.slice(0, 6)}…`)
      for (const one of bytes) assert.equal(file.includes(one), false, name.name)
    }
    assert.ok(read > 100_000, `${read} bytes were read`)
  })
})

describe('while the vault is sealed', () => {
  test('every answer says so: 503, and no proof is called bad', async () => {
    const agent = await client()
    const { accessToken, refreshToken } = await agent.signIn(shop.id)
    const challenge = await agent.challenge()
    await gateway.does('POST', '/seal')
    const replies = {
      verify: await ask(gateway, 'POST /auth/verify', { token: shop.key, body: { token: accessToken } }),
      refresh: await ask(gateway, 'POST /auth/refresh', { body: { refreshToken } }),
      challenge: await ask(gateway, 'POST /auth/challenge', { body: { agentId: agent.id } }),
      authenticate: await agent.byInput(challenge),
      revoke: await ask(gateway, 'POST /auth/revoke', { body: { token: accessToken } }),
    }
    await gateway.does('POST', '/unseal', { keyFile: true })
    for (const [what, reply] of Object.entries(replies)) assert.equal(reply.status, 503, what)
  })
})

const keyOf = (jwk: Record<string, string>) => createPublicKey({ key: jwk, format: 'jwk' })
const publicPem = (jwk: Record<string, string>) => pemOf(keyOf(jwk))
