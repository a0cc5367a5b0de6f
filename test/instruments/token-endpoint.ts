import { createPublicKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { jwtVerify } from 'jose'
import { Authority } from './certificates.ts'

export interface TokenEndpointOptions {
  /** Accept the refresh token before the last one, too, as providers do that know of lost answers. */
  readonly grace?: boolean
  readonly expiresIn?: number
  /** What time it is for those that verify here, milliseconds since 1970. */
  readonly now?: () => number
}

interface Family {
  refresh: string
  before: string | undefined
  revoked: boolean
}

/**
 * A token endpoint on loopback, https with an authority of its own: rotates refresh tokens, verifies assertions for real,
 * and does as it is told to fail. The API that its tokens are for asks it with `knows()`.
 */
export class TokenEndpoint implements AsyncDisposable {
  readonly authority = new Authority()
  /** What came, form members by name. */
  readonly requests: Record<string, string>[] = []
  /** Of service accounts and apps, by issuer: PEM of the public key. */
  readonly keys = new Map<string, string>()
  /** Instead of an answer of its own. */
  instead: { readonly status: number; readonly body: unknown } | 'hang' | undefined
  /** How long an answer waits, before and after the old refresh token is used up. */
  delayMs = 0
  expiresIn: number
  readonly #families: Family[] = []
  readonly #access = new Set<string>()
  readonly #server: Server
  readonly #grace: boolean
  readonly #now: () => number
  /** Refresh tokens that were shown although they had been replaced twice: whoever shows one has lost a set. */
  lost = 0

  private constructor({ grace = false, expiresIn = 3_600, now = Date.now }: TokenEndpointOptions) {
    this.#now = now
    const { cert, key } = this.authority.issue()
    this.#grace = grace
    this.expiresIn = expiresIn
    this.#server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
      this.#answer(request, response).catch((error) => response.destroy(error))
    })
  }

  static async start(options: TokenEndpointOptions = {}): Promise<TokenEndpoint> {
    const endpoint = new TokenEndpoint(options)
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve))
    return endpoint
  }

  get origin(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get url(): string {
    return `${this.origin}/token`
  }

  /** A token set as an operator registers it; it ends in so many seconds. */
  issue(seconds = 3_600, now = this.#now()) {
    const family = { refresh: token('refresh'), before: undefined, revoked: false }
    this.#families.push(family)
    return {
      kind: 'oauth' as const,
      accessToken: this.#newAccess(),
      refreshToken: family.refresh,
      expiresAt: now + seconds * 1_000,
      tokenUrl: this.url,
      clientId: 'client-1',
      clientSecret: 'client-secret-of-the-test',
    }
  }

  /** Whether this is an access token that was given here and not taken back. */
  knows(accessToken: string): boolean {
    return this.#access.has(accessToken)
  }

  /** Every access token dies before its time. */
  revokeAccess(): void {
    this.#access.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    this.authority[Symbol.dispose]()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    const form = Object.fromEntries(new URLSearchParams(request.headers['content-type']?.includes('json') ? '' : text))
    this.requests.push({ ...form, url: request.url ?? '', authorization: request.headers.authorization ?? '', text })
    if (this.instead === 'hang') return
    await this.#wait()
    const { status, body } = this.instead ?? (await this.#judge(request, form))
    await this.#wait()
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

  async #judge(request: IncomingMessage, form: Record<string, string>) {
    if (request.url?.startsWith('/app/installations/')) return this.#installation(request)
    switch (form.grant_type) {
      case 'refresh_token':
        return this.#refresh(form)
      case 'client_credentials':
        return form.client_secret === 'client-secret-of-the-test' ? this.#given() : no('invalid_client', 401)
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
        return (await this.#verified(form.assertion ?? '', this.url)) ? this.#given() : no('invalid_grant')
      default:
        return no('unsupported_grant_type')
    }
  }

  #refresh({ refresh_token: shown = '', client_secret: secret }: Record<string, string>) {
    if (secret !== 'client-secret-of-the-test') return no('invalid_client', 401)
    const family = this.#families.find(({ refresh, before }) => refresh === shown || before === shown)
    if (family === undefined) this.lost += 1
    if (family === undefined || family.revoked) return no('invalid_grant')
    if (family.refresh !== shown && !this.#grace) {
      family.revoked = true
      return no('invalid_grant')
    }
    family.before = shown
    family.refresh = token('refresh')
    return this.#given({ refresh_token: family.refresh })
  }

  async #installation(request: IncomingMessage) {
    const jwt = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
    if (!(await this.#verified(jwt))) return { status: 401, body: { message: 'Bad credentials' } }
    const expires_at = new Date(this.#now() + this.expiresIn * 1_000).toISOString()
    return { status: 201, body: { token: this.#newAccess(), expires_at } }
  }

  async #verified(jwt: string, audience?: string): Promise<boolean> {
    try {
      const issuer = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()).iss as string
      const key = createPublicKey(this.keys.get(issuer) ?? '')
      const currentDate = new Date(this.#now())
      const wanted = { algorithms: ['RS256'], issuer, maxTokenAge: '10m', currentDate }
      await jwtVerify(jwt, key, audience === undefined ? wanted : { ...wanted, audience })
      return true
    } catch {
      return false
    }
  }

  #given(more: object = {}) {
    const body = { access_token: this.#newAccess(), token_type: 'Bearer', expires_in: this.expiresIn, ...more }
    return { status: 200, body }
  }

  #newAccess(): string {
    const made = token('access')
    this.#access.add(made)
    return made
  }

  #wait(): Promise<void> {
    return this.delayMs === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, this.delayMs))
  }
}

function token(kind: string): string {
  return `${kind}-${randomBytes(18).toString('base64url')}`
}

function no(error: string, status = 400) {
  return { status, body: { error } }
}
