import * as oauth from 'oauth4webapi'
import type { Gateway } from './gateway.ts'
import { KeyAgent } from './key-agent.ts'

/** Loopback needs no TLS; whatever else the library checks stays on. */
export const plain = { [oauth.allowInsecureRequests]: true }
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

export type DPoP = ReturnType<typeof oauth.DPoP>
type Parameters = Record<string, string>

/** An agent that speaks OAuth with a library of others. */
export class OAuthAgent {
  readonly server: oauth.AuthorizationServer
  readonly keyAgent: KeyAgent
  readonly client: oauth.Client
  readonly proves: oauth.ClientAuth

  private constructor(server: oauth.AuthorizationServer, keyAgent: KeyAgent) {
    this.server = server
    this.keyAgent = keyAgent
    this.client = { client_id: keyAgent.id }
    const key = keyAgent.privateKey.toCryptoKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
    this.proves = oauth.PrivateKeyJwt({ key, kid: keyAgent.thumbprint })
  }

  static async add(gateway: Gateway, name: string): Promise<OAuthAgent> {
    return new OAuthAgent(await discover(gateway), await KeyAgent.add(gateway, name))
  }

  get id(): string {
    return this.keyAgent.id
  }

  clientCredentials(parameters: Parameters = {}, dpop?: DPoP): Promise<oauth.TokenEndpointResponse> {
    return withNonce(async () => {
      const options = { ...plain, ...(dpop && { DPoP: dpop }) }
      const { server, client, proves } = this
      const reply = await oauth.clientCredentialsGrantRequest(server, client, proves, parameters, options)
      return oauth.processClientCredentialsResponse(server, client, reply)
    })
  }

  exchange(subject: string, parameters: Parameters = {}, dpop?: DPoP): Promise<oauth.TokenEndpointResponse> {
    return withNonce(async () => {
      const { server, client, proves } = this
      const asked = { subject_token: subject, subject_token_type: ACCESS_TOKEN, ...parameters }
      const options = { ...plain, ...(dpop && { DPoP: dpop }) }
      const reply = await oauth.genericTokenEndpointRequest(server, client, proves, TOKEN_EXCHANGE, asked, options)
      return oauth.processGenericTokenEndpointResponse(server, client, reply)
    })
  }

  async refresh(token: string, parameters: Parameters = {}): Promise<oauth.TokenEndpointResponse> {
    const { server, client, proves } = this
    const options = { ...plain, additionalParameters: parameters }
    const reply = await oauth.refreshTokenGrantRequest(server, client, proves, token, options)
    return oauth.processRefreshTokenResponse(server, client, reply)
  }

  async introspect(token: string, as: oauth.ClientAuth = this.proves): Promise<oauth.IntrospectionResponse> {
    const reply = await oauth.introspectionRequest(this.server, this.client, as, token, plain)
    return oauth.processIntrospectionResponse(this.server, this.client, reply)
  }

  async revoke(token: string, as: oauth.ClientAuth = this.proves): Promise<void> {
    const reply = await oauth.revocationRequest(this.server, this.client, as, token, plain)
    await oauth.processRevocationResponse(reply)
  }

  /** `behindS`: how much its clock is behind. */
  async dpop(behindS = 0): Promise<DPoP> {
    const pair = await oauth.generateKeyPair('ES256', { extractable: false })
    return oauth.DPoP({ ...this.client, [oauth.clockSkew]: -behindS }, pair)
  }
}

export async function discover(gateway: Gateway): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(gateway.url)
  const reply = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plain })
  return oauth.processDiscoveryResponse(issuer, reply)
}

/** As the library's documentation has it: a nonce that was asked for is in the next request by itself. */
async function withNonce<T>(work: () => Promise<T>): Promise<T> {
  return work().catch((error: unknown) => {
    if (!oauth.isDPoPNonceError(error)) throw error
    return work()
  })
}
