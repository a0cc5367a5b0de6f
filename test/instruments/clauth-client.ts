// A client of the Clauth door written from the contract's §3 and not from our code: what an installation has already.

export class ClauthError extends Error {
  readonly code: string
  readonly statusCode: number

  constructor(code: string, message: string, statusCode: number) {
    super(message)
    this.code = code
    this.statusCode = statusCode
  }
}

export interface ClauthClientOptions {
  readonly daemonUrl?: string
  readonly skillId?: string
  readonly skillToken?: string
}

export interface ClauthFetchOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

export interface ClauthResponse {
  readonly status: number
  readonly headers: Record<string, string>
  // biome-ignore lint/suspicious/noExplicitAny: whatever the provider says
  readonly body: any
}

export class ClauthClient {
  readonly #daemonUrl: string
  readonly #skillId: string
  readonly #skillToken: string

  constructor(options: ClauthClientOptions = {}, env: NodeJS.ProcessEnv = {}) {
    this.#daemonUrl = (options.daemonUrl ?? env.CLAUTH_DAEMON_URL ?? 'http://127.0.0.1:4317').replace(/\/$/, '')
    this.#skillId = options.skillId ?? env.CLAUTH_SKILL_ID ?? ''
    this.#skillToken = options.skillToken ?? env.CLAUTH_SKILL_TOKEN ?? ''
    if (this.#skillId === '' || this.#skillToken === '') throw new ClauthError('CONFIG_ERROR', 'id and token', 0)
  }

  async fetch(
    provider: string,
    handle: string,
    scope: string,
    endpoint: string,
    { method = 'GET', headers, body }: ClauthFetchOptions = {},
  ): Promise<ClauthResponse> {
    const sent = { skillId: this.#skillId, provider, credentialHandle: handle, scope, method, endpoint, headers, body }
    const response = await this.#post('/clauth/v1/proxy', sent)
    const answer = (await response.json().catch(() => ({}))) as ClauthResponse & {
      error?: { code?: string; message?: string }
    }
    if (!response.ok) {
      const { code = 'PROXY_ERROR', message = `Proxy returned ${response.status}` } = answer.error ?? {}
      throw new ClauthError(code, message, response.status)
    }
    return { status: answer.status, headers: answer.headers, body: answer.body }
  }

  async health(): Promise<boolean> {
    return (await fetch(`${this.#daemonUrl}/health`)).ok
  }

  async status(): Promise<Record<string, unknown>> {
    return (await fetch(`${this.#daemonUrl}/clauth/v1/status`)).json() as Promise<Record<string, unknown>>
  }

  createIdentityChallenge(provider: string, accountId: string): Promise<unknown> {
    return this.#identity('/clauth/v1/identity/challenge', { skillId: this.#skillId, provider, accountId })
  }

  verifyIdentity(challengeId: string, proof: string): Promise<unknown> {
    return this.#identity('/clauth/v1/identity/verify', { skillId: this.#skillId, challengeId, proof })
  }

  async #identity(path: string, body: object): Promise<unknown> {
    const response = await this.#post(path, body)
    const answer = (await response.json()) as { error?: { code?: string; message?: string } }
    if (response.ok) return answer
    throw new ClauthError(answer.error?.code ?? 'IDENTITY_ERROR', answer.error?.message ?? '', response.status)
  }

  #post(path: string, body: object): Promise<Response> {
    return fetch(`${this.#daemonUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-clauth-skill-token': this.#skillToken },
      body: JSON.stringify(body),
    })
  }
}
