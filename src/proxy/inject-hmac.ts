import { createHmac } from 'node:crypto'
import type { Clock } from '../ground/clock.ts'
import {
  type SecretEncoding,
  type SigningSecret,
  signingSecret,
  wantsSigningSecret,
} from '../ground/credential-shape.ts'
import { comparableName } from '../ground/header-names.ts'
import { fillPlaceholders, namesIn } from '../ground/placeholders.ts'
import { refuseCredentialInQuery } from './credential-query.ts'
import { hostOf } from './host-of.ts'
import type { Injector, Opened } from './inject.ts'
import type { OutgoingHead } from './request-head.ts'
import { headerSafe, secretText, shaped } from './secret-text.ts'

/** How a service wants its requests signed. Placeholders are those of `hmacPlaceholders`. */
export interface HmacInjection {
  readonly kind: 'hmac'
  readonly algorithm: 'sha256' | 'sha512'
  readonly encoding: 'hex' | 'base64'
  /** How the secret is written; `text` unless said otherwise. */
  readonly secretEncoding?: SecretEncoding | undefined
  readonly stringToSign: string
  readonly timestamp?: 'seconds' | 'milliseconds' | 'iso8601' | undefined
  /** Name → value, one of which holds `{signature}`. */
  readonly headers: Readonly<Record<string, string>>
}

const EMPTY = Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex')

/** Signs the request as it goes out, over what the service declares. */
export class HmacInjector implements Injector {
  readonly needsBodyDigest: boolean
  readonly headers: readonly string[]
  readonly #injection: HmacInjection
  readonly #clock: Clock
  readonly #named: boolean
  readonly #secrets = new WeakMap<Opened, SigningSecret>()

  constructor(injection: HmacInjection, clock: Clock) {
    this.#injection = injection
    this.#clock = clock
    const names = namesIn([injection.stringToSign, ...Object.values(injection.headers)])
    this.needsBodyDigest = names.has('body_sha256') || names.has('body_sha256_base64')
    this.#named = names.has('key_id')
    this.headers = Object.keys(injection.headers).map(comparableName)
  }

  apply(head: OutgoingHead, opened: Opened, bodyDigest: Buffer = EMPTY): readonly string[] {
    refuseCredentialInQuery(head)
    const { algorithm, encoding, stringToSign, headers } = this.#injection
    const { id = '', key } = this.#secretOf(opened)
    const { path, query } = head.matched
    const values = {
      method: head.method,
      path,
      query,
      target: head.target,
      host: hostOf(head.origin),
      timestamp: this.#timestamp(),
      body_sha256: bodyDigest.toString('hex'),
      body_sha256_base64: bodyDigest.toString('base64'),
      key_id: id,
    }
    const text = fillPlaceholders(stringToSign, values)
    const signature = createHmac(algorithm, key).update(text, 'latin1').digest(encoding)
    const all = { ...values, signature }
    for (const [name, form] of Object.entries(headers)) head.headers.push(name, headerSafe(fillPlaceholders(form, all)))
    return [signature]
  }

  #timestamp(): string {
    const now = this.#clock.now()
    if (this.#injection.timestamp === 'iso8601') return new Date(now).toISOString()
    return String(this.#injection.timestamp === 'milliseconds' ? now : Math.floor(now / 1_000))
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
