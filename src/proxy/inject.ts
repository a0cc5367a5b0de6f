// Where the credential meets the request; secret-text.ts is the only place where it becomes text. Its invariant: the request carries
// one credential, ours, where the service says; what the caller sent in that place is gone or the call is refused.
import { type Clock, systemClock } from '../ground/clock.ts'
import { constrainedQuery, type QueryKeys, queryKeys } from '../ground/constrained-query.ts'
import { comparableName, isHeaderName, isHopByHop } from '../ground/header-names.ts'
import type { CredentialId } from '../ground/ids.ts'
import type { Secret } from '../ground/secret.ts'
import { refuseCredentialInQuery } from './credential-query.ts'
import { type HmacInjection, HmacInjector } from './inject-hmac.ts'
import { type PathInjection, PathInjector } from './inject-path.ts'
import { type SigV4Injection, SigV4Injector } from './inject-sigv4.ts'
import type { OutgoingHead } from './request-head.ts'
import { headerSafe, secretText, strictlyEncoded } from './secret-text.ts'

/** How a service takes its credential. In a template `{secret}` stands for it. */
export type Injection =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'basic'; readonly username?: string | undefined }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'body' }
  | { readonly kind: 'template'; readonly name: string; readonly template: string }
  | PathInjection
  | SigV4Injection
  | HmacInjection

/** A credential as the vault opens it: the same object for as long as it is kept open. */
export interface Opened {
  readonly id: CredentialId
  readonly version: number
  readonly value: Secret
  /** What else must not come back: it is searched for, and never sent. */
  readonly others?: readonly Secret[]
  /** Present where the vault can renew it after the service refused it. */
  readonly generation?: number | undefined
}

/** Attaches one kind of credential. */
export interface Injector {
  /** Whether `apply` wants the whole body, which then has to be read before anything is sent. */
  readonly needsBody: boolean
  /** Whether this one's body may go by unread although it wants bodies. Throws Problem `header_refused`. */
  readonly streams?: (head: OutgoingHead) => boolean
  /** Comparable names of the headers it writes: whatever the caller sent by those names is left out. */
  readonly headers: readonly string[]
  /**
   * Changes the head in place, and gives what it made of the secret for this request alone: that must not come back either.
   * Throws Problem `credential_unusable`, `credential_in_query`, `signing_unknown` or `target_ambiguous`.
   */
  apply(head: OutgoingHead, opened: Opened, body?: Buffer): readonly string[] | undefined
}

/** Headers that say where a message goes or where it ends. */
const FRAMING: ReadonlySet<string> = new Set(['host', 'content-length', 'expect'])

/** Gives the injector for a service's way to take its credential; made once per injection object. */
export function createInjectors(clock: Clock): (injection: Injection) => Injector {
  const injectors = new WeakMap<Injection, Injector>()
  return (injection) => {
    let injector = injectors.get(injection)
    if (injector === undefined) {
      injector = makeInjector(injection, clock)
      injectors.set(injection, injector)
    }
    return injector
  }
}

export const injectorFor = createInjectors(systemClock)

function makeInjector(injection: Injection, clock: Clock): Injector {
  switch (injection.kind) {
    case 'bearer':
      return new HeaderInjector('authorization', (text) => `Bearer ${text}`)
    case 'basic':
      return new HeaderInjector('authorization', (text) => `Basic ${basicText(text, injection.username)}`)
    case 'header':
      return new HeaderInjector(injection.name, (text) => text)
    case 'template':
      return new HeaderInjector(injection.name, (text) => injection.template.split('{secret}').join(text))
    case 'query':
      return new QueryInjector(injection.name)
    case 'body':
      return inBody
    case 'path':
      return new PathInjector(injection)
    case 'sigv4':
      return new SigV4Injector(injection, clock)
    case 'hmac':
      return new HmacInjector(injection, clock)
  }
}

/** Nothing of the head is the credential's: it goes where a placeholder stands in the body. */
const inBody: Injector = Object.freeze({
  needsBody: false,
  headers: [],
  apply: (head: OutgoingHead) => {
    refuseCredentialInQuery(head)
    return undefined
  },
})

/** RFC 7617. Without a username the secret is `user:password`, or a user with an empty password (as Stripe takes it). */
function basicText(text: string, username: string | undefined): string {
  if (username !== undefined) return base64(`${username}:${text}`)
  return base64(text.includes(':') ? text : `${text}:`)
}

function base64(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64')
}

class HeaderInjector implements Injector {
  readonly needsBody = false
  readonly headers: readonly string[]
  readonly #name: string
  readonly #form: (text: string) => string
  /** Lives as long as the vault keeps the credential open, and no longer. */
  readonly #values = new WeakMap<Opened, string>()

  constructor(name: string, form: (text: string) => string) {
    this.#name = name
    this.#form = form
    const header = comparableName(name)
    this.headers = [header]
    const framing = isHopByHop(header) || FRAMING.has(header)
    if (framing || !isHeaderName(name)) throw new TypeError(`inject: '${header}' cannot carry a credential`)
  }

  apply(head: OutgoingHead, opened: Opened): undefined {
    refuseCredentialInQuery(head)
    let value = this.#values.get(opened)
    if (value === undefined) {
      value = headerSafe(this.#form(secretText(opened.value)))
      this.#values.set(opened, value)
    }
    head.headers.push(this.#name, value)
  }
}

class QueryInjector implements Injector {
  readonly needsBody = false
  readonly headers = []
  readonly #name: string
  readonly #keys: QueryKeys
  readonly #values = new WeakMap<Opened, string>()

  constructor(name: string) {
    this.#name = name
    this.#keys = queryKeys([name])
  }

  apply(head: OutgoingHead, opened: Opened): undefined {
    let value = this.#values.get(opened)
    if (value === undefined) {
      value = `${strictlyEncoded(this.#name)}=${strictlyEncoded(secretText(opened.value))}`
      this.#values.set(opened, value)
    }
    refuseCredentialInQuery(head, this.#keys.folded)
    const { path, query, pairs } = head.matched
    // Refuses the key in any spelling but the plain one, and twice: then it is not known what would be left.
    const sent = constrainedQuery(head.matched, this.#keys).size > 0
    const rest = sent ? pairs.filter(({ rawName }) => rawName !== this.#name) : pairs
    const kept = sent ? rest.map(({ raw }) => raw).join('&') : query
    head.target = kept === '' ? `${path}?${value}` : `${path}?${kept}&${value}`
  }
}
