// Both guards in real servers: Fastify, Express with the guard below a path, and node:http calling `(request, response, next)`.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import expressApp from 'express'
import { type FastifyInstance, fastify } from 'fastify'
import { newKey, sha256url, signed } from '../testing/issuer.ts'
import { WireServer } from '../testing/wire-server.ts'
import { createVerifier, type VerifierOptions } from '../verify/verifier.ts'
import * as express from './express.ts'
import * as fastifyGuard from './fastify.ts'
import type { GuardOptions } from './guard.ts'

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly json: Record<string, unknown>
}
interface Served {
  readonly url: string
  close(): Promise<void>
}

let issuer: WireServer
before(async () => {
  issuer = await WireServer.start()
})
beforeEach(() => {
  issuer.jwks = () => ({ keys: [{ ...issuer.key.jwk, kid: issuer.key.kid, alg: 'ES256', use: 'sig' }] })
})
after(() => issuer.close())

/** Options are made when the address is known. */
type Options = (url: string) => GuardOptions

async function serveConnect(options: Options): Promise<Served> {
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    guard(incoming, response, (error) => {
      response.statusCode = error === undefined ? 200 : 500
      response.end(JSON.stringify(error === undefined ? { sub: express.agentOf(incoming).sub } : {}))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const guard = express.requireAgent(options(url))
  return { url, close: async () => void server.close() }
}

/** Below a path: Express cuts it from `url` then, and a proof names the whole. */
async function serveExpress(options: Options): Promise<Served> {
  const app = expressApp()
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const router = expressApp.Router().use(express.requireAgent(options(url)))
  router.get('/{*rest}', (incoming, reply) => void reply.json({ sub: express.agentOf(incoming).sub }))
  app.use('/a', router)
  return { url, close: async () => void server.close() }
}

async function serveFastify(options: Options): Promise<Served> {
  const app: FastifyInstance = fastify()
  let guard: ReturnType<typeof fastifyGuard.requireAgent> | undefined
  app.get('/*', { onRequest: async (incoming, reply) => guard?.(incoming, reply) }, async (incoming) => ({
    sub: fastifyGuard.agentOf(incoming).sub,
  }))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  guard = fastifyGuard.requireAgent(options(url))
  return { url, close: () => app.close() }
}

/** Headers as they are, repeated ones too. */
function get(url: string, headers: readonly string[] = []): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const host = ['host', new URL(url).host]
    const asked = request(url, { headers: [...host, ...headers] as never, agent: false }, async (response) => {
      let body = ''
      for await (const chunk of response.setEncoding('utf8')) body += chunk
      resolve({ status: response.statusCode ?? 0, headers: response.headers, json: JSON.parse(body || '{}') })
    })
    asked.on('error', reject).end()
  })
}

const verifier = (more: Partial<VerifierOptions> = {}) =>
  createVerifier({ issuer: issuer.url, audience: 'svc_x', ...more })

for (const [name, serve] of [
  ['connect', serveConnect],
  ['express', serveExpress],
  ['fastify', serveFastify],
] as const) {
  describe(`requireAgent() of ${name}`, () => {
    const serving = async (options: Options, work: (url: string) => Promise<void>) => {
      const served = await serve(options)
      try {
        await work(served.url)
      } finally {
        await served.close()
      }
    }

    test('lets an agent in, and says who it is', () =>
      serving(
        () => ({ verifier: verifier(), scopes: ['read'] }),
        async (url) => {
          const answer = await get(`${url}/a`, ['authorization', `bearer ${issuer.token({ scope: 'read' })}`])
          assert.deepEqual([answer.status, answer.json], [200, { sub: 'agent_a' }])
        },
      ))

    test('lets in whose roles give the permissions that are wanted, whatever scope the token names', () =>
      serving(
        () => ({ verifier: verifier(), permissions: ['orders.read'] }),
        async (url) => {
          const come = (claims: object) => get(`${url}/a`, ['authorization', `Bearer ${issuer.token(claims)}`])
          assert.equal((await come({ permissions: ['orders.create', 'orders.read'] })).status, 200)
          for (const claims of [{}, { scope: 'orders.read' }, { permissions: [] }, { permissions: 'orders.read' }]) {
            const { status, json } = await come(claims)
            assert.deepEqual([status, json.code], [403, 'permission_missing'])
          }
        },
      ))

    test('refuses with the status, code and challenge of the standards', () =>
      serving(
        () => ({ verifier: verifier(), scopes: ['read'] }),
        async (url) => {
          const expired = issuer.token({ exp: 1 })
          const good = issuer.token({ scope: 'read' })
          const cases: readonly (readonly [headers: string[], status: number, code: string, challenge: string])[] = [
            [[], 401, 'token_missing', 'Bearer scope="read"'],
            [
              ['authorization', `Bearer ${expired}`],
              401,
              'token_expired',
              'Bearer error="invalid_token", scope="read"',
            ],
            [
              ['authorization', `Bearer ${issuer.token()}`],
              403,
              'scope_missing',
              'Bearer error="insufficient_scope", scope="read"',
            ],
            [['authorization', 'Bearer x'], 401, 'token_malformed', 'Bearer error="invalid_token", scope="read"'],
            [['authorization', good], 400, 'authorization_invalid', 'Bearer error="invalid_request", scope="read"'],
            [
              ['authorization', 'Basic eDp5'],
              400,
              'authorization_invalid',
              'Bearer error="invalid_request", scope="read"',
            ],
            [
              ['authorization', `Bearer ${good}, Bearer ${good}`],
              400,
              'authorization_invalid',
              'Bearer error="invalid_request", scope="read"',
            ],
            [
              ['authorization', `Bearer ${good}`, 'authorization', `Bearer ${good}`],
              400,
              'authorization_invalid',
              'Bearer error="invalid_request", scope="read"',
            ],
          ]
          for (const [headers, status, code, challenge] of cases) {
            const answer = await get(`${url}/a?access_token=${good}`, headers)
            assert.deepEqual(
              [answer.status, answer.json.code, answer.headers['www-authenticate']],
              [status, code, challenge],
            )
            assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
          }
        },
      ))

    test('answers 503 and lets nobody in while the issuer’s keys cannot be had', () =>
      serving(
        () => ({ verifier: verifier() }),
        async (url) => {
          issuer.jwks = () => ({})
          const answer = await get(`${url}/a`, ['authorization', `Bearer ${issuer.token()}`])
          assert.deepEqual([answer.status, answer.json.code], [503, 'jwks_unavailable'])
          assert.equal(answer.headers['retry-after'], '5')
        },
      ))

    test('takes a bound token with its proof, for this address and only once', () =>
      serving(
        (url) => ({ verifier: verifier(), origin: url }),
        async (url) => {
          const key = newKey()
          const token = issuer.token({ cnf: { jkt: key.kid } })
          const proof = (htu: string) => {
            const claims = { htm: 'GET', htu, iat: Math.floor(Date.now() / 1000), jti: `${Math.random()}` }
            return signed(key, { alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk }, { ...claims, ath: sha256url(token) })
          }
          const once = proof(`${url}/a/b`)
          const ask = (...headers: string[]) => get(`${url}/a/b?x=1`, ['authorization', `DPoP ${token}`, ...headers])
          assert.equal((await ask('dpop', once)).status, 200)
          assert.equal((await ask('dpop', once)).json.code, 'token_proof_replayed')
          assert.equal((await ask('dpop', proof('https://evil.test/a/b'), 'x-forwarded-host', 'evil.test')).status, 401)
          assert.equal((await ask('dpop', proof(`${url}/a/b`), 'dpop', proof(`${url}/a/b`))).status, 401)
          const bare = await ask()
          assert.equal(bare.json.code, 'token_proof_missing')
          assert.match(String(bare.headers['www-authenticate']), /DPoP error="invalid_dpop_proof", algs="ES256"$/)
          const asBearer = await get(`${url}/a/b`, ['authorization', `Bearer ${token}`, 'dpop', proof(`${url}/a/b`)])
          assert.equal(asBearer.json.code, 'token_proof_missing')
        },
      ))

    test('gives its nonce when the proof needs one', () =>
      serving(
        (url) => ({ verifier: verifier({ isOwnNonce: (nonce) => nonce === 'n-1' }), origin: url, nonce: () => 'n-1' }),
        async (url) => {
          const key = newKey()
          const token = issuer.token({ cnf: { jkt: key.kid } })
          const claims = { htm: 'GET', htu: `${url}/a`, iat: Math.floor(Date.now() / 1000), ath: sha256url(token) }
          const ask = (more: object) =>
            get(`${url}/a`, [
              ...['authorization', `DPoP ${token}`, 'dpop'],
              signed(
                key,
                { alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk },
                { ...claims, jti: `${Math.random()}`, ...more },
              ),
            ])
          const first = await ask({})
          assert.deepEqual([first.status, first.json.code, first.headers['dpop-nonce']], [401, 'use_dpop_nonce', 'n-1'])
          assert.equal((await ask({ nonce: 'n-1' })).status, 200)
        },
      ))

    test('refuses bound tokens where it was not told its own address', () =>
      serving(
        () => ({ verifier: verifier() }),
        async (url) => {
          const token = issuer.token({ cnf: { jkt: 'x' } })
          assert.equal((await get(`${url}/a`, ['authorization', `DPoP ${token}`])).status, 401)
        },
      ))
  })
}

describe('GuardOptions', () => {
  test('take an origin and nothing more', () => {
    for (const origin of ['https://x/', 'https://u@x', 'x', 'https://x?y']) {
      assert.throws(() => express.requireAgent({ verifier: verifier(), origin }), TypeError)
      assert.throws(() => fastifyGuard.requireAgent({ verifier: verifier(), origin }), TypeError)
    }
  })

  test('agentOf() throws for a request that nobody judged', () => {
    assert.throws(() => express.agentOf({}), TypeError)
    assert.throws(() => fastifyGuard.agentOf({}), TypeError)
  })
})
