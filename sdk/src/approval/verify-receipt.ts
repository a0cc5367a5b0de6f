// Whether a receipt proves a yes to exactly this, by its text and the gateway's published keys alone.
import { ClavigerError } from '../claviger-error.ts'
import { readJws } from '../jws.ts'
import type { Fetch, Now } from '../platform.ts'
import { verifySignature } from '../public-key.ts'
import type { JsonObject } from '../strict-json.ts'
import { KeySet } from '../verify/jwks.ts'
import { actionDigest, payloadHash, type StatedAction } from './digest.ts'
import { type ReceiptClaims, receiptClaims } from './receipt-claims.ts'
import { type ReceiptKey, readReceiptKeys } from './receipt-keys.ts'

export interface ReceiptVerifierOptions {
  /** The gateway's `/.well-known/claviger-receipt-keys.json`, as you keep it. Then nothing is asked of anybody. */
  readonly keys?: { readonly keys: readonly unknown[] }
  /** Or its address: https, or http on loopback. It is kept for a minute at most. */
  readonly jwksUrl?: string
  /** `iss`, exactly; any if left out, because the keys say whose it is. */
  readonly issuer?: string
  readonly fetch?: Fetch
  readonly now?: Now
}

/** What is about to be done. At least one of the four that say what; each that is given must fit. */
export interface About {
  /** The action as the agent got it from the gateway. Compare what is in it with what you are about to do. */
  readonly action?: StatedAction | Readonly<Record<string, unknown>>
  /** Hex, of the action. */
  readonly digest?: string
  /** What you are about to do, as JSON: `{ action, agentId, context }` where the agent stated no payload of its own. */
  readonly payload?: unknown
  /** Hex, of the payload. */
  readonly payloadHash?: string
  /** Id or name of the agent that must have asked. */
  readonly agent?: string
}

export type ReceiptFault =
  | 'malformed'
  | 'bad_signature'
  | 'key_compromised'
  | 'wrong_issuer'
  | 'wrong_action'
  | 'wrong_agent'
  | 'denied'
  | 'expired'

export type ReceiptVerdict =
  | { readonly valid: true; readonly claims: ReceiptClaims }
  | { readonly valid: false; readonly error: ReceiptFault }

export interface ReceiptVerifier {
  /**
   * Whether it is a yes to what is about to be done, that still runs. Whether it was used or withdrawn only the gateway knows: `useReceipt()`.
   * Throws ClavigerError where nothing can be said: `jwks_unavailable`, `options_invalid`.
   */
  verify(receipt: string, about: About): Promise<ReceiptVerdict>
  /** What a genuine one says, whatever that is and however long ago. To look at, not to act on. */
  read(receipt: string): Promise<ReceiptVerdict>
}

const MAX_SET_BYTES = 2 * 1_048_576

export function createReceiptVerifier(options: ReceiptVerifierOptions): ReceiptVerifier {
  return new Verifier(options)
}

/** Once, as `createReceiptVerifier(options).verify(receipt, options)`: fetches the keys each time, where it has an address. */
export async function verifyReceipt(receipt: string, options: ReceiptVerifierOptions & About): Promise<ReceiptVerdict> {
  return createReceiptVerifier(options).verify(receipt, options)
}

class Verifier implements ReceiptVerifier {
  readonly #find: (kid: string) => Promise<ReceiptKey | undefined>
  readonly #issuer: string | undefined
  readonly #now: Now

  constructor({ keys, jwksUrl, issuer, fetch, now = Date.now }: ReceiptVerifierOptions) {
    if ((keys === undefined) === (jwksUrl === undefined)) throw invalid('either keys or jwksUrl is wanted')
    this.#issuer = issuer
    this.#now = now
    this.#find = jwksUrl === undefined ? finderIn(keys as JsonObject) : finderAt(jwksUrl, fetch, now)
  }

  async verify(receipt: string, about: About): Promise<ReceiptVerdict> {
    const asked = await hashesOf(about)
    const read = await this.read(receipt)
    if (!read.valid) return read
    const error = faultIn(read.claims, asked, about.agent, this.#now() / 1_000)
    return error === undefined ? read : { valid: false, error }
  }

  async read(receipt: string): Promise<ReceiptVerdict> {
    const jws = readJws(receipt, { typ: ['clv-receipt+jwt'], members: ['kid'] })
    if (jws === undefined) return { valid: false, error: 'malformed' }
    const known = await this.#find(jws.header.kid as string)
    if (known === undefined || !(await verifySignature(known.key, jws.signingInput, jws.signature))) {
      return { valid: false, error: 'bad_signature' }
    }
    const claims = receiptClaims(jws.payload)
    if (claims === undefined) return { valid: false, error: 'malformed' }
    const { compromisedSince: since } = known
    if (since !== undefined && claims.iat >= since) return { valid: false, error: 'key_compromised' }
    if (this.#issuer !== undefined && claims.iss !== this.#issuer) return { valid: false, error: 'wrong_issuer' }
    return { valid: true, claims }
  }
}

function finderIn(set: JsonObject): (kid: string) => Promise<ReceiptKey | undefined> {
  const reading = readReceiptKeys(set).catch((cause: unknown) => {
    throw new ClavigerError('options_invalid', 'These are no receipt keys', { cause })
  })
  // Whoever verifies hears of it.
  reading.catch(() => undefined)
  return async (kid) => (await reading).get(kid)
}

function finderAt(url: string, fetch: Fetch | undefined, now: Now): (kid: string) => Promise<ReceiptKey | undefined> {
  const set = new KeySet({ url, fetch, now, read: readReceiptKeys, maxBytes: MAX_SET_BYTES })
  return (kid) => set.find(kid)
}

export interface Hashes {
  readonly digests: readonly string[]
  readonly payloadHashes: readonly string[]
}

/** Throws `options_invalid` where nothing says what is about to be done: a yes to something is a yes to nothing else. */
export async function hashesOf({ action, digest, payload, payloadHash: hash }: About): Promise<Hashes> {
  const digests = [digest, action && (await actionDigest(action))].filter((one) => one !== undefined)
  const payloads = [hash, payload === undefined ? undefined : await payloadHash(payload)]
  const payloadHashes = payloads.filter((one) => one !== undefined)
  if (digests.length + payloadHashes.length > 0) return { digests, payloadHashes }
  throw invalid('one of action, digest, payload and payloadHash is wanted')
}

function faultIn(
  claims: ReceiptClaims,
  { digests, payloadHashes }: Hashes,
  agent: string | undefined,
  nowSeconds: number,
): ReceiptFault | undefined {
  if (!digests.every((one) => one === claims.digest)) return 'wrong_action'
  if (!payloadHashes.every((one) => one === claims.payloadHash)) return 'wrong_action'
  if (agent !== undefined && agent !== claims.agent.id && agent !== claims.agent.name) return 'wrong_agent'
  if (claims.verdict !== 'approved') return 'denied'
  return nowSeconds >= (claims.exp ?? 0) ? 'expired' : undefined
}

function invalid(detail: string): ClavigerError {
  return new ClavigerError('options_invalid', 'This receipt cannot be verified', { detail })
}
