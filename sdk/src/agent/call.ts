// One call of an agent: its token and its proof attached, sent where it was meant to go.
import { ClavigerError } from '../claviger-error.ts'
import type { Wire } from '../wire.ts'
import { type DpopProver, wantsNonce } from './dpop.ts'
import type { Tokens } from './tokens.ts'

/** A token as it is shown. */
export type Held = Pick<Tokens, 'accessToken' | 'tokenType'>

/** Where tokens come from: a key that signs in, or somebody else who gives them. */
export interface TokenGiver {
  get(): Promise<Held>
  /** After a refusal of `refused`: another, or undefined where there is none. */
  getInsteadOf(refused: Held): Promise<Held | undefined>
}

/** Whether an answer refuses the token itself, so that another may pass. */
export type RefusesToken = (response: Response) => boolean

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
export async function credentials(tokens: Held, method: string, url: string, dpop: DpopProver | undefined) {
  const { accessToken, tokenType } = tokens
  const authorization = `${tokenType} ${accessToken}`
  if (dpop === undefined) return { headers: { authorization }, nonce: undefined }
  const { proof, nonce } = await dpop.prove(method, url, accessToken)
  return { headers: { authorization, dpop: proof }, nonce }
}

/** Sends calls of one agent; asks once more when the gateway wants a nonce, and once more with other tokens after its 401. */
export class Caller {
  readonly #wire: Wire
  readonly #source: TokenGiver
  readonly #dpop: DpopProver | undefined

  constructor(wire: Wire, source: TokenGiver, dpop: DpopProver | undefined) {
    this.#wire = wire
    this.#source = source
    this.#dpop = dpop
  }

  async send(url: string, init: RequestInit, refusesToken: RefusesToken = isGateways401): Promise<Response> {
    const tokens = await this.#source.get()
    const first = await this.#once(url, init, tokens)
    if (!refusesToken(first) || !canSendAgain(init)) return first
    const others = await this.#source.getInsteadOf(tokens)
    if (others === undefined) return first
    await first.body?.cancel()
    return this.#once(url, init, others)
  }

  async #once(url: string, init: RequestInit, tokens: Held, again = true): Promise<Response> {
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

/** Of an endpoint of the gateway itself every refusal is the gateway's. */
export const is401: RefusesToken = ({ status }) => status === 401

const isGateways401: RefusesToken = (response) => is401(response) && isByGateway(response)

/** Whether the gateway itself says this, and not the upstream (RFC 9209): it lets no service speak in its name. */
export function isByGateway({ headers }: Response): boolean {
  return /(^|,)\s*claviger\b[^,]*;\s*error=/.test(headers.get('proxy-status') ?? '')
}

/** A stream is gone when it was sent. */
function canSendAgain({ body }: RequestInit): boolean {
  return (
    !(body instanceof ReadableStream) && !(typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
  )
}
