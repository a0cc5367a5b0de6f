// Where the credential meets the request, and the only place where it becomes text. Its invariant: the request carries
// one credential, ours, where the service says; what the caller sent in that place is gone or the call is refused.
import { constrainedQuery, type QueryKeys, queryKeys } from '../ground/constrained-query.ts'
import { isCredentialText } from '../ground/credential-text.ts'
import { comparableName, isHeaderName, isHeaderValue, isHopByHop } from '../ground/header-names.ts'
import type { CredentialId } from '../ground/ids.ts'
import type { Secret } from '../ground/secret.ts'
import { credentialQueryName } from './credential-query.ts'
import { proxyProblem } from './problems.ts'
import type { OutgoingHead } from './request-head.ts'

/** How a service takes its credential. In a template `{secret}` stands for it. */
export type Injection =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'basic'; readonly username?: string | undefined }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'template'; readonly name: string; readonly template: string }

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
  /** Whether `apply` wants the SHA-256 of the whole body, which then has to be read before anything is sent. */
  readonly needsBodyDigest: boolean
  /** Comparable name of the header it writes: whatever the caller sent by that name is left out. */
  readonly header: string | undefined
  /** Changes the head in place. Throws Problem `credential_unusable`, `credential_in_query` or `target_ambiguous`. */
  apply(head: OutgoingHead, opened: Opened, bodyDigest?: Buffer): void
}

/** Headers that say where a message goes or where it ends. */
const FRAMING: ReadonlySet<string> = new Set(['host', 'content-length', 'expect'])

const injectors = new WeakMap<Injection, Injector>()

/** The injector for a service's way to take its credential; made once per injection object. */
export function injectorFor(injection: Injection): Injector {
  let injector = injectors.get(injection)
  if (injector === undefined) {
    injector = makeInjector(injection)
    injectors.set(injection, injector)
  }
  return injector
}

function makeInjector(injection: Injection): Injector {
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
  }
}

/** RFC 7617. Without a username the secret is `user:password`, or a user with an empty password (as Stripe takes it). */
function basicText(text: string, username: string | undefined): string {
  if (username !== undefined) return base64(`${username}:${text}`)
  return base64(text.includes(':') ? text : `${text}:`)
}

function base64(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64')
}

class HeaderInjector implements Injector {
  readonly needsBodyDigest = false
  readonly header: string
  readonly #name: string
  readonly #form: (text: string) => string
  /** Lives as long as the vault keeps the credential open, and no longer. */
  readonly #values = new WeakMap<Opened, string>()

  constructor(name: string, form: (text: string) => string) {
    this.#name = name
    this.#form = form
    this.header = comparableName(name)
    const framing = isHopByHop(this.header) || FRAMING.has(this.header)
    if (framing || !isHeaderName(name)) throw new TypeError(`inject: '${this.header}' cannot carry a credential`)
  }

  apply(head: OutgoingHead, opened: Opened): void {
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
  readonly needsBodyDigest = false
  readonly header = undefined
  readonly #name: string
  readonly #keys: QueryKeys
  readonly #values = new WeakMap<Opened, string>()

  constructor(name: string) {
    this.#name = name
    this.#keys = queryKeys([name])
  }

  apply(head: OutgoingHead, opened: Opened): void {
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

function refuseCredentialInQuery(head: OutgoingHead, except?: ReadonlySet<string>): void {
  const name = credentialQueryName(head.matched, except)
  if (name !== undefined) throw proxyProblem('credential_in_query', { facts: { name } })
}

/** Checked when it was stored, and again here: what was stored by an older release or edited by hand cannot split a head. */
function secretText(secret: Secret): string {
  const bytes = secret.reveal()
  if (!isCredentialText(bytes)) throw proxyProblem('credential_unusable')
  return bytes.toString('latin1')
}

function headerSafe(text: string): string {
  if (!isHeaderValue(text)) throw proxyProblem('credential_unusable')
  return text
}

/** Everything but RFC 3986 unreserved characters is percent-encoded. */
function strictlyEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
