// The wire that the SDK speaks, served by node:http and judged by node:crypto: every signature, claim and binding of a request
// is looked at here, by other code than that which made it.
import { createHash, createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { named, newKey, opened, sha256url, signed, type TestKey } from './issuer.ts'

interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
interface Session {
  readonly agent: string
  readonly audience: string
  readonly jkt: string | undefined
  readonly accessToken: string
  readonly refreshToken: string
  refreshed: boolean
  revoked: boolean
}
type Reply = readonly [status: number, body: object, headers?: Record<string, string>]

const refuse = (status: number, code: string, headers?: Record<string, string>): Reply =>
  [status, { code, title: code, hint: 'none', requestId: 'req_1' }, headers ?? {}] as const

export class WireServer {
  readonly requests: Seen[] = []
  readonly key: TestKey = newKey()
  readonly agents = new Map<string, Map<string, KeyObject>>()
  readonly sessions: Session[] = []
  lifeSeconds = 300
  /** What the challenge names as issuer; the server's own address if not set. */
  namedIssuer: string | undefined
  /** The door offers its bound form. */
  offersBound = true
  /** Wanted in every DPoP proof when set. */
  nonce: string | undefined
  /** Added to the time of the answers. */
  skewMs = 0
  jwks: () => object = () => ({ keys: [{ ...this.key.jwk, kid: this.key.kid, alg: 'ES256', use: 'sig' }] })
  readonly #server: Server
  readonly #challenges = new Map<string, { agent: string; nonce: string; audience: string }>()
  readonly #proofs = new Set<string>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<WireServer> {
    const server = createServer()
    const own = new WireServer(server)
    server.on('request', async (request, response) => {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      const seen = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
      own.requests.push(seen)
      const [status, json, headers = {}] = own.#answer(seen)
      response.writeHead(status, {
        'content-type': status >= 400 ? 'application/problem+json' : 'application/json',
        date: new Date(Date.now() + own.skewMs).toUTCString(),
        ...headers,
      })
      response.end(JSON.stringify(json))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return own
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get issuer(): string {
    return this.namedIssuer ?? this.url
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  count(path: string): number {
    return this.requests.filter((request) => request.path === path).length
  }

  addAgent(id: string, publicKeyPem: string): void {
    const key = createPublicKey(publicKeyPem)
    const keys = this.agents.get(id) ?? new Map<string, KeyObject>()
    this.agents.set(id, keys.set(named(key).kid, key))
  }

  token(claims: object = {}, header: object = {}): string {
    const now = Math.floor(Date.now() / 1000)
    const usual = { iss: this.url, aud: 'svc_x', sub: 'agent_a', jti: randomBytes(8).toString('hex'), iat: now }
    const payload = { ...usual, exp: now + this.lifeSeconds, ...claims }
    return signed(this.key, { alg: 'ES256', typ: 'at+jwt', kid: this.key.kid, ...header }, payload)
  }

  #answer(seen: Seen): Reply {
    const body = () => JSON.parse(seen.body) as Record<string, string>
    const name = `${seen.method} ${seen.path}`
    if (seen.path.startsWith('/to/')) return this.#call(seen)
    if (name === 'GET /.well-known/jwks.json') return [200, this.jwks()]
    if (name === 'GET /.well-known/oauth-authorization-server') return [200, { issuer: this.issuer }]
    if (name === 'POST /oauth/introspect') return this.#introspect(seen)
    if (name === 'POST /claviger/v1/agents/register') return this.#register(body())
    if (name === 'POST /claviger/v1/auth/challenge') return this.#challenge(body(), false)
    if (name === 'POST /claviger/v1/auth/token') return this.#token(seen, body())
    if (name === 'POST /claviger/v1/auth/refresh') return this.#refresh(seen, body().refreshToken)
    if (name === 'POST /claviger/v1/auth/revoke') return this.#revoke(body().token)
    if (name === 'GET /claviger/v1/auth/self') return this.#self(seen)
    if (seen.path.startsWith('/claviger/v1/agents/self/keys')) return this.#keys(seen)
    if (name === 'POST /auth/register') return this.#doorRegister(body())
    if (name === 'POST /auth/challenge') return this.#challenge(body(), true)
    if (name === 'POST /auth/authenticate') return this.#authenticate(body())
    if (name === 'POST /auth/refresh') return this.#refresh(seen, body().refreshToken)
    return refuse(404, 'not_found')
  }

  #register({ publicKey = '', proof = '', name = '', invite }: Record<string, string>): Reply {
    const thumbprint = this.#possession(publicKey, proof)
    if (thumbprint === undefined) return refuse(401, 'proof_invalid')
    if (invite === 'clv_iv_used') return refuse(410, 'invite_invalid')
    this.addAgent(`agent_${name}`, publicKey)
    const status = invite === undefined ? 'pending' : 'active'
    return [201, { agentId: `agent_${name}`, keyId: `key_${thumbprint.slice(0, 8)}`, thumbprint, status }]
  }

  #possession(publicKey: string, proof: string): string | undefined {
    const key = createPublicKey(publicKey)
    const { kid, jwk } = named(key)
    const read = opened(proof, ({ jwk: own }) => (JSON.stringify(own) === JSON.stringify(jwk) ? key : undefined))
    const { aud, iat, exp, thumbprint } = (read?.payload ?? {}) as Record<string, unknown>
    const timely = Number(exp) - Number(iat) <= 60 && Number(exp) * 1000 > Date.now()
    const good = read?.header.typ === 'clv-register+jwt' && aud === this.issuer && thumbprint === kid && timely
    return good ? kid : undefined
  }

  #challenge({ agentId = '', audience }: Record<string, string>, door: boolean): Reply {
    const challengeId = `chal_${randomBytes(8).toString('hex')}`
    const nonce = randomBytes(32).toString('hex')
    const issuer = this.issuer
    const expiresAt = new Date(Date.now() + 300_000).toISOString()
    this.#challenges.set(challengeId, { agent: agentId, nonce, audience: audience ?? issuer })
    if (!door) return [200, { challengeId, nonce, issuer, audience: audience ?? issuer, expiresAt }]
    const signingInput = ['clawauth-v2', issuer, agentId, challengeId, audience ?? '-', nonce].join('\n')
    return [200, { challengeId, nonce, expiresAt, ...(this.offersBound && { signingInput, version: 2 }) }]
  }

  #token(seen: Seen, { challengeId = '', proof = '' }: Record<string, string>): Reply {
    const challenge = this.#challenges.get(challengeId)
    const read = opened(proof, ({ kid }) => this.agents.get(challenge?.agent ?? '')?.get(String(kid)))
    const { payload = {} } = read ?? {}
    const now = (Date.now() + this.skewMs) / 1000
    const timely = Number(payload.exp) - Number(payload.iat) <= 60 && Math.abs(Number(payload.iat) - now) < 10
    const own = payload.iss === challenge?.agent && payload.sub === challenge?.agent && payload.aud === this.issuer
    const good = read?.header.typ === 'clv-auth+jwt' && own && payload.nonce === challenge?.nonce && timely
    if (!good || challenge === undefined) return refuse(401, 'proof_refused')
    return this.#bound(seen, undefined, (jkt) => {
      this.#challenges.delete(challengeId)
      return this.#open(challenge.agent, challenge.audience, jkt)
    })
  }

  #doorRegister({ publicKey = '', proof, name = '' }: Record<string, string>): Reply {
    const key = createPublicKey(publicKey)
    const hash = createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex')
    const text = Buffer.from(`clawauth-register:sha256:${hash}`)
    const proved = proof !== undefined && verify('sha256', text, key, Buffer.from(proof, 'hex'))
    this.addAgent(`agent_${name}`, publicKey)
    return [201, { agentId: `agent_${name}`, publicKeyHash: `sha256:${hash}`, status: proved ? 'active' : 'pending' }]
  }

  #authenticate({ challengeId = '', signature = '', version }: Record<string, unknown>): Reply {
    const id = String(challengeId)
    const challenge = this.#challenges.get(id)
    if (challenge === undefined) return [401, { error: { code: 'INVALID_SIGNATURE', message: 'no', requestId: 'r' } }]
    const { agent, nonce, audience } = challenge
    const [aud, issuer] = [audience === this.issuer ? '-' : audience, this.issuer]
    const text = version === 2 ? ['clawauth-v2', issuer, agent, id, aud, nonce].join('\n') : nonce
    const keys = [...(this.agents.get(agent)?.values() ?? [])]
    const der = Buffer.from(String(signature), 'hex')
    const good = keys.some((key) => verify('sha256', Buffer.from(text), key, der))
    if (!good) return [401, { error: { code: 'INVALID_SIGNATURE', message: 'no', requestId: 'r' } }]
    this.#challenges.delete(id)
    return this.#open(agent, audience, undefined)
  }

  #open(agent: string, audience: string, jkt: string | undefined): Reply {
    const cnf = jkt === undefined ? {} : { cnf: { jkt } }
    const accessToken = this.token({ sub: agent, aud: audience, ...cnf })
    const refreshToken = `rf_${randomBytes(16).toString('hex')}`
    this.sessions.push({ agent, audience, jkt, accessToken, refreshToken, refreshed: false, revoked: false })
    const tokenType = jkt === undefined ? 'Bearer' : 'DPoP'
    return [200, { accessToken, refreshToken, tokenType, expiresIn: this.lifeSeconds, agentId: agent }]
  }

  #refresh(seen: Seen, refreshToken: string | undefined): Reply {
    const session = this.sessions.find((one) => one.refreshToken === refreshToken)
    if (session === undefined || session.revoked || session.refreshed) return refuse(401, 'refresh_invalid')
    return this.#bound(seen, undefined, (jkt) => {
      if (jkt !== session.jkt) return refuse(401, 'refresh_invalid')
      session.refreshed = true
      return this.#open(session.agent, session.audience, jkt)
    })
  }

  #revoke(token: string | undefined): Reply {
    const session = this.sessions.find((one) => [one.refreshToken, one.accessToken].includes(token ?? ''))
    if (session !== undefined) session.revoked = true
    return [200, { revoked: session !== undefined }]
  }

  #self(seen: Seen): Reply {
    return this.#authorized(seen, ({ agent }) => [
      200,
      { agentId: agent, name: agent.slice(6), status: 'active', expiresAt: Date.now() + 1000 },
    ])
  }

  #keys(seen: Seen): Reply {
    return this.#authorized(seen, ({ agent }) => {
      const keys = this.agents.get(agent) as Map<string, KeyObject>
      const shown = (kid: string) => ({ id: `key_${kid.slice(0, 8)}`, thumbprint: kid, status: 'active' })
      if (seen.method === 'GET') return [200, { items: [...keys.keys()].map(shown) }]
      if (seen.method === 'DELETE') {
        const id = seen.path.split('/').at(-1) ?? ''
        for (const kid of keys.keys()) if (id === `key_${kid.slice(0, 8)}`) keys.delete(kid)
        return [200, {}]
      }
      const { publicKey = '', proof = '' } = JSON.parse(seen.body) as Record<string, string>
      const thumbprint = this.#possession(publicKey, proof)
      if (thumbprint === undefined) return refuse(401, 'proof_invalid')
      this.addAgent(agent, publicKey)
      return [201, shown(thumbprint)]
    })
  }

  #call(seen: Seen): Reply {
    return this.#authorized(seen, ({ agent }) => {
      const status = Number(/[?&]status=(\d+)/.exec(seen.path)?.[1] ?? 200)
      const marked = { 'claviger-request-id': `call_${this.requests.length}` }
      const headers = status === 302 ? { ...marked, location: '/elsewhere' } : marked
      return [status, { agent, path: seen.path, body: seen.body }, headers]
    })
  }

  #authorized(seen: Seen, work: (session: Session) => Reply): Reply {
    const [scheme, token] = (seen.headers.authorization ?? '').split(' ')
    const session = this.sessions.find((one) => one.accessToken === token && !one.revoked)
    const byGateway = { 'proxy-status': 'claviger; error=http_request_denied' }
    if (session === undefined) return refuse(401, 'token_not_live', byGateway)
    if ((scheme === 'DPoP') !== (session.jkt !== undefined)) return refuse(401, 'token_not_live', byGateway)
    if (session.jkt === undefined) return work(session)
    return this.#bound(seen, session, () => work(session))
  }

  /** Judges the DPoP proof, if the request is to have one. */
  #bound(seen: Seen, session: Session | undefined, work: (jkt: string | undefined) => Reply): Reply {
    const text = seen.headers.dpop
    if (typeof text !== 'string') return session === undefined ? work(undefined) : refuse(401, 'dpop_missing')
    const read = opened(text, ({ jwk }) => createPublicKey({ key: jwk as never, format: 'jwk' }))
    if (read?.header.typ !== 'dpop+jwt') return refuse(401, 'invalid_dpop_proof')
    const { kid } = named(createPublicKey({ key: read.header.jwk as never, format: 'jwk' }))
    const { htm, htu, jti, ath, nonce } = read.payload
    const target = `${this.url}${seen.path.split('?')[0]}`
    const fits = htm === seen.method && htu === target && !this.#proofs.has(String(jti))
    const forToken = session === undefined || (ath === sha256url(session.accessToken) && session.jkt === kid)
    if (!fits || !forToken) return refuse(401, 'invalid_dpop_proof')
    if (this.nonce !== undefined && nonce !== this.nonce) {
      const challenge = session && { 'www-authenticate': 'DPoP error="use_dpop_nonce"' }
      return refuse(session ? 401 : 400, 'use_dpop_nonce', { 'dpop-nonce': this.nonce, ...challenge })
    }
    this.#proofs.add(String(jti))
    return work(kid)
  }

  #introspect(seen: Seen): Reply {
    if (seen.headers.authorization !== 'Bearer svc_key') return refuse(401, 'invalid_client')
    const token = new URLSearchParams(seen.body).get('token')
    return [200, { active: this.sessions.some((one) => one.accessToken === token && !one.revoked) }]
  }
}
