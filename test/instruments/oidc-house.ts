import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
// @ts-expect-error: it has no types of its own
import { Provider } from 'oidc-provider'
import { Agent, request } from 'undici'
import { Authority } from './certificates.ts'

export const CLIENT_ID = 'claviger-of-the-test'
export const CLIENT_SECRET = 'the-secret-of-the-client'

/** A real authorization server on loopback, https with an authority of its own, and a human who says yes without a browser. */
export class OidcHouse implements AsyncDisposable {
  readonly authority = new Authority()
  readonly #server: Server
  readonly #agent: Agent
  // biome-ignore lint/suspicious/noExplicitAny: it has no types of its own
  #provider: any

  private constructor() {
    const { cert, key } = this.authority.issue()
    this.#agent = new Agent({ connect: { ca: this.authority.pem } })
    this.#server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (incoming, response) =>
      this.#provider.callback()(incoming, response),
    )
  }

  static async start(): Promise<OidcHouse> {
    const house = new OidcHouse()
    await new Promise<void>((resolve) => house.#server.listen(0, '127.0.0.1', resolve))
    house.#provider = quietly(
      () =>
        new Provider(house.issuer, {
          clients: [client],
          features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
          scopes: ['openid', 'offline_access', 'api'],
          issueRefreshToken: () => true,
          rotateRefreshToken: true,
          cookies: { keys: ['a key for the cookies of the test'] },
          ttl: {
            AccessToken: 3_600,
            RefreshToken: 86_400,
            Grant: 86_400,
            Session: 3_600,
            Interaction: 3_600,
            IdToken: 60,
            DeviceCode: 600,
          },
          findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
        }),
    )
    return house
  }

  get issuer(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Whether an access token was given here and is alive. */
  async knows(token: string): Promise<boolean> {
    return (await this.#provider.AccessToken.find(token)) !== undefined
  }

  /** Ends an access token before its time. */
  async end(token: string): Promise<void> {
    await (await this.#provider.AccessToken.find(token))?.destroy()
  }

  /** Signs in and says yes to what the page asks, and gives the URL that the browser is sent to outside of the house. */
  async sayYes(url: string): Promise<string> {
    const jar = new Map<string, string>()
    let at = await this.#follow(await this.#ask(url, jar), jar)
    while (typeof at !== 'string') {
      const [, action = ''] = /<form[^>]*action="([^"]+)"/.exec(at.page) ?? []
      const form: Record<string, string> = { login: 'ada', password: 'any' }
      for (const [, name = '', value = ''] of at.page.matchAll(
        /<input type="hidden" name="([^"]+)" value="([^"]*)"/g,
      )) {
        form[name] = value
      }
      at = await this.#follow(await this.#ask(new URL(action, at.url).href, jar, form), jar)
      if (typeof at !== 'string' && at.page.includes('Sign-in Success')) return at.url
    }
    return at
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    this.authority[Symbol.dispose]()
  }

  async #ask(url: string, jar: Map<string, string>, form?: Record<string, string>): Promise<Page> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const type = form && { 'content-type': 'application/x-www-form-urlencoded' }
    const reply = await request(url, {
      dispatcher: this.#agent,
      method: form === undefined ? 'GET' : 'POST',
      headers: { cookie, ...type },
      body: form === undefined ? null : new URLSearchParams(form).toString(),
    })
    for (const line of [reply.headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    return {
      url,
      location: String(reply.headers.location ?? ''),
      page: await reply.body.text(),
    }
  }

  async #follow(from: Page, jar: Map<string, string>): Promise<Page | string> {
    let reply = from
    while (reply.location !== '') {
      const next = new URL(reply.location, reply.url).href
      if (!next.startsWith(this.issuer)) return next
      reply = await this.#ask(next, jar)
    }
    return reply
  }
}

interface Page {
  readonly url: string
  readonly location: string
  readonly page: string
}

const client = {
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
  token_endpoint_auth_method: 'client_secret_post',
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  scope: 'openid offline_access api',
}

/** It warns of every default that it is left with. */
function quietly<T>(make: () => T): T {
  const { info, warn } = console
  console.info = console.warn = () => {}
  try {
    return make()
  } finally {
    Object.assign(console, { info, warn })
  }
}
