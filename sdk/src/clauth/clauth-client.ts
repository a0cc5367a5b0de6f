// Clauth's client, for programs that were written against it: the same names, fields and errors, at a gateway's Clauth door.
// One header says who calls; nothing is tried twice, and nothing is waited for but the answer.
import { isSafe } from '../base-url.ts'

export interface ClauthClientOptions {
  /** `CLAUTH_DAEMON_URL`, else `http://127.0.0.1:4317`. */
  readonly daemonUrl?: string
  /** `CLAUTH_SKILL_ID` if left out. */
  readonly skillId?: string
  /** `CLAUTH_SKILL_TOKEN` if left out. */
  readonly skillToken?: string
}

export interface ClauthFetchOptions {
  /** GET if left out. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown
}

/** What the provider answered, whatever its status. */
export interface ClauthResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Record<string, string>
  /** Parsed where it is JSON, null where it is empty, else text. */
  // biome-ignore lint/suspicious/noExplicitAny: programs written against this client read members of it as they are
  readonly body: any
}

export interface ClauthStatus {
  readonly vaultUnlocked: boolean
  readonly transport: 'tcp' | 'unix'
  readonly daemon: string
  readonly requireSkillToken: boolean
  readonly activeSkillTokens: number
  readonly activeGrants: number
  readonly auditIntegrity: { readonly valid: boolean; readonly [member: string]: unknown }
}

export interface ClauthChallenge {
  readonly challengeId: string
  /** ISO 8601. */
  readonly expiresAt: string
  readonly challenge?: string
  readonly oauthUrl?: string
}

export interface ClauthIdentityStatus {
  readonly status: 'pending' | 'verified' | 'failed' | 'expired'
  /** ISO 8601. */
  readonly verifiedAt?: string
}

export interface ClauthProof {
  readonly challengeId: string
  readonly provider: string
  readonly accountId: string
  readonly method: string
  readonly verifiedAt: string
  readonly signature: string
}

/** `code` is the door's, or `CONFIG_ERROR`, `PROXY_ERROR`, `IDENTITY_ERROR`; `statusCode` the answer's, 0 where there was none. */
export class ClauthError extends Error {
  readonly code: string
  readonly statusCode: number

  constructor(code: string, message: string, statusCode: number) {
    super(message)
    this.name = 'ClauthError'
    this.code = code
    this.statusCode = statusCode
  }
}

const DAEMON_URL = 'http://127.0.0.1:4317'

export class ClauthClient {
  readonly #daemonUrl: string
  readonly #skillId: string
  readonly #skillToken: string

  /** Throws ClauthError `CONFIG_ERROR`. */
  constructor(options: ClauthClientOptions = {}) {
    const { daemonUrl, skillId, skillToken } = options
    this.#daemonUrl = readDaemonUrl(daemonUrl ?? (fromEnv('CLAUTH_DAEMON_URL') || DAEMON_URL))
    this.#skillId = wanted('skillId', skillId ?? fromEnv('CLAUTH_SKILL_ID'))
    this.#skillToken = wanted('skillToken', skillToken ?? fromEnv('CLAUTH_SKILL_TOKEN'))
  }

  /** Has the gateway call a provider with the credential of that handle. Throws ClauthError where the gateway refuses. */
  async fetch(
    provider: string,
    handle: string,
    scope: string,
    endpoint: string,
    options: ClauthFetchOptions = {},
  ): Promise<ClauthResponse> {
    const { method = 'GET', headers = {}, body = null } = options
    const asked = { skillId: this.#skillId, provider, credentialHandle: handle, scope, method, endpoint, headers, body }
    const response = await this.#send('POST', '/clauth/v1/proxy', asked)
    if (!response.ok) throw await refusalOf(response, 'PROXY_ERROR', 'Proxy')
    const answer = (await response.json()) as ClauthResponse
    return { status: answer.status, headers: answer.headers, body: answer.body }
  }

  /** Whether the gateway answers. */
  async health(): Promise<boolean> {
    try {
      const response = await this.#send('GET', '/health')
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }

  async status(): Promise<ClauthStatus> {
    return (await (await this.#send('GET', '/clauth/v1/status')).json()) as ClauthStatus
  }

  async createIdentityChallenge(provider: string, accountId: string): Promise<ClauthChallenge> {
    return this.#identity('POST', 'challenge', { skillId: this.#skillId, provider, accountId })
  }

  async verifyIdentity(challengeId: string, proof: string): Promise<ClauthIdentityStatus> {
    return this.#identity('POST', 'verify', { skillId: this.#skillId, challengeId, proof })
  }

  async getIdentityStatus(challengeId: string): Promise<ClauthIdentityStatus> {
    return this.#identity('GET', `challenge/${encodeURIComponent(challengeId)}/status`)
  }

  async listIdentityProofs(): Promise<ClauthProof[]> {
    const path = `proofs?skillId=${encodeURIComponent(this.#skillId)}`
    return (await this.#identity<{ proofs: ClauthProof[] }>('GET', path)).proofs
  }

  /** The proof of a signed challenge: what `verifyIdentity` takes. */
  buildSignedChallengeProof(handle: string, challenge: string, accountId?: string): string {
    return JSON.stringify({ credentialHandle: handle, challenge, ...(accountId !== undefined && { accountId }) })
  }

  async #identity<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await this.#send(method, `/clauth/v1/identity/${path}`, body)
    if (!response.ok) throw await refusalOf(response, 'IDENTITY_ERROR', 'Identity request')
    return (await response.json()) as T
  }

  /** No redirect is followed: the token would go along. */
  async #send(method: string, path: string, body?: object): Promise<Response> {
    return fetch(`${this.#daemonUrl}${path}`, {
      method,
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'x-clauth-skill-token': this.#skillToken },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }
}

interface Refusal {
  readonly error?: { readonly code?: string; readonly message?: string }
}

async function refusalOf(response: Response, code: string, what: string): Promise<ClauthError> {
  const { status } = response
  const error = ((await response.json().catch(() => null)) as Refusal | null)?.error
  return new ClauthError(error?.code ?? code, error?.message ?? `${what} returned ${status}`, status)
}

/** Only Node has an environment. */
function fromEnv(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  return process?.env?.[name]
}

function wanted(name: string, value: string | undefined): string {
  if (value) return value
  const variable = name === 'skillId' ? 'CLAUTH_SKILL_ID' : 'CLAUTH_SKILL_TOKEN'
  throw new ClauthError('CONFIG_ERROR', `${name} is required: give it, or set ${variable}`, 0)
}

/** One trailing slash is taken off. Whoever listens to plain HTTP has the token: it is for this machine, or where one says so. */
function readDaemonUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const insecure = url?.protocol === 'http:' && fromEnv('CLAUTH_ALLOW_INSECURE_HTTP') === '1'
  if (url !== undefined && (isSafe(url) || insecure)) return text.replace(/\/$/, '')
  const hint = 'https, or http on loopback; CLAUTH_ALLOW_INSECURE_HTTP=1 allows http elsewhere'
  throw new ClauthError('CONFIG_ERROR', `daemonUrl cannot be used: ${hint}`, 0)
}
