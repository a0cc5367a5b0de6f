import { Authenticator, type Twist } from './authenticator.ts'
import type { Gateway } from './gateway.ts'
import { type Reply, send } from './send.ts'

interface PersonOptions {
  /** As the browser writes it; the gateway's own pages unless said otherwise. */
  readonly origin?: string
  readonly authenticator?: Authenticator
  /** Where the requests go, if that is not where the pages say to be. */
  readonly port?: number
  /** Over TLS, by this authority (PEM). */
  readonly ca?: string
  /** What a proxy in front puts on every request. */
  readonly headers?: Readonly<Record<string, string>>
}

interface Sending {
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly type?: string
}

/** A person at the operators' pages, as their browser would send it: origin, cookie, csrf token, and an authenticator. */
export class Person {
  readonly #gateway: Gateway
  readonly #options: PersonOptions
  authenticator: Authenticator
  cookie: string | undefined
  csrf: string | undefined
  recoveryCodes: readonly string[] = []

  constructor(gateway: Gateway, options: PersonOptions = {}) {
    this.#gateway = gateway
    this.#options = options
    this.authenticator = options.authenticator ?? new Authenticator()
  }

  /** Adds an operator, opens the link, makes a passkey: signed in. */
  static async enrolled(gateway: Gateway, name: string, role: string, options: PersonOptions = {}): Promise<Person> {
    await gateway.does('POST', '/operators', { name, role })
    const person = new Person(gateway, options)
    await person.enrols((await linkFor(gateway, name)).token)
    return person
  }

  /** Sends as the page's script would. Headers that are undefined are left out. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    { headers = {}, type = 'application/json' }: Sending = {},
  ): Promise<Reply> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const { port = Number(new URL(this.gatewayOrigin).port), headers: added, ca } = this.#options
    const usual: Record<string, string | undefined> = {
      host: new URL(this.origin).host,
      origin: method === 'GET' ? undefined : this.origin,
      'sec-fetch-site': 'same-origin',
      'content-type': text === undefined ? undefined : type,
      cookie: this.cookie === undefined ? undefined : `__Host-clv=${this.cookie}`,
      'claviger-csrf': this.csrf,
      ...added,
      ...headers,
    }
    const given = Object.entries(usual).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const reply = await send({
      ...{ port, ca },
      method,
      path: path.startsWith('/') ? `/claviger/v1${path}` : path,
      headers: Object.fromEntries(given),
      body: text,
    })
    this.#takeCookie(reply)
    return reply
  }

  /** The same, failing unless it is answered with 2xx. */
  async does<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const reply = await this.send(method, path, body)
    if (reply.status >= 300) throw new Error(`${method} ${path} → ${reply.status} ${reply.text()}`)
    return reply.json() as T
  }

  async enrols(token: string, twist?: Twist): Promise<Reply> {
    const started = await this.send('POST', '/people/enrol/start', { token })
    if (started.status !== 200) return started
    const { options } = started.json() as { options: never }
    const response = this.authenticator.create(options, this.origin, twist)
    return this.#opened(await this.send('POST', '/people/enrol/complete', { token, name: 'first key', response }))
  }

  async signsIn(twist?: Twist): Promise<Reply> {
    const options = await this.does('POST', '/people/sign-in/start')
    const response = this.authenticator.get(options as never, this.origin, twist)
    return this.#opened(await this.send('POST', '/people/sign-in/complete', { response }))
  }

  async recovers(code: string): Promise<Reply> {
    return this.#opened(await this.send('POST', '/people/recover', { code }))
  }

  async verifies(twist?: Twist): Promise<Reply> {
    const options = await this.does('POST', '/people/verify/start')
    const response = this.authenticator.get(options as never, this.origin, twist)
    return this.send('POST', '/people/verify/complete', { response })
  }

  /** One more passkey, in another authenticator. */
  async adds(authenticator: Authenticator, twist?: Twist): Promise<Reply> {
    const started = await this.send('POST', '/passkeys/start')
    if (started.status !== 200) return started
    const response = authenticator.create(started.json() as never, this.origin, twist)
    return this.send('POST', '/passkeys', { name: 'another key', response })
  }

  /** A restart may give the pages another port. */
  get origin(): string {
    return this.#options.origin ?? this.gatewayOrigin
  }

  get gatewayOrigin(): string {
    return this.#gateway.ready.operators as string
  }

  #opened(reply: Reply): Reply {
    if (reply.status >= 300) return reply
    const said = reply.json() as { csrf: string; recoveryCodes?: string[] }
    this.csrf = said.csrf
    this.recoveryCodes = said.recoveryCodes ?? this.recoveryCodes
    return reply
  }

  #takeCookie(reply: Reply): void {
    for (const line of reply.headers['set-cookie'] ?? []) {
      const value = /^__Host-clv=([^;]*)/.exec(line)?.[1]
      if (value !== undefined) this.cookie = value === '' ? undefined : value
    }
  }
}

/** A fresh link for an operator, as the token behind its `#`. */
export async function linkFor(gateway: Gateway, name: string): Promise<{ link: string; token: string }> {
  const { link } = await gateway.does<{ link: string }>('POST', `/operators/${name}/link`)
  return { link, token: new URL(link).hash.slice(1) }
}
