// One call of an agent: its token and its proof attached, sent where it was meant to go.
import { ClavigerError } from '../claviger-error.ts'
import type { Wire } from '../wire.ts'
import { type DpopProver, wantsNonce } from './dpop.ts'
import type { TokenSource, Tokens } from './tokens.ts'

/** The address of a path of a service at the gateway. Throws `path_invalid` for one that would not arrive as it is written. */
export function gatewayUrl(baseUrl: string, service: string, path: string): string {
  const url = `${baseUrl}/to/${encodeURIComponent(service)}${path}`
  // Dot segments, backslashes, line breaks, a fragment: `fetch` would send something else, outside this service even.
  const asWritten = path.startsWith('/') && !path.includes('#') && URL.canParse(url) && new URL(url).href === url
  if (asWritten && !/^\.{0,2}$/.test(service)) return url
  throw new ClavigerError('path_invalid', 'This path cannot be called', {
    hint: 'Begin with /, percent-encode what is not ASCII, leave out dot segments and the fragment',
  })
}

/** `Authorization`, and `DPoP` where the token is bound; the nonce that the proof names. */
export async function credentials(tokens: Tokens, method: string, url: string, dpop: DpopProver | undefined) {
  const { accessToken, tokenType } = tokens
  const authorization = `${tokenType} ${accessToken}`
  if (dpop === undefined) return { headers: { authorization }, nonce: undefined }
  const { proof, nonce } = await dpop.prove(method, url, accessToken)
  return { headers: { authorization, dpop: proof }, nonce }
}

/** Sends calls of one agent; asks once more when the gateway wants a nonce, and once more with other tokens after its 401. */
export class Caller {
  readonly #wire: Wire
  readonly #source: TokenSource
  readonly #dpop: DpopProver | undefined

  constructor(wire: Wire, source: TokenSource, dpop: DpopProver | undefined) {
    this.#wire = wire
    this.#source = source
    this.#dpop = dpop
  }

  /** `own`: an endpoint of the gateway itself, so that every refusal is the gateway's. */
  async send(url: string, init: RequestInit, own = false): Promise<Response> {
    const tokens = await this.#source.get()
    const first = await this.#once(url, init, tokens)
    const refused = first.status === 401 && (own || isByGateway(first))
    if (!refused || !canSendAgain(init)) return first
    await first.body?.cancel()
    return this.#once(url, init, await this.#source.getInsteadOf(tokens))
  }

  async #once(url: string, init: RequestInit, tokens: Tokens, again = true): Promise<Response> {
    const method = (init.method ?? 'GET').toUpperCase()
    const headers = new Headers(init.headers)
    headers.delete('dpop')
    const own = await credentials(tokens, method, url, this.#dpop)
    for (const [name, value] of Object.entries(own.headers)) headers.set(name, value)
    // Followed here, a redirect of the upstream would become another call, with our token in it.
    const response = await this.#wire.fetch(url, { redirect: 'manual', ...init, method, headers })
    const isOther = this.#dpop?.learn(url, response.headers, own.nonce) === true
    const nonceWanted = again && isOther && wantsNonce(response.status, response.headers, {})
    if (!nonceWanted || !canSendAgain(init)) return response
    await response.body?.cancel()
    return this.#once(url, init, tokens, false)
  }
}

/** Whether the gateway itself says this, and not the upstream (RFC 9209). */
function isByGateway({ headers }: Response): boolean {
  return /(^|,)\s*claviger\b[^,]*;\s*error=/.test(headers.get('proxy-status') ?? '')
}

/** A stream is gone when it was sent. */
function canSendAgain({ body }: RequestInit): boolean {
  return (
    !(body instanceof ReadableStream) && !(typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
  )
}
