import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { ClavigerError } from '../claviger-error.ts'
import { generateKeyPair, generatePemKeyPair } from '../keys.ts'
import { readPublicKey } from '../public-key.ts'
import { pemSigner, type Signer, webCryptoSigner } from '../signer.ts'
import { WireServer } from '../testing/wire-server.ts'
import { AgentClient, type AgentClientOptions } from './agent-client.ts'

let server: WireServer
let signer: Signer
before(async () => {
  server = await WireServer.start()
  signer = await webCryptoSigner(await generateKeyPair())
})
beforeEach(() => {
  server.requests.length = 0
  server.agents.clear()
  Object.assign(server, { lifeSeconds: 300, namedIssuer: undefined, nonce: undefined, skewMs: 0 })
  server.addAgent('agent_a', signer.publicKey as string)
})
after(() => server.close())

const client = (more: Partial<AgentClientOptions> = {}) =>
  new AgentClient({ baseUrl: server.url, agentId: 'agent_a', signer, ...more })
const challenges = () => server.count('/claviger/v1/auth/challenge')
const refreshes = () => server.count('/claviger/v1/auth/refresh')

describe('AgentClient.register()', () => {
  test('registers a key with proof that it is held', async () => {
    const own = await pemSigner((await generatePemKeyPair()).privateKey)
    const options = { baseUrl: server.url, name: 'b', signer: own, invite: 'clv_iv_1', attestation: { kind: 'tpm' } }
    const registered = await AgentClient.register(options)
    const { thumbprint } = await readPublicKey(own.publicKey)
    assert.equal(registered.status, 'active')
    assert.equal(registered.thumbprint, thumbprint)
    assert.deepEqual(JSON.parse(server.requests.at(-1)?.body ?? '').attestation, { kind: 'tpm' })
    const agent = client({ agentId: registered.agentId, signer: own })
    assert.equal((await agent.self()).agentId, 'agent_b')
  })

  test('throws the gateway’s refusal with its code, hint and request id', async () => {
    const options = { baseUrl: server.url, name: 'b', signer, invite: 'clv_iv_used' }
    await assert.rejects(AgentClient.register(options), (error: ClavigerError) => {
      assert.ok(error instanceof ClavigerError)
      assert.deepEqual(
        [error.code, error.status, error.hint, error.requestId],
        ['invite_invalid', 410, 'none', 'req_1'],
      )
      return true
    })
  })

  test('makes no proof for an issuer that is not where it was told to go', async () => {
    server.namedIssuer = 'https://keys.example.com'
    const options = { baseUrl: server.url, name: 'b', signer }
    await assert.rejects(AgentClient.register(options), { code: 'issuer_mismatch' })
    assert.equal(server.count('/claviger/v1/agents/register'), 0)
  })
})

describe('AgentClient authentication', () => {
  test('proves itself with the first call, and not again while its token is fresh', async () => {
    const agent = client()
    const answers = await Promise.all(Array.from({ length: 8 }, () => agent.fetch('svc', '/x')))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    await agent.fetch('svc', '/x')
    assert.deepEqual([challenges(), refreshes()], [1, 0])
  })

  test('refreshes once for all who wait, when the token nears its end', async () => {
    let now = Date.now()
    const agent = client({ now: () => now })
    const first = await agent.accessToken()
    now += 281_000
    const later = await Promise.all(Array.from({ length: 8 }, () => agent.accessToken()))
    assert.equal(new Set([first, ...later]).size, 2)
    assert.deepEqual([challenges(), refreshes()], [1, 1])
  })

  test('proves itself anew when the refresh token is refused', async () => {
    let now = Date.now()
    const agent = client({ now: () => now })
    await agent.accessToken()
    for (const session of server.sessions) session.revoked = true
    now += 400_000
    assert.equal((await agent.fetch('svc', '/x')).status, 200)
    assert.deepEqual([challenges(), refreshes()], [2, 1])
  })

  test('dates its proof by the gateway’s clock', async () => {
    server.skewMs = 3_600_000
    await client().authenticate()
  })

  test('signs nothing for another issuer, whoever asks', async () => {
    server.namedIssuer = 'https://keys.example.com'
    await assert.rejects(client().authenticate(), { code: 'issuer_mismatch' })
    await assert.rejects(client({ issuer: 'https://other.example' }).authenticate(), { code: 'issuer_mismatch' })
    assert.equal(server.count('/claviger/v1/auth/token'), 0)
    server.namedIssuer = server.url
    await client({ issuer: server.url }).authenticate()
  })

  test('takes another name of this machine for the same issuer, and another port not', async () => {
    server.namedIssuer = server.url.replace('127.0.0.1', 'localhost')
    await client().authenticate()
    server.namedIssuer = 'http://127.0.0.1:1'
    await assert.rejects(client().authenticate(), { code: 'issuer_mismatch' })
  })

  test('throws the refusal of a key that is not the agent’s, and stays usable', async () => {
    server.agents.clear()
    const agent = client()
    await assert.rejects(agent.fetch('svc', '/x'), { code: 'proof_refused', status: 401 })
    server.addAgent('agent_a', signer.publicKey as string)
    assert.equal((await agent.fetch('svc', '/x')).status, 200)
  })

  test('throws what a signer does that signs with another key', async () => {
    const wrong = { publicKey: signer.publicKey, sign: async () => new Uint8Array(64) }
    await assert.rejects(client({ signer: wrong }).authenticate(), { code: 'signer_failed' })
  })
})

describe('AgentClient.fetch()', () => {
  test('sends path, query, headers and body as they are, with its token', async () => {
    const init = { method: 'post', body: 'hi', headers: { 'x-a': 'b', authorization: 'Bearer mine', dpop: 'x' } }
    const answer = await client().fetch('my svc', '/v1/items/%2F?a=1&b=%20', init)
    assert.deepEqual(await answer.json(), { agent: 'agent_a', path: '/to/my%20svc/v1/items/%2F?a=1&b=%20', body: 'hi' })
    const { headers, method } = server.requests.at(-1) as (typeof server.requests)[number]
    assert.deepEqual([method, headers['x-a'], headers.dpop], ['POST', 'b', undefined])
    assert.match(headers.authorization ?? '', /^Bearer ey/)
  })

  for (const path of [
    '',
    'x',
    '//../x',
    '/../../claviger/v1/auth/self',
    '/%2e%2e/x',
    '/a/./b',
    '/a\\..\\b',
    '/a\nb',
    '/a#b',
    '/ä',
    '/a b',
    '@evil.test/',
  ]) {
    test(`refuses the path ${JSON.stringify(path)}, which would arrive as another`, async () => {
      await assert.rejects(client().fetch('svc', path), { code: 'path_invalid' })
      assert.equal(server.requests.length, 0)
    })
  }

  for (const service of ['', '.', '..']) {
    test(`refuses the service ${JSON.stringify(service)}`, async () => {
      await assert.rejects(client().fetch(service, '/x'), { code: 'path_invalid' })
    })
  }

  test('asks once more with other tokens after the gateway’s own 401, not after the upstream’s', async () => {
    const agent = client()
    await agent.fetch('svc', '/x')
    for (const session of server.sessions) session.revoked = true
    const answer = await agent.fetch('svc', '/x', { method: 'POST', body: 'again' })
    assert.deepEqual([answer.status, ((await answer.json()) as { body: string }).body], [200, 'again'])
    server.requests.length = 0
    assert.equal((await agent.fetch('svc', '/x?status=401')).status, 401)
    assert.equal(server.requests.length, 1)
  })

  test('gives back the 401 when the body cannot be sent twice', async () => {
    const agent = client()
    await agent.fetch('svc', '/x')
    for (const session of server.sessions) session.revoked = true
    const body = new ReadableStream({ pull: (controller) => controller.close() })
    const answer = await agent.fetch('svc', '/x', { method: 'POST', body, duplex: 'half' } as RequestInit)
    assert.equal(answer.status, 401)
  })

  test('follows no redirect of an upstream', async () => {
    const answer = await client().fetch('svc', '/x?status=302')
    assert.deepEqual([answer.status, answer.headers.get('location')], [302, '/elsewhere'])
    assert.equal(server.count('/elsewhere'), 0)
  })
})

describe('AgentClient with DPoP', () => {
  test('binds tokens, and proves every call by itself', async () => {
    const agent = client({ dpop: true })
    const answers = await Promise.all(Array.from({ length: 4 }, (_, i) => agent.fetch('svc', `/x?n=${i}`)))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.match(server.requests.at(-1)?.headers.authorization ?? '', /^DPoP ey/)
    assert.equal((await agent.self()).agentId, 'agent_a')
  })

  test('puts the server’s nonce in as soon as it is asked to, at every endpoint', async () => {
    server.nonce = 'n-1'
    let now = Date.now()
    const agent = client({ dpop: true, now: () => now })
    assert.equal((await agent.fetch('svc', '/x')).status, 200)
    server.nonce = 'n-2'
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => agent.fetch('svc', '/x', { body: 'b', method: 'PUT' })),
    )
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    server.nonce = 'n-3'
    now += 290_000
    assert.equal((await agent.fetch('svc', '/x')).status, 200)
    assert.deepEqual([challenges(), refreshes()], [1, 2])
  })

  test('proves with a given signer’s key', async () => {
    const agent = client({ dpop: signer })
    await agent.authenticate()
    assert.equal(server.sessions.at(-1)?.jkt, (await readPublicKey(signer.publicKey)).thumbprint)
  })

  test('refuses a token of another kind than it asked for', async () => {
    const strip = (url: string, init: RequestInit) => {
      const headers = new Headers(init.headers)
      headers.delete('dpop')
      return fetch(url, { ...init, headers })
    }
    await assert.rejects(client({ dpop: true, fetch: strip }).authenticate(), { code: 'token_type_unexpected' })
  })

  test('gives headers for a service that takes the tokens directly', async () => {
    const agent = client({ dpop: true, audience: 'svc_x' })
    const headers = await agent.headersFor('get', 'https://api.example.com/v1?x=1')
    const [, payload = ''] = headers.dpop?.split('.') ?? []
    const proof = JSON.parse(Buffer.from(payload, 'base64url').toString())
    assert.deepEqual([proof.htm, proof.htu], ['GET', 'https://api.example.com/v1'])
    assert.match(headers.authorization ?? '', /^DPoP /)
  })
})

describe('AgentClient keys and end', () => {
  test('puts a new key in the place of the old: registered by the old, tried, the old removed', async () => {
    const agent = client()
    const next = await webCryptoSigner(await generateKeyPair())
    const added = await agent.rotateKey(next)
    assert.deepEqual([...(server.agents.get('agent_a')?.keys() ?? [])], [added.thumbprint])
    await agent.authenticate()
    await assert.rejects(client().authenticate(), { code: 'proof_refused' })
  })

  test('keeps the old key when the new one cannot prove itself', async () => {
    const { thumbprint } = await readPublicKey(signer.publicKey)
    const good = await webCryptoSigner(await generateKeyPair())
    let signatures = 0
    const broken: Signer = {
      publicKey: good.publicKey,
      sign: async (bytes) => (++signatures > 1 ? new Uint8Array(1) : good.sign(bytes)),
    }
    const agent = client()
    await assert.rejects(agent.rotateKey(broken), { code: 'signer_failed' })
    assert.ok(server.agents.get('agent_a')?.has(thumbprint))
    await agent.authenticate()
  })

  test('ends its tokens at the gateway', async () => {
    const agent = client()
    await agent.authenticate()
    await agent.logout()
    assert.equal(server.sessions.at(-1)?.revoked, true)
    assert.equal(server.count('/claviger/v1/auth/revoke'), 2)
  })
})

describe('baseUrl', () => {
  for (const baseUrl of [
    'http://keys.example.com',
    'ftp://x',
    'https://u:p@x',
    'https://x?y',
    'https://x#y',
    'x',
    '',
  ]) {
    test(`refuses ${JSON.stringify(baseUrl)}`, () => {
      assert.throws(() => client({ baseUrl }), { code: 'base_url_invalid' })
    })
  }

  test('says when nobody answers, and when the answer is no answer', async () => {
    await assert.rejects(client({ baseUrl: 'http://127.0.0.1:1' }).authenticate(), { code: 'gateway_unreachable' })
    const page = async () => new Response('<html>', { status: 200 })
    await assert.rejects(client({ fetch: page }).authenticate(), { code: 'answer_invalid' })
    const large = async () => new Response('x'.repeat(2_000_000), { status: 500 })
    await assert.rejects(client({ fetch: large }).authenticate(), { code: 'answer_invalid' })
  })
})
