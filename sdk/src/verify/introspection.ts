// Asks the issuer whether a token still counts (RFC 7662), for services that cannot wait for its end.
import { isSafe } from '../base-url.ts'
import { sha256, toHex, utf8 } from '../bytes.ts'
import { ClavigerError } from '../claviger-error.ts'
import type { Fetch, Now } from '../platform.ts'
import { readJson } from '../wire.ts'

export interface IntrospectionOptions {
  /** The service's key, `svc_…`. */
  readonly apiKey: string
  /** The issuer's `/oauth/introspect` if left out. */
  readonly url?: string
  /** How long an answer counts: 0 asks for every request. */
  readonly cacheSeconds?: number
}

const PATIENCE_MS = 10_000
const MAX_BYTES = 65_536
const MAX_CACHED = 10_000

export class Introspection {
  readonly #options: IntrospectionOptions & { readonly url: string }
  readonly #fetch: Fetch
  readonly #now: Now
  /** Hash of the token → until when it counts as active. */
  readonly #active = new Map<string, number>()

  constructor(options: IntrospectionOptions & { readonly url: string }, fetch: Fetch, now: Now) {
    if (!URL.canParse(options.url) || !isSafe(new URL(options.url))) {
      throw new ClavigerError('introspection_url_invalid', 'The address for introspection cannot be used')
    }
    this.#options = options
    this.#fetch = fetch
    this.#now = now
  }

  /** Throws `introspection_unavailable` when that cannot be known. */
  async isActive(token: string): Promise<boolean> {
    const name = toHex(await sha256(utf8(token)))
    if ((this.#active.get(name) ?? 0) > this.#now()) return true
    const askedAt = this.#now()
    const isActive = await this.#ask(token)
    const { cacheSeconds = 0 } = this.#options
    if (isActive && cacheSeconds > 0) this.#keep(name, askedAt + cacheSeconds * 1000)
    return isActive
  }

  async #ask(token: string): Promise<boolean> {
    try {
      const response = await this.#fetch(this.#options.url, {
        method: 'POST',
        redirect: 'error',
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${this.#options.apiKey}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      const json = await readJson(response, MAX_BYTES)
      if (response.status === 200 && typeof json.active === 'boolean') return json.active
      throw new TypeError(`introspection answered ${response.status}`)
    } catch (cause) {
      throw new ClavigerError('introspection_unavailable', 'The issuer does not say whether the token counts', {
        status: 503,
        cause,
      })
    }
  }

  #keep(name: string, untilMs: number): void {
    if (this.#active.size >= MAX_CACHED) this.#active.clear()
    this.#active.set(name, untilMs)
  }
}
