// The client against a daemon written from Clauth's documentation: what it sends, and what it makes of every kind of answer.
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { ClauthClient, ClauthError } from './clauth-client.ts'

interface Seen {
  readonly line: string
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

const TOKEN = 'a'.repeat(43)
const challengeId = '3f0e5b0e-4d6c-4b8e-9a55-0f6f3a1c7d11'
const proof = {
  ...{ challengeId, provider: 'github', accountId: 'octocat', method: 'signed-challenge' },
  ...{ verifiedAt: '2026-11-21T02:00:00.000Z', signature: 'ab' },
}
const refusal = (code: string, message: string) => ({ error: { code, message } })

/** Line of the request → status and body. The rest is 404, as the daemon says it. */
const routes: Record<string, (body: Record<string, string>) => readonly [number, unknown]> = {
  'GET /health': () => [200, { ok: true, service: 'clauth', version: '0.1.0' }],
  'GET /clauth/v1/status': () => [200, { vaultUnlocked: true, transport: 'tcp', auditIntegrity: { valid: true } }],
  'POST /clauth/v1/proxy': ({ scope, endpoint }) => {
    if (scope !== 'github:read') return [403, refusal('ACCESS_DENIED', `No active grant for scope '${scope}'.`)]
    const body = new URL(endpoint ?? '').pathname === '/binary' ? 'AP/+gA==' : { login: 'octocat' }
    const more = typeof body === 'string' ? { bodyEncoding: 'base64' } : {}
    return [200, { status: 404, headers: { 'content-type': 'application/json' }, body, ...more }]
  },
  'POST /clauth/v1/identity/challenge': () => [
    200,
    { challengeId, expiresAt: proof.verifiedAt, challenge: 'c'.repeat(43) },
  ],
  'POST /clauth/v1/identity/verify': ({ proof: given }) => [
    200,
    { status: given === 'right' ? 'verified' : 'pending' },
  ],
  [`GET /clauth/v1/identity/challenge/${challengeId}/status`]: () => [200, { status: 'pending' }],
  'GET /clauth/v1/identity/proofs?skillId=my%20skill': () => [200, { proofs: [proof] }],
}

let seen: Seen[] = []
let broken: readonly [status: number, text: string, headers?: Record<string, string>] | undefined
const server = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  const line = `${request.method} ${request.url}`
  const body = text === '' ? {} : JSON.parse(text)
  seen.push({ line, headers: request.headers, body })
  if (broken !== undefined) return void response.writeHead(broken[0], broken[2]).end(broken[1])
  const known = request.headers['x-clauth-skill-token'] === TOKEN || !line.includes('/proxy')
  const unknown = known
    ? [404, refusal('NOT_FOUND', 'Route not found')]
    : [401, refusal('UNAUTHORIZED', 'Invalid skill token')]
  const [status, json] = (known ? routes[line]?.(body) : undefined) ?? unknown
  response.writeHead(status as number, { 'content-type': 'application/json' }).end(JSON.stringify(json))
})
let daemonUrl: string
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  daemonUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

const variables = ['CLAUTH_DAEMON_URL', 'CLAUTH_SKILL_ID', 'CLAUTH_SKILL_TOKEN', 'CLAUTH_ALLOW_INSECURE_HTTP']
beforeEach(() => {
  seen = []
  broken = undefined
})
afterEach(() => {
  for (const name of variables) delete process.env[name]
})

const skillId = 'my skill'
const client = (more: object = {}) => new ClauthClient({ daemonUrl, skillId, skillToken: TOKEN, ...more })

describe('ClauthClient configuration', () => {
  for (const [name, options] of [
    ['no id', { skillToken: TOKEN }],
    ['no token', { skillId }],
    ['an empty id', { skillId: '', skillToken: TOKEN }],
    ['no address', { skillId, skillToken: TOKEN, daemonUrl: 'localhost' }],
    ['plain http to another machine', { skillId, skillToken: TOKEN, daemonUrl: 'http://clauth.example:4317' }],
  ] as const) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => new ClauthClient(options),
        (error: unknown) => {
          assert.ok(error instanceof ClauthError && error instanceof Error)
          assert.ok(!error.message.includes(TOKEN))
          assert.deepEqual([error.code, error.statusCode, error.name], ['CONFIG_ERROR', 0, 'ClauthError'])
          return true
        },
      )
    })
  }

  test('takes the environment for what is left out, and takes one slash off', async () => {
    process.env.CLAUTH_DAEMON_URL = `${daemonUrl}/`
    process.env.CLAUTH_SKILL_ID = skillId
    process.env.CLAUTH_SKILL_TOKEN = TOKEN
    await new ClauthClient().listIdentityProofs()
    assert.deepEqual(
      [seen[0]?.line, seen[0]?.headers['x-clauth-skill-token']],
      ['GET /clauth/v1/identity/proofs?skillId=my%20skill', TOKEN],
    )
    await new ClauthClient({ skillToken: 'b' }).verifyIdentity(challengeId, 'x')
    assert.equal(seen[1]?.headers['x-clauth-skill-token'], 'b')
  })

  test('goes in plain http to another machine where that was allowed', () => {
    process.env.CLAUTH_ALLOW_INSECURE_HTTP = '1'
    client({ daemonUrl: 'http://clauth.example:4317' })
    assert.throws(() => client({ daemonUrl: 'ftp://clauth.example' }), { code: 'CONFIG_ERROR' })
  })
})

describe('ClauthClient.fetch()', () => {
  const endpoint = 'https://api.github.com/user'

  test('posts all eight fields with one header for who calls, and gives exactly three', async () => {
    const options = { method: 'POST', headers: { 'x-a': 'b' }, body: { a: [1] } }
    const answer = await client().fetch('github', 'main', 'github:read', endpoint, options)
    assert.deepEqual(answer, {
      status: 404,
      headers: { 'content-type': 'application/json' },
      body: { login: 'octocat' },
    })
    const asked = { skillId, provider: 'github', credentialHandle: 'main', scope: 'github:read', endpoint, ...options }
    assert.deepEqual(seen[0]?.body, asked)
    const own = Object.keys(seen[0]?.headers ?? {}).filter((name) => /^(content-type|authorization|x-)/.test(name))
    assert.deepEqual(own.sort(), ['content-type', 'x-clauth-skill-token'])
    assert.equal(seen[0]?.headers['content-type'], 'application/json')
    const binary = await client().fetch('github', 'main', 'github:read', 'https://api.github.com/binary')
    assert.deepEqual(Object.keys(binary).sort(), ['body', 'headers', 'status'])
    const { method, headers, body } = (seen[1] as Seen).body as Record<string, unknown>
    assert.deepEqual([method, headers, body], ['GET', {}, null])
  })

  for (const [name, answer, code, message] of [
    ['no JSON', [502, '<html>'], 'PROXY_ERROR', 'Proxy returned 502'],
    ['JSON without an error', [500, '{}'], 'PROXY_ERROR', 'Proxy returned 500'],
    ['null', [500, 'null'], 'PROXY_ERROR', 'Proxy returned 500'],
    ['a code alone', [403, '{"error":{"code":"ACCESS_DENIED"}}'], 'ACCESS_DENIED', 'Proxy returned 403'],
    ['a redirect', [307, '', { location: '/elsewhere' }], 'PROXY_ERROR', 'Proxy returned 307'],
  ] as const) {
    test(`throws ClauthError for ${name}, and tries nothing again`, async () => {
      broken = answer
      const call = client().fetch('github', 'main', 'github:read', endpoint)
      await assert.rejects(call, { name: 'ClauthError', code, message, statusCode: answer[0] })
      assert.equal(seen.length, 1)
    })
  }

  test('throws the daemon’s code, text and status', async () => {
    const denied = client().fetch('github', 'main', 'github:write', endpoint)
    const message = "No active grant for scope 'github:write'."
    await assert.rejects(denied, { code: 'ACCESS_DENIED', statusCode: 403, message })
    const stranger = client({ skillToken: 'wrong' }).fetch('github', 'main', 'github:read', endpoint)
    await assert.rejects(stranger, { code: 'UNAUTHORIZED', statusCode: 401 })
  })
})

describe('ClauthClient besides', () => {
  test('says whether the daemon is well, and never throws for it', async () => {
    assert.equal(await client().health(), true)
    broken = [503, '']
    assert.equal(await client().health(), false)
    assert.equal(await client({ daemonUrl: 'http://127.0.0.1:1' }).health(), false)
  })

  test('gives the status as it is', async () => {
    const status = { vaultUnlocked: true, transport: 'tcp', auditIntegrity: { valid: true } }
    assert.deepEqual(await client().status(), status)
  })

  test('makes, verifies, follows and lists identity challenges', async () => {
    const made = await client().createIdentityChallenge('github', 'octocat')
    assert.equal(made.challengeId, challengeId)
    assert.deepEqual(seen[0]?.body, { skillId, provider: 'github', accountId: 'octocat' })
    assert.equal((await client().verifyIdentity(challengeId, 'right')).status, 'verified')
    assert.deepEqual(seen[1]?.body, { skillId, challengeId, proof: 'right' })
    assert.deepEqual(await client().getIdentityStatus(challengeId), { status: 'pending' })
    assert.deepEqual(await client().listIdentityProofs(), [proof])
    await assert.rejects(client().getIdentityStatus('../../proxy'), { code: 'NOT_FOUND', statusCode: 404 })
    assert.equal(seen.at(-1)?.line, 'GET /clauth/v1/identity/challenge/..%2F..%2Fproxy/status')
    broken = [500, '{}']
    await assert.rejects(client().verifyIdentity(challengeId, 'x'), { code: 'IDENTITY_ERROR', statusCode: 500 })
  })

  test('builds the proof of a signed challenge', () => {
    assert.equal(client().buildSignedChallengeProof('main', 'c'), '{"credentialHandle":"main","challenge":"c"}')
    const named = client().buildSignedChallengeProof('main', 'c', 'octocat')
    assert.deepEqual(JSON.parse(named), { credentialHandle: 'main', challenge: 'c', accountId: 'octocat' })
  })
})
