import { createHmac } from 'node:crypto'
import type { Clock } from '../ground/clock.ts'
import { constrainedQuery, type QueryKeys, queryKeys } from '../ground/constrained-query.ts'
import {
  type SecretEncoding,
  type SigningSecret,
  signingSecret,
  wantsSigningSecret,
} from '../ground/credential-shape.ts'
import { comparableName } from '../ground/header-names.ts'
import { namesIn } from '../ground/placeholders.ts'
import { refuseCredentialInQuery } from './credential-query.ts'
import type { Injector, Opened } from './inject.ts'
import { proxyProblem } from './problems.ts'
import type { OutgoingHead } from './request-head.ts'
import { headerSafe, secretText, shaped, strictlyEncoded } from './secret-text.ts'
import { newNonce, type Signed, SignedText, targetOf, timeOf } from './signed-values.ts'

/** How a service wants its requests signed. Placeholders are those of `signed-values.ts`, and `{signature}` where it is sent. */
export interface HmacInjection {
  readonly kind: 'hmac'
  readonly algorithm: 'sha256' | 'sha384' | 'sha512'
  readonly encoding: 'hex' | 'base64'
  /** How the secret is written; `text` unless said otherwise. */
  readonly secretEncoding?: SecretEncoding | undefined
  readonly stringToSign: string
  readonly timestamp?: 'seconds' | 'milliseconds' | 'iso8601' | 'http-date' | undefined
  readonly nonce?: 'hex' | 'uuid' | undefined
  /** Name → value. One of these or of the query holds `{signature}`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Name → value, put behind the caller's query in this order; what is signed of it is all but the signature. */
  readonly query?: Readonly<Record<string, string>> | undefined
}

interface Form {
  readonly name: string
  readonly value: SignedText
  readonly signature: boolean
}

const NO_BODY = Buffer.alloc(0)

/** Signs the request as it goes out, over what the service declares. */
export class HmacInjector implements Injector {
  readonly needsBody: boolean
  readonly headers: readonly string[]
  readonly #injection: HmacInjection
  readonly #clock: Clock
  readonly #named: boolean
  readonly #text: SignedText
  readonly #headers: readonly Form[]
  readonly #query: readonly Form[]
  readonly #keys: QueryKeys
  readonly #secrets = new WeakMap<Opened, SigningSecret>()

  constructor(injection: HmacInjection, clock: Clock) {
    const { stringToSign, headers = {}, query = {} } = injection
    this.#injection = injection
    this.#clock = clock
    const names = namesIn([stringToSign, ...Object.values(headers), ...Object.values(query)])
    this.needsBody = [...names].some((name) => name === 'body' || name.startsWith('body_'))
    this.#named = names.has('key_id')
    this.headers = Object.keys(headers).map(comparableName)
    this.#text = new SignedText(stringToSign)
    this.#headers = formsOf(headers)
    this.#query = formsOf(query)
    this.#keys = queryKeys(Object.keys(query))
  }

  apply(head: OutgoingHead, opened: Opened, body: Buffer = NO_BODY): readonly string[] {
    refuseCredentialInQuery(head)
    // What the gateway says in the query nobody else says there, in whatever spelling.
    const taken = this.#query.length > 0 && constrainedQuery(head.matched, this.#keys).size > 0
    if (taken) throw proxyProblem('credential_in_query')
    const { id = '', key } = this.#secretOf(opened)
    const now = timeOf(this.#clock.now(), this.#injection.timestamp)
    const made = { head, body, timestamp: now, nonce: newNonce(this.#injection.nonce), keyId: id }
    const signed: Signed = { ...made, query: this.#queryOf({ ...made, query: '' }) }
    const hmac = createHmac(this.#injection.algorithm, key)
    this.#text.feed(signed, (piece) => {
      if (typeof piece === 'string') hmac.update(piece, 'latin1')
      else hmac.update(piece)
    })
    const signature = hmac.digest(this.#injection.encoding)
    const sent: Signed = { ...signed, signature }
    for (const { name, value } of this.#headers) head.headers.push(name, headerSafe(value.text(sent)))
    if (this.#query.length > 0) head.target = targetOf(head, this.#queryOf(sent))
    return [signature]
  }

  /** The caller's query and what is added; without what holds the signature while there is none. */
  #queryOf(signed: Signed): string {
    const own = signed.head.matched.query
    const ready = this.#query.filter(({ signature }) => !signature || signed.signature !== undefined)
    const added = ready.map(({ name, value }) => `${strictlyEncoded(name)}=${strictlyEncoded(value.text(signed))}`)
    return [...(own === '' ? [] : [own]), ...added].join('&')
  }

  #secretOf(opened: Opened): SigningSecret {
    let secret = this.#secrets.get(opened)
    if (secret === undefined) {
      const { secretEncoding = 'text' } = this.#injection
      const parsed = signingSecret(secretText(opened.value), secretEncoding, this.#named)
      secret = shaped(parsed, wantsSigningSecret(secretEncoding, this.#named))
      this.#secrets.set(opened, secret)
    }
    return secret
  }
}

function formsOf(forms: Readonly<Record<string, string>>): readonly Form[] {
  return Object.entries(forms).map(([name, form]) => {
    return { name, value: new SignedText(form), signature: namesIn([form]).has('signature') }
  })
}
