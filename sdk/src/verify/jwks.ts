// The issuer's public keys (RFC 7517), held for a minute at most: a key that was withdrawn there is withdrawn here within it.
import { isSafe } from '../base-url.ts'
import { ClavigerError } from '../claviger-error.ts'
import type { Fetch, Now, WebKey } from '../platform.ts'
import { readPublicKey } from '../public-key.ts'
import { isObject, type JsonObject } from '../strict-json.ts'
import { readJson } from '../wire.ts'

export interface KeySetOptions<Key> {
  /** https, or http on loopback. */
  readonly url: string
  readonly fetch?: Fetch | undefined
  readonly now?: Now | undefined
  /** By its id, every key that counts. Throws for what is no set. */
  readonly read: (json: JsonObject) => Promise<ReadonlyMap<string, Key>>
  /** Of the set; 64 KiB if left out. */
  readonly maxBytes?: number
}

const PATIENCE_MS = 10_000
const MAX_BYTES = 65_536
const MAX_KEYS = 64
/** From this age on it is fetched anew in the background, so that a short outage is not noticed. */
const FRESH_MS = 30_000
const MAX_AGE_MS = 60_000
/** Unknown key ids and failures cause at most one fetch in this time. */
const COOLDOWN_MS = 5_000
const KID = /^[A-Za-z0-9_-]{1,64}$/

export class KeySet<Key = WebKey> {
  readonly #url: string
  readonly #fetch: Fetch
  readonly #now: Now
  readonly #read: KeySetOptions<Key>['read']
  readonly #maxBytes: number
  #keys: ReadonlyMap<string, Key> = new Map()
  #fetchedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #failure: unknown
  #flight: Promise<void> | undefined

  constructor(options: KeySetOptions<Key>) {
    const { url, fetch = (address, init) => globalThis.fetch(address, init), now = Date.now } = options
    if (!URL.canParse(url) || !isSafe(new URL(url))) {
      throw new ClavigerError('jwks_url_invalid', 'The address of the key set cannot be used', {
        hint: 'Give an https address; http only for loopback',
      })
    }
    this.#url = url
    this.#fetch = fetch
    this.#now = now
    this.#read = options.read
    this.#maxBytes = options.maxBytes ?? MAX_BYTES
  }

  /** The key of this id; undefined if the issuer has none. Throws `jwks_unavailable` when that cannot be known. */
  async find(kid: string): Promise<Key | undefined> {
    if (this.#age() >= MAX_AGE_MS) await this.#refetch()
    // Once more if that was an answer to a question of long ago: the machine slept.
    if (this.#age() >= MAX_AGE_MS) await this.#refetch()
    if (this.#age() >= FRESH_MS) void this.#refetch().catch(() => undefined)
    const known = this.#keys.get(kid)
    if (known !== undefined || this.#age() < COOLDOWN_MS) return known
    await this.#refetch().catch(() => undefined)
    return this.#keys.get(kid)
  }

  /** Of what is held; for ever after the clock was set back. */
  #age(): number {
    const age = this.#now() - this.#fetchedAt
    return age < 0 ? Number.POSITIVE_INFINITY : age
  }

  #refetch(): Promise<void> {
    if (this.#flight !== undefined) return this.#flight
    const sinceTry = this.#now() - this.#triedAt
    if (sinceTry >= 0 && sinceTry < COOLDOWN_MS) {
      return this.#failure === undefined ? Promise.resolve() : Promise.reject(unavailable(this.#failure))
    }
    this.#triedAt = this.#now()
    this.#flight = this.#load().finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  async #load(): Promise<void> {
    const startedAt = this.#now()
    try {
      const response = await this.#fetch(this.#url, {
        redirect: 'error',
        headers: { accept: 'application/jwk-set+json, application/json' },
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      const json = await readJson(response, this.#maxBytes)
      if (response.status !== 200) throw new TypeError(`the key set’s address answered ${response.status}`)
      this.#keys = await this.#read(json)
      this.#fetchedAt = startedAt
      this.#failure = undefined
    } catch (error) {
      this.#failure = error
      throw unavailable(error)
    }
  }
}

/** Every key of a set that may verify ES256, by its id. Other keys are left out; an id that stands twice spoils the set. */
export async function readKeys(json: JsonObject): Promise<ReadonlyMap<string, WebKey>> {
  if (!Array.isArray(json.keys) || json.keys.length > MAX_KEYS) throw new TypeError('no key set')
  const keys = new Map<string, WebKey>()
  for (const jwk of json.keys as unknown[]) {
    if (!isObject(jwk) || typeof jwk.kid !== 'string' || !KID.test(jwk.kid) || !verifiesEs256(jwk)) continue
    if (keys.has(jwk.kid)) throw new TypeError('a key id stands twice')
    const key = await readPublicKey(jwk).catch(() => undefined)
    if (key !== undefined) keys.set(jwk.kid, key.key)
  }
  return keys
}

/** What a key says of its own use (RFC 7517 §4.2–4.4) must not speak against it. */
function verifiesEs256({ use, alg, key_ops: operations }: JsonObject): boolean {
  if ((use !== undefined && use !== 'sig') || (alg !== undefined && alg !== 'ES256')) return false
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'))
}

function unavailable(cause: unknown): ClavigerError {
  return new ClavigerError('jwks_unavailable', 'The issuer’s keys cannot be had', { status: 503, cause })
}
